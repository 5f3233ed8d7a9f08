"""A training that is stopped from outside says how to go on with it.

By Ctrl-C, by SIGTERM (what `kill`, batch systems and containers send), or by a disk that is full: the run
directory then holds what the last full epoch left, and nothing half-written.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

from geometric_hyena.errors import WriteError
from geometric_hyena.training.run_directory import RunDirectory

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption(KeyboardInterrupt):
    """A training was interrupted; the text says how to go on with it, `code` what the process exits with."""

    def __init__(self, text: str, code: int):
        super().__init__(text)
        self.code = code


class _Signal(BaseException):
    """A signal on its way out of the training loop.

    No KeyboardInterrupt: at that Lightning would end the process itself.
    """

    def __init__(self, number: int):
        super().__init__(number)
        self.number = number


@contextlib.contextmanager
def resumable(run: RunDirectory) -> Iterator[None]:
    """While a run trains: an interruption, or a file that cannot be written, ends with how to resume it.

    Raises:
        Interruption: at the first SIGINT or SIGTERM; a second one acts as if this were not there.
        WriteError: where a file of the run could not be written.
    """
    go_on = f"go on with ghyena train --resume {run.path}"
    try:
        with _signals_raised():
            yield
    except _Signal as caught:
        name = signal.Signals(caught.number).name
        raise Interruption(f"interrupted by {name}; {go_on}", 128 + caught.number) from None
    except WriteError as error:
        raise WriteError(f"{error}; then {go_on}") from error


@contextlib.contextmanager
def _signals_raised() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # only there can signals be handled
        yield
        return
    handlers: dict[int, Any] = {number: signal.getsignal(number) for number in _SIGNALS}
    # What is ignored stays so, as under nohup; None is a handler that only C knows.
    before = {n: handler for n, handler in handlers.items() if handler not in (None, signal.SIG_IGN)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def interrupt(number: int, frame: FrameType | None) -> None:
        restore()
        raise _Signal(number)

    for number in before:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        restore()
