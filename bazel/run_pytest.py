"""The main program of every test target: pytest on the one file that it is given."""

import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    # The checkout's options, from beside the test wherever Bazel has put it.
    arguments = ["--import-mode=importlib", "-p", "no:cacheprovider", *sys.argv[1:]]
    sys.exit(pytest.main([*arguments, f"--rootdir={Path.cwd()}"]))
