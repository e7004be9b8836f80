"""What C libraries write to standard error, without some lines of it."""

import contextlib
import os

from rnascl_tf.runtime.standard_error import without_lines


def test_lines_with_noise_are_left_out_and_all_others_passed_on_in_order(capfd):
    with without_lines(b"delegate", b"runtime"):
        os.write(2, b"INFO: made a delegate\nerror of the file\n")
        os.write(2, b"INFO: runtime\nno end")
    os.write(2, b", after\n")
    assert capfd.readouterr().err == "error of the file\nno end, after\n"


def test_standard_error_is_back_after_an_exception(capfd):
    with contextlib.suppress(KeyError), without_lines(b"noise"):
        os.write(2, b"noise\nreason\n")
        raise KeyError
    os.write(2, b"noise\n")
    assert capfd.readouterr().err == "reason\nnoise\n"
