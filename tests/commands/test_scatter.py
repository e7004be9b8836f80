"""`rnascl scatter`: picture, table, CSV, and one line for what is wrong."""

import pytest
from PIL import Image

from rnascl_tf.commands.scatter import main


@pytest.fixture
def runs(write_record, models):
    attacked, result = models
    student = attacked(0.81, 0.40) | {"pgd20@2/255": result(0.70, 2 / 255)}
    one = write_record("runs/one", {"teacher": attacked(0.74, 0.46), "student": student})
    two = write_record("runs/two", {"student": attacked(0.86, 0.02, cw=0.01)}, params=3033210)
    return [str(one), str(two / "record.json")]


def test_draws_prints_and_writes(runs, tmp_path, capsys):
    picture = tmp_path / "figure1.png"
    assert main([*runs, f"--out={picture}"]) == 0
    assert Image.open(picture).width == 960
    assert len((tmp_path / "figure1.csv").read_text().splitlines()) == 4
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "cifar10, L-inf epsilon 8/255, pixel space: accuracy in %" in lines
    assert "one student 118,130 81.0 [76.9, 84.5] 40.0 [35.3, 44.9] 400" in lines
    assert "two student 3,033,210 86.0 [82.3, 89.1] 2.0 [1.0, 3.9] 400" in lines


def test_attack_may_name_its_epsilon_and_what_lacks_it_is_said(runs, tmp_path, capsys):
    arguments = [f"--out={tmp_path / 'a.png'}", "--attack=pgd20@2/255"]
    assert main([*arguments, *runs]) == 0
    out = capsys.readouterr().out
    assert "epsilon 2/255" in out
    assert "two, student: not measured under pgd20 at epsilon 2/255; left out." in out


def test_strongest_names_each_attack(runs, tmp_path, capsys):
    assert main([*runs, f"--out={tmp_path / 'a.png'}", "--attack=strongest"]) == 0
    out = capsys.readouterr().out
    assert "cw 1.0 [0.4, 2.5]" in " ".join(out.split())


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ([], "RUN_OR_RECORD is missing"),
        (["--scatter", "RUN"], "unknown flag --scatter"),
        (["none"], "none does not exist"),
        (["RUN", "--out=a.txt"], "a.txt has no known format"),
        (["RUN", "--out=none/a.png"], "there is no folder none"),
        (["RUN", "--attack=pgd20@2/255", "--epsilon=8/255"], "both give an epsilon"),
        (["RUN", "--epsilon=8"], "epsilon"),
        (["RUN", "--colour=red"], "colour"),
    ],
)
def test_wrong_input_is_one_line_and_two(runs, arguments, wanted, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert main([runs[0] if argument == "RUN" else argument for argument in arguments]) == 2
    err = capsys.readouterr().err
    assert wanted in err
    assert err.startswith("error: ")
    assert len(err.splitlines()) == 1
    assert sorted(tmp_path.iterdir()) == before


def test_help_says_how(capsys):
    assert main(["--help"]) == 0
    assert "usage: rnascl scatter" in capsys.readouterr().out
