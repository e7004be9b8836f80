"""The three hand-written BUILD files agree with requirements.in, and with the package's version."""

import re
from pathlib import Path

from rnascl_tf import __version__

ROOT = Path(__file__).resolve().parents[1]
BUILD_FILES = ("BUILD", "bazel/BUILD", "tests/BUILD")
NOT_IMPORTED = {
    "backports.strenum",  # a bound on ai-edge-litert's own dependency
    "importlib-resources",  # tensorflow-datasets imports it
    "tensorboard",  # TensorFlow's callback imports it
    "mypy",  # make lint alone
    "pytest-xdist",  # Bazel runs its targets in parallel itself
    "ruff",
}


def direct_requirements():
    lines = (ROOT / "requirements.in").read_text().splitlines()
    names = (re.match(r"[\w.-]+", line) for line in lines)
    return {name[0].replace("_", "-") for name in names if name}


def test_requirements_are_those_of_requirements_in():
    text = "".join((ROOT / name).read_text() for name in (*BUILD_FILES, "bazel/pytest_test.bzl"))
    assert set(re.findall(r'requirement\("([^"]+)"\)', text)) == (
        direct_requirements() - NOT_IMPORTED
    )


def test_there_is_no_other_build_file():
    found = {
        path.relative_to(ROOT).as_posix()
        for name in ("BUILD", "BUILD.bazel")
        for folder in (
            ".",
            "bazel",
            "benchmarks",
            "configs",
            "examples",
            "rnascl_tf",
            "teachers",
            "tests",
        )
        for path in ([ROOT / name] if folder == "." else (ROOT / folder).rglob(name))
        if path.is_file()
    }
    assert found == set(BUILD_FILES)


def test_the_version_is_the_packages():
    (version,) = re.findall(r'^    version = "(.+)",$', (ROOT / "MODULE.bazel").read_text(), re.M)
    assert version == __version__
