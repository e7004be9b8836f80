"""The main program of every test target: runs pytest on the given file."""

import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    # The checkout's options, wherever Bazel has put it.
    options = [f"--config-file={Path.cwd() / 'pyproject.toml'}", f"--rootdir={Path.cwd()}"]
    sys.exit(pytest.main(["-p", "no:cacheprovider", *options, *sys.argv[1:]]))
