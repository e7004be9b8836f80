"""SIGINT and SIGTERM: a training finishes its step and saves; all other work ends where it is.

A second signal ends the process at once.
"""

import contextlib
import os
import signal

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StoppedError(KeyboardInterrupt):
    """A signal has ended the command; not an `Exception`, so that nothing swallows it.

    Attributes:
        number: of the signal.
    """

    def __init__(self, number):
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number = number


class _Requests:
    def __init__(self):
        self.number = None
        self.deferring = 0
        self.listening = False

    def __call__(self, number, frame):
        if self.number is not None:
            # Nothing is cleaned up: every file here is whole at any time.
            os._exit(128 + number)
        self.number = number
        if not self.deferring:
            raise StoppedError(number)


_requests = _Requests()


@contextlib.contextmanager
def stop_signals():
    """Within it, SIGINT and SIGTERM raise `StoppedError`; a second one ends the process at once.

    In a thread other than the main one, where Python sets no handlers, it does nothing.
    """
    before = {}
    _requests.number = None
    try:
        for number in _SIGNALS:
            before[number] = signal.signal(number, _requests)
        _requests.listening = True
    except ValueError:
        pass  # not the main thread
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _requests.number, _requests.listening = None, False


@contextlib.contextmanager
def unheard():
    """Within it signals end the process as if nobody listened; at its end `stop_signals` listens again.

    For work of a library that waits where Python's handlers are not called, or puts in its own, which
    are out of force again at the end.
    """
    handlers = (signal.SIG_DFL, _requests) if _requests.listening else (None, None)
    try:
        _handle_by(handlers[0])
        yield
    finally:
        _handle_by(handlers[1])


def _handle_by(handler):
    for number in _SIGNALS if handler is not None else ():
        signal.signal(number, handler)


@contextlib.contextmanager
def deferred_stop():
    """Within it a first signal waits, for `stop_requested` to be asked; at the end it is raised."""
    _requests.deferring += 1
    try:
        yield
    finally:
        _requests.deferring -= 1
    if stop_requested():
        stop_now()


def stop_requested():
    """Returns whether a signal has come."""
    return _requests.number is not None


def stop_now():
    """Raises `StoppedError` of the signal that has come to this process or to another worker."""
    raise StoppedError(_requests.number or signal.SIGTERM)
