"""One process at a time in a folder, and none that is dead."""

import os
import subprocess
import sys

import pytest

from rnascl_tf.errors import UserError
from rnascl_tf.runs.folder_lock import FolderLock


def test_a_second_lock_names_the_owner_and_gets_in_after_it(tmp_path):
    first, second = FolderLock(tmp_path), FolderLock(tmp_path)
    assert first.acquire()
    assert not first.acquire(), "it is held already"
    with pytest.raises(UserError, match=rf"is in use by process {os.getpid()} on \S+: wait"):
        second.acquire()
    first.release()
    first.release()
    assert second.acquire()
    second.release()


def test_a_process_that_was_killed_holds_no_lock(tmp_path):
    code = (
        "import os, sys; from pathlib import Path\n"
        "from rnascl_tf.runs.folder_lock import FolderLock\n"
        "FolderLock(Path(sys.argv[1])).acquire(); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)]).returncode == 9
    lock = FolderLock(tmp_path)
    assert lock.acquire()
    lock.release()
