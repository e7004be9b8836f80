"""SIGINT and SIGTERM: raised at once, or deferred to the end of a step; the second ends the process."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rnascl_tf.runtime.stopping import StoppedError, deferred_stop, stop_requested, stop_signals

ROOT = Path(__file__).resolve().parents[2]
SIGNALS = [signal.SIGINT, signal.SIGTERM]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_raises_where_the_work_is(number):
    before = signal.getsignal(number)
    reached = []

    def work():
        with stop_signals():
            signal.raise_signal(number)
            reached.append("more work")

    with pytest.raises(StoppedError) as caught:
        work()
    assert caught.value.number == number
    assert reached == []
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("number", SIGNALS)
def test_a_deferred_signal_waits_for_the_end(number):
    steps = []

    def work():
        with stop_signals(), deferred_stop():
            for step in range(5):
                if step == 2:
                    signal.raise_signal(number)
                steps.append(step)
                if stop_requested():
                    return

    with pytest.raises(StoppedError) as caught:
        work()
    assert caught.value.number == number
    assert steps == [0, 1, 2]


def test_an_earlier_signal_is_not_that_of_the_next_command():
    with stop_signals(), contextlib.suppress(StoppedError):
        signal.raise_signal(signal.SIGTERM)
    with stop_signals():
        assert not stop_requested()


def test_code_that_catches_exceptions_does_not_swallow_it():
    assert not issubclass(StoppedError, Exception)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_second_one_ends_the_process_at_once(number):
    code = """
import os, signal
from rnascl_tf.runtime.stopping import deferred_stop, stop_signals
with stop_signals(), deferred_stop():
    os.kill(os.getpid(), NUMBER)
    print("still at work", flush=True)
    os.kill(os.getpid(), NUMBER)
    print("too late", flush=True)
"""
    ended = subprocess.run(
        [sys.executable, "-c", code.replace("NUMBER", str(int(number)))],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.stdout == "still at work\n"
    assert ended.returncode == 128 + number
