"""Stopping at a safe place: ctrl-C and SIGTERM are noted, and looked at where nothing is half done."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_ASKED = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def noted_interrupts() -> Iterator[Callable[[], bool]]:
    """A function that says whether the process has been asked to stop since.

    A signal that raised an exception between the start of a process and the note of it would leave the
    process behind. Signals that are ignored (as of a process in the background) stay ignored. Outside of the
    main thread, where there are no signals, it is never asked.
    """
    asked: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        asked.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = {number: signal.getsignal(number) for number in _ASKED}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, note)
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
