"""One process at a time trains in a run directory: the second is refused.

The lock belongs to the process, not to the file: the operating system releases it when the process ends,
however it ends, so that a run that was killed can be resumed at once. The file says who holds it.
"""

import contextlib
import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from geometric_hyena.errors import InputError
from geometric_hyena.files import make_folder, unwritable
from geometric_hyena.training.run_directory import RunDirectory

# Of file systems that have no locks; training goes on without one there.
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


@contextlib.contextmanager
def locked(run: RunDirectory) -> Iterator[None]:
    """Hold the lock of a run directory, which is made where missing.

    Raises:
        InputError: where another process holds it, with its number and computer, or it cannot be written.
    """
    new = not run.path.exists()
    make_folder(run.path)
    try:
        with _holding(run):
            yield
    finally:
        if new:
            with contextlib.suppress(OSError):  # there is a run in it now
                run.path.rmdir()


@contextlib.contextmanager
def _holding(run: RunDirectory) -> Iterator[None]:
    try:
        file = _acquire(run)
    except OSError as error:
        raise unwritable(run.lock, error) from error
    try:
        yield
    finally:
        # While it is held: no other process can have taken the file for its own.
        with contextlib.suppress(OSError):
            run.lock.unlink()
        os.close(file)


def _acquire(run: RunDirectory) -> int:
    """Descriptor of the lock file, locked."""
    while True:
        file = os.open(run.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            _lock(file, run)
            # The one that held it may have removed the file since it was opened here.
            if _is_file_at(file, run.lock):
                os.ftruncate(file, 0)
                os.write(file, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
                return file
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def _lock(file: int, run: RunDirectory) -> None:
    try:
        import fcntl
    except ImportError:  # not on Windows
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(file, 300).decode(errors="replace").strip() or "another process"
        raise InputError(
            f"{run.path}: {holder} is training in it; wait until it has ended, or give another directory "
            f"with --out"
        ) from None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise


def _is_file_at(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False
