"""A built wheel, installed elsewhere: the command starts, and recipes are data, not a module."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from rnascl_tf import __version__

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = "rnascl_tf/recipes/shipped"


def pip(*arguments):
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy of the sources and without a network."""
    source = tmp_path_factory.mktemp("source")
    for path in files_of_the_package():
        target = source / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    folder = tmp_path_factory.mktemp("wheel")
    offline = ("--no-deps", "--no-build-isolation", "--no-index")
    pip("wheel", "--quiet", *offline, "--wheel-dir", str(folder), str(source))
    (path,) = folder.glob("*.whl")
    return path


def files_of_the_package():
    for folder in ("rnascl_tf", "teachers", "configs", "tests"):
        yield from (p for p in (ROOT / folder).rglob("*.py*") if p.suffix != ".pyc")
    yield from (ROOT / folder / "py.typed" for folder in ("rnascl_tf", "teachers"))
    yield from (ROOT / name for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"))


@pytest.fixture(scope="module")
def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    target = tmp_path_factory.mktemp("site")
    pip("install", "--quiet", "--no-deps", "--no-index", "--target", str(target), str(wheel))
    return target


@pytest.fixture
def project(tmp_path):
    """Somebody's project, which has a package `configs` of its own."""
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "__init__.py").write_text("")
    (tmp_path / "configs" / "settings.py").write_text("EPOCHS = 7\n")
    (tmp_path / "recipe.py").write_text(
        "from configs.settings import EPOCHS\n"
        "from rnascl_tf.recipes import load_recipe\n"
        "def get_config():\n"
        "    config = load_recipe('digits:smoke').unlock()\n"
        "    config.search.epochs = EPOCHS\n"
        "    return config\n"
    )
    return tmp_path


def run(installed, folder, program, *arguments):
    return subprocess.run(
        [sys.executable, *program, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{installed}{os.pathsep}{folder}"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_holds_the_package_alone(names):
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"rnascl_tf", "teachers"}
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_wheel_holds_every_source_and_its_types(names):
    wanted = {
        str(path.relative_to(ROOT))
        for path in files_of_the_package()
        if path.relative_to(ROOT).parts[0] in ("rnascl_tf", "teachers")
    }
    assert any(name.endswith(".pyi") for name in wanted)
    assert wanted <= names


def test_recipes_are_shipped_as_data(names):
    recipes = {path.name for path in (ROOT / "configs").glob("*.py")}
    assert {Path(name).name for name in names if name.startswith(SHIPPED)} == recipes


def test_the_version_is_the_packages(wheel, installed, tmp_path):
    assert wheel.name.startswith(f"rnascl_tf-{__version__}-")
    done = run(installed, tmp_path, [installed / "bin" / "rnascl"], "--version")
    assert done.stdout == f"rnascl {__version__}\n"


def test_the_installed_command_explains_itself(installed, tmp_path):
    for arguments in (("--help",), ("run", "--help")):
        done = run(installed, tmp_path, [installed / "bin" / "rnascl"], *arguments)
        assert done.returncode == 0, done.stderr
        assert "usage: rnascl" in done.stdout
        assert done.stderr == ""


def test_shipped_recipes_are_found_beside_a_project_of_that_name(installed, project):
    code = (
        "from rnascl_tf.recipes import load_recipe, shipped_recipes\n"
        "print(*(load_recipe(name).data.name for name in shipped_recipes()))"
    )
    done = run(installed, project, ["-c", code])
    assert done.stdout.split() == [path.stem for path in sorted((ROOT / "configs").glob("*.py"))]
    wrong = ("--workdir=run", "--config.search.epochs=0")
    done = run(installed, project, ["-m", "rnascl_tf"], "--config=digits:smoke", *wrong)
    assert done.returncode == 2
    assert "--config.search.epochs=0 should be at least 1" in done.stderr


def test_a_recipe_reads_the_configs_of_its_own_project(installed, project):
    code = (
        "from configs.settings import EPOCHS\n"
        "from rnascl_tf.recipes import load_recipe\n"
        "print(load_recipe('recipe.py').search.epochs == EPOCHS == 7)"
    )
    done = run(installed, project, ["-c", code])
    assert done.stdout == "True\n", done.stderr
