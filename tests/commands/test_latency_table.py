"""The command `rnascl latency-table`, on a space of two blocks."""

import functools
import json

import pytest
from PIL import Image

from rnascl_tf import deploy
from rnascl_tf.commands import latency_table as command
from rnascl_tf.deploy.latency import block_files, block_timing
from rnascl_tf.networks import read_latency_table
from tests.deploy.latency.conftest import Additive


def run(capsys, *arguments):
    code = command.main(list(map(str, arguments)))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_command_measures_resumes_and_draws(tiny, tmp_path, capsys, monkeypatch):
    out = tmp_path / "new" / "table.json"
    flags = ["--space=tiny", "--image_size=13", "--num_classes=5", f"--out={out}"]
    flags += ["--runs=8", "--rounds=4", "--check=3", "--activation=relu6"]
    made = []
    real = block_timing.block_file

    def stopping(shape, *rest):
        made.append(shape)
        if len(made) == 5:
            raise KeyboardInterrupt
        return real(shape, *rest)

    monkeypatch.setattr(block_timing, "block_file", stopping)
    # What is converted is another test's, and real times of networks this small are mostly noise.
    monkeypatch.setattr(block_files, "_file", lambda model, _: model.name.encode())
    formula = Additive()
    monkeypatch.setattr(formula, "time", functools.partial(formula.time, shape=(13, 13)))
    # Where the job reads it: a lazy package keeps what it has given once.
    monkeypatch.setattr(deploy, "device_named", lambda *_: formula)
    assert run(capsys, *flags)[0] == 130
    assert not out.exists()
    code, output, errors = run(capsys, *flags)
    assert code == 0, errors
    # 3 blocks of the first stage and 9 of the second; four were made before.
    assert len(made) == 5 + 12 - 4
    assert "12 distinct blocks, 9 students" in output
    assert "rank correlation" in output
    table = read_latency_table(out)
    record = json.loads(out.read_text())
    assert (table.problem.space.name, table.kind, table.activation) == ("tiny", "float32", "relu6")
    assert len(record["check"]["measured_ms"]) == 3
    assert record["check"]["largest_error"] < 1e-9
    assert record["settings"]["runs"] == 8
    assert Image.open(out.with_suffix(".png")).width > 400
    assert sorted(path.name for path in out.parent.iterdir()) == ["table.json", "table.png"]


def test_a_table_that_is_there_is_not_overwritten_unasked(capsys, tmp_path):
    out = tmp_path / "table.json"
    out.write_text("hours of work")
    code, _, errors = run(capsys, f"--out={out}", "--space=S5")
    assert code == 2
    assert "is there already: give another --out, or --overwrite" in errors
    assert out.read_text() == "hours of work"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--out is missing"),
        (["--out=table.txt"], "should be a .json file"),
        (["--out=table.json", "--space=S4"], "S4"),
        (["--out=table.json", "--kind=int4"], "int4"),
        (["--out=table.json", "--device=phone"], "unknown device 'phone'"),
        (["--out=table.json", "--check=1"], "check"),
        (["--out=table.json", "--image_size=2"], "image_size"),
    ],
)
def test_wrong_input_is_one_line(capsys, monkeypatch, tmp_path, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, _, errors = run(capsys, *arguments)
    assert code == 2
    assert message in errors
    assert len(errors.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())
