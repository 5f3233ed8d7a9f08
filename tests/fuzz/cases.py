"""Cases run in a process of their own, which a reader may hang, fill or end without harm to the tests."""

import multiprocessing
import os
import re
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path

from fuzz.mutations import mutated

SECONDS = 10.0  # of CPU that a case may take; its files are small
MINUTES = 5  # and as long as it may take in all
MEMORY = 2 << 30  # bytes of address space beyond what the process has before it reads

# Where a value of a configuration is wrong, its name says where.
_OPTION = re.compile(r"[a-z_]+(\.[a-z_]+)*: ")

# (path of the broken file, folder with whole ones) -> anything
Read = Callable[[Path, Path], object]

# Forked from one process that has imported everything once.
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["fuzz.warm"])


@dataclass(frozen=True)
class Outcome:
    """How a case ended: `read`, `refused` (with the message), or anything else, which is a defect."""

    seed: int
    name: str
    kind: str
    said: str = ""


def outcomes(read: Read, files: dict[str, bytes], seeds: Sequence[int], folder: Path) -> Iterator[Outcome]:
    """The outcome of every seed; after a case that ends its process, another one goes on."""
    _start_server()
    waiting = list(seeds)
    while waiting:
        here, there = _context.Pipe(duplex=False)
        process = _context.Process(target=_run, args=(read, files, waiting, folder, there))
        process.start()
        there.close()
        try:
            while waiting:
                yield Outcome(waiting[0], *here.recv())
                del waiting[0]
        except EOFError:
            process.join()
            hung = process.exitcode in (-signal.SIGALRM, -signal.SIGPROF)
            kind = "hangs" if hung else "ends its process"
            seed = waiting.pop(0)
            yield Outcome(seed, broken(files, seed)[2], kind, f"exit code {process.exitcode}")
        finally:
            here.close()
        process.join()


def _start_server() -> None:
    """The process that forks; it finds these modules by its environment alone, and has one thread."""
    ours = {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    before = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)
    try:
        forkserver.ensure_running()
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def broken(files: dict[str, bytes], seed: int) -> tuple[str, bytes, str]:
    """The file of a seed: its name, its content, and what was done to it; below zero they are whole."""
    name = sorted(files)[seed % len(files)]
    if seed < 0:
        return name, files[name], f"{name}: whole"
    content, how = mutated(files[name], seed)
    return name, content, f"{name}: {how}"


def _run(read: Read, files: dict[str, bytes], seeds: list[int], folder: Path, answers: Connection) -> None:
    os.environ["GHYENA_CACHE"] = str(folder / "cache")
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    spilled: list[str] = []
    sys.unraisablehook = lambda unraisable: spilled.append(repr(unraisable.exc_value))
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    for seed in seeds:
        name, content, how = broken(files, seed)
        path = folder / "broken" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        # What these signals do by default is to end the process, even inside a library's C.
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        signal.alarm(60 * MINUTES)
        kind, said = _judged(read, path, folder)
        signal.alarm(0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        if spilled:
            kind, said = "spills an exception", "; ".join(spilled)
            spilled.clear()
        answers.send((how, kind, said))
    answers.close()


def _judged(read: Read, path: Path, folder: Path) -> tuple[str, str]:
    from geometric_hyena.errors import InputError

    try:
        read(path, folder)
    except InputError as error:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, MemoryError):
                return "takes all memory", traceback.format_exc()
            cause = cause.__cause__ or cause.__context__
        said = str(error)
        if path.name not in said and not _OPTION.match(said):
            return "does not name the file", said
        if len(said) > 8000 or not all(line.strip().isprintable() for line in said.split("\n")):
            return "shows what no terminal can", said[:2000]
        return "refused", str(error)
    except BaseException:
        return "raises", traceback.format_exc()
    return "read", ""
