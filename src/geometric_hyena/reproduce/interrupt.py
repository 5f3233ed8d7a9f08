"""Being asked to stop, by ctrl-C, SIGTERM or the end of a terminal, without leaving processes behind."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_ASKED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_Handler = Callable[[int, FrameType | None], None]


@contextmanager
def all_like_ctrl_c() -> Iterator[None]:
    """Every signal that asks to stop raises KeyboardInterrupt, so that whatever holds processes ends them."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with _handled_by(interrupt):
        yield


@contextmanager
def noted_interrupts() -> Iterator[Callable[[], bool]]:
    """A function that says whether the process has been asked to stop since.

    A signal that raised an exception between the start of a process and the note of it would leave the
    process behind.
    """
    asked: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        asked.append(number)

    with _handled_by(note):
        yield lambda: bool(asked)


@contextmanager
def _handled_by(handler: _Handler) -> Iterator[None]:
    """The handler for the signals that ask to stop.

    Those that are ignored (as of a process in the background) stay ignored; outside of the main thread there
    are none.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _ASKED}
    for number, own in before.items():
        if own is not signal.SIG_IGN:
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number, own in before.items():
            signal.signal(number, own)
