"""Jobs as real processes: at a time, with their share of the cores, failures with their reasons."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from rnascl_tf.ablation import Job, run_jobs

ROOT = Path(__file__).resolve().parents[2]


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


def test_jobs_that_run_at_once_share_the_cores(tmp_path, monkeypatch):
    given = []

    class Ended:
        def __init__(self, command, *, env, **options):
            given.append([value for name, value in env.items() if name.endswith("_THREADS")])

        def wait(self):
            return 0

    monkeypatch.setattr(subprocess, "Popen", Ended)
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    for name in ("OMP_NUM", "TF_NUM_INTRAOP", "TF_NUM_INTEROP", "OPENBLAS_NUM", "MKL_NUM"):
        monkeypatch.delenv(f"{name}_THREADS", raising=False)
    jobs = [job(tmp_path, name) for name in ("a", "b", "c")]
    assert run_jobs(jobs, 2) == {}
    assert run_jobs(jobs[:1], 2) == {}
    assert given == [["3"] * 3] * 3 + [["7"] * 3]


def test_ctrl_c_reaches_each_job_once(tmp_path):
    """A terminal sends it to the whole group; a second one ends a job without saving."""
    log = tmp_path / "log.txt"
    arguments = (
        "--config=digits:smoke",
        f"--workdir={tmp_path / 'run'}",
        "--stages=teacher",
        "--config.teacher.widths=(5,)",
        "--config.teacher.blocks=(1,)",
        "--config.teacher.epochs=10000",  # it must not end before the signal comes
        "--config.teacher.patience=10000",
    )
    script = (
        # A shell starts its background jobs, such as a whole test run, with Ctrl-C ignored.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from pathlib import Path; from rnascl_tf.ablation import Job, run_jobs\n"
        f"run_jobs([Job('one', {arguments!r}, Path({str(log)!r}))], 1)"
    )
    group = subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    child = None
    try:
        deadline = time.monotonic() + 200
        while not log.exists() or "teacher: started" not in log.read_text():
            assert time.monotonic() < deadline, log.read_text() if log.exists() else "no log"
            time.sleep(0.05)
        children = ["ps", "-o", "pid=", "--ppid", str(group.pid)]
        listed = subprocess.run(children, capture_output=True, text=True, check=True).stdout
        (child,) = map(int, listed.split())
        assert os.getpgid(child) != group.pid
        os.killpg(group.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            group.wait(timeout=200)
        assert group.returncode not in (None, 0), log.read_text()
        assert "interrupted; the same command" in log.read_text()
    finally:
        # A failure must not leave ten thousand epochs to the tests that follow.
        for left in (child, group.pid):
            with contextlib.suppress(TypeError, ProcessLookupError):
                os.killpg(left, signal.SIGKILL)
