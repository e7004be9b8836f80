import os
import subprocess
import sys

import numpy as np
import PIL.Image
import pytest

import teachers
from rnascl_tf.commands.export_teacher import main
from teachers.pytorch.zoo import ZOO

SMALL = ("--architecture=wide_resnet10_1", "--num_classes=7", "--input_size=16")
WITHOUT_PYTORCH = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")

sys.meta_path.insert(0, Absent())
from rnascl_tf.commands.export_teacher import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def torch():
    reason = "PyTorch is an optional extra: pip install '.[torch]'"
    return pytest.importorskip("torch", reason=reason)


@pytest.fixture
def checkpoint(torch, tmp_path):
    from teachers.pytorch.networks.wide_resnet import WideResNet

    torch.manual_seed(2)
    weights = WideResNet(10, 1, num_classes=7).state_dict()
    mean, std = (torch.tensor(v).reshape(3, 1, 1) for v in ((0.4, 0.5, 0.6), (0.2, 0.3, 0.5)))
    normalizer = {"module.normalizer.new_mean": mean, "module.normalizer.new_std": std}
    model = normalizer | {f"module.model.{key}": value for key, value in weights.items()}
    torch.save({"model": model}, tmp_path / "checkpoint.pt")
    return tmp_path / "checkpoint.pt"


@pytest.fixture
def refused(capfd, tmp_path, monkeypatch):
    """Runs the command in an empty folder; returns its one line of complaint."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        capfd.readouterr()
        before = set(tmp_path.rglob("*"))
        code = main(list(arguments))
        complaint = capfd.readouterr().err
        assert code == 2, complaint
        assert len(complaint.splitlines()) == 1, complaint
        assert complaint.startswith("error: ")
        assert set(tmp_path.rglob("*")) == before
        return complaint

    return run


def run_process(*arguments, code=("-m", "rnascl_tf", "export-teacher"), **variables):
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", **variables}
    return subprocess.run(
        [sys.executable, *code, *arguments], capture_output=True, text=True, env=environment
    )


def test_the_zoo_is_listed_and_help_is_given(capsys):
    assert main(["--list"]) == 0
    listed = capsys.readouterr().out
    for entry in ZOO.values():
        (line,) = [line for line in listed.splitlines() if f" {entry.name} " in line]
        assert entry.architecture in line
        assert entry.published in line
        assert entry.paper.link in line
        assert "- / -" in line if entry.clean is None else f"{entry.clean:.2f} / " in line
    assert main(["--help"]) == 0
    assert "usage: rnascl export-teacher --zoo=NAME" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ((), "--out is missing"),
        (("--out=a.onnx",), "--zoo is missing: give a name that --list shows, or --architecture"),
        (("--out=a.pt",), "should end in .onnx"),
        (("--out=none/a.onnx",), "there is no folder none"),
        (("--out=a.onnx", "--zoo=wang2023_wrn28_1"), "did you mean wang2023_wrn28_10?"),
        (("--out=a.onnx", "--zoo=salman2020_r18"), "get it from https://github.com/microsoft/"),
        (("--out=a.onnx", "--zoo=salman2020_r18", "--mean=1,1,1"), "leave --mean out"),
        (
            ("--out=a.onnx", "--architecture=resnet18"),
            "needs --num_classes and --input_size with it",
        ),
        (("--out=a.onnx", *SMALL), "--checkpoint is missing; give the PyTorch file"),
        (("--out=a.onnx", *SMALL, "--mean=0.5,0.5"), "three finite numbers each"),
        (("--out=a.onnx", *SMALL, "--mean=a,b,c"), "--mean=a,b,c: wanted numbers with commas"),
        (("--out=a.onnx", *SMALL, "--mean=1,1,1", "--std=1,0,1"), "deviations positive"),
        (("--output=a.onnx",), "unknown flag --output (did you mean --out?)"),
        (("a.onnx",), "unexpected argument 'a.onnx'"),
    ],
)
def test_wrong_flags(arguments, wanted, refused):
    assert wanted in refused(*arguments)


def test_an_existing_file_is_kept(refused, tmp_path):
    (tmp_path / "a.onnx").write_bytes(b"mine")
    assert "a.onnx exists; give another name, or --overwrite" in refused("--out=a.onnx", *SMALL)
    assert (tmp_path / "a.onnx").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (("--architecture=wide_resnet10_2", *SMALL[1:]), "of another shape (block1.layer.0.conv1"),
        (("--architecture=wide_resnet", *SMALL[1:]), "no architecture is called 'wide_resnet'"),
        ((*SMALL, "--mean=0.5,0.5,0.5", "--std=1,1,1"), "wanted mean 0.5,0.5,0.5 and std 1,1,1"),
        ((*SMALL, "--images=none.npz"), "--images=none.npz does not exist"),
    ],
)
def test_a_checkpoint_that_does_not_fit(arguments, wanted, refused, checkpoint):
    assert wanted in refused(f"--checkpoint={checkpoint}", "--out=a.onnx", *arguments)


def test_from_checkpoint_to_teacher(checkpoint, tmp_path):
    out = tmp_path / "teacher.onnx"
    result = run_process(f"--checkpoint={checkpoint}", f"--out={out}", *SMALL)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert (
        "normalises images by mean 0.4,0.5,0.6 and std 0.2,0.3,0.5, after limiting" in result.stdout
    )
    assert "7 tapped convolutions" in result.stdout
    assert f"--config.teacher.onnx={out}" in result.stdout
    teacher = teachers.load_onnx(out, num_classes=7, input_shape=(16, 16, 3))
    assert len(teacher.tap_names) == 7


def test_images_for_the_proof(checkpoint, tmp_path, generator, refused):
    arguments = [f"--checkpoint={checkpoint}", *SMALL]
    folder = tmp_path / "images"
    folder.mkdir()
    assert "holds no image files" in refused(*arguments, f"--images={folder}", "--out=a.onnx")
    pixels = generator.integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    PIL.Image.fromarray(pixels[0]).save(folder / "a.png")
    np.savez(tmp_path / "good.npz", images=pixels)
    np.savez(tmp_path / "bad.npz", images=pixels[:, :, :5])
    complaint = refused(*arguments, f"--images={tmp_path / 'bad.npz'}", "--out=a.onnx")
    assert "holds float32 [3, 16, 5, 3], wanted `images`" in complaint
    for source in (folder, tmp_path / "good.npz"):
        out = tmp_path / f"{source.stem}.onnx"
        assert main([*arguments, f"--images={source}", f"--out={out}"]) == 0
        assert out.exists()


def test_without_pytorch_one_line_says_what_to_install(tmp_path):
    (tmp_path / "c.pt").write_bytes(b"")
    arguments = (f"--checkpoint={tmp_path}/c.pt", f"--out={tmp_path}/a.onnx", *SMALL)
    result = run_process(*arguments, code=("-c", WITHOUT_PYTORCH))
    assert result.returncode == 2
    assert result.stderr.splitlines() == [
        "error: PyTorch is not installed, and export needs it: pip install '.[torch]'."
    ]
