"""Jobs as real processes: at a time, with their share of the cores, failures with their reasons."""

from rnascl_tf.ablation import Job, run_jobs


def job(tmp_path, name, *arguments):
    return Job(name, arguments, tmp_path / name / "log.txt")


def test_a_failing_job_stops_no_other_and_is_named_with_its_own_reason(tmp_path):
    good = job(tmp_path, "good", "--help")
    bad = job(tmp_path, "bad", "--config=nothing", "--workdir=x")
    bad.log.parent.mkdir()
    bad.log.write_text("error: of an earlier try\n")
    ended = {}
    failures = run_jobs([good, bad], 2, lambda job, failure: ended.update({job: failure}))
    assert failures == {bad: ended[bad]}
    assert ended[good] is None
    assert failures[bad].startswith("no recipe is called 'nothing'")
    assert "exit code 2" in failures[bad]
    assert "usage: rnascl" in good.log.read_text()
    assert bad.log.read_text().startswith("error: of an earlier try\n"), "the log is kept"
