"""SIGINT and SIGTERM: a training finishes its step and saves; all other work stops at once.

A second signal ends the process immediately.
"""

import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any, NoReturn

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StoppedError(KeyboardInterrupt):
    """A signal has ended the command; not an `Exception`, so that no handler swallows it.

    Attributes:
        number: the signal's number.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number = number


class _Requests:
    """The signal handler, and what it has received."""

    def __init__(self) -> None:
        self.number: int | None = None
        self.deferring = 0
        self.listening = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.number is not None:
            # No clean-up is needed: every file is complete at any time.
            os._exit(128 + number)
        self.number = number
        if not self.deferring:
            raise StoppedError(number)


_requests = _Requests()


@contextlib.contextmanager
def stop_signals() -> Iterator[None]:
    """Lets SIGINT and SIGTERM raise `StoppedError`; a second one ends the process immediately.

    Does nothing outside the main thread, where Python cannot set handlers.
    """
    before: dict[signal.Signals, Any] = {}
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
def default_signal_handlers() -> Iterator[None]:
    """Lets signals end the process by default; at its end the handlers of `stop_signals` return.

    For calls into a library that waits where Python's handlers are not called, or that sets its own
    handlers, which are removed at the end.
    """
    handlers: tuple[Any, Any] = (signal.SIG_DFL, _requests) if _requests.listening else (None, None)
    try:
        _handle_by(handlers[0])
        yield
    finally:
        _handle_by(handlers[1])


def _handle_by(handler: Any) -> None:
    for number in _SIGNALS if handler is not None else ():
        signal.signal(number, handler)


@contextlib.contextmanager
def deferred_stop() -> Iterator[None]:
    """Keeps a first signal until the end, and raises it there; `stop_requested` is True in between."""
    _requests.deferring += 1
    try:
        yield
    finally:
        _requests.deferring -= 1
    if stop_requested():
        stop_now()


def stop_requested() -> bool:
    """Returns whether a signal has arrived."""
    return _requests.number is not None


def stop_now() -> NoReturn:
    """Raises `StoppedError` for the signal that this process or another worker has received."""
    raise StoppedError(_requests.number or signal.SIGTERM)
