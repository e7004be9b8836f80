"""`pip install .` outside of the checkout: shipped recipes are found by name, the command starts."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The package installed into an empty folder, from a copy of the sources."""
    source = tmp_path_factory.mktemp("source")
    for name in ("rnascl_tf", "teachers", "configs"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--no-index", "--target", str(target), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


def run(installed, tmp_path, *arguments):
    return subprocess.run(
        [sys.executable, "-P", "-m", "rnascl_tf", *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_ships_recipes_and_licence_and_no_tests(installed):
    for name in (
        "rnascl_tf/recipes/base.py",
        "configs/digits.py",
        "configs/cifar10.py",
        "teachers/native/small_resnet.py",
    ):
        assert (installed / name).is_file()
    assert not (installed / "tests").exists()
    assert list(installed.rglob("licenses/LICENSE"))


def test_finds_recipes_by_name_from_another_folder(installed, tmp_path):
    # A folder of the user's with the same name must not shadow the shipped recipes.
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "__init__.py").write_text("")
    done = run(
        installed, tmp_path, "--config=digits:smoke", "--workdir=run", "--config.search.epochs=0"
    )
    assert done.returncode == 2
    assert "--config.search.epochs=0 should be at least 1" in done.stderr


def test_command_is_installed(installed):
    assert (installed / "bin" / "rnascl").is_file()
