"""BUILD files say what the imports say, one target for each file."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WRITER = ROOT / "bazel" / "write_build_files.py"
TARGET = re.compile(r'^(\w+)\((?:\n    .*)*?\n    srcs = \["(.*)"\]', re.MULTILINE)


def test_they_are_what_the_imports_say():
    checked = subprocess.run(
        [sys.executable, WRITER, "--check"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout


def test_every_file_has_one_target_and_every_test_file_is_tested():
    for folder in ("rnascl_tf", "teachers", "configs", "benchmarks", "examples", "tests"):
        for build in (ROOT / folder).glob("**/BUILD"):
            targets = TARGET.findall(build.read_text())
            files = {path.name for path in build.parent.glob("*.py")}
            assert sorted(name for _, name in targets) == sorted(files), build
            for rule, name in targets:
                assert (rule == "pytest_test") == name.startswith("test_"), name
    without = [
        path.parent
        for tree in ("rnascl_tf", "teachers", "configs", "benchmarks", "examples", "bazel", "tests")
        for path in (ROOT / tree).glob("**/*.py")
        if not (path.parent / "BUILD").exists()
    ]
    assert without == []


def test_a_stale_file_is_named(tmp_path):
    copied = tmp_path / "checkout"
    for path in ("bazel/write_build_files.py", "rnascl_tf/new_file.py"):
        (copied / path).parent.mkdir(parents=True, exist_ok=True)
    (copied / "bazel" / "write_build_files.py").write_text(WRITER.read_text())
    (copied / "rnascl_tf" / "new_file.py").write_text("import numpy\n")
    command = [sys.executable, copied / "bazel" / "write_build_files.py"]
    checked = subprocess.run([*command, "--check"], capture_output=True, text=True, check=False)
    assert checked.returncode == 1
    assert "rnascl_tf/BUILD is not what the imports say: make build-files" in checked.stdout
    subprocess.run(command, check=True)
    assert 'requirement("numpy")' in (copied / "rnascl_tf" / "BUILD").read_text()
    assert subprocess.run([*command, "--check"], check=False).returncode == 0
