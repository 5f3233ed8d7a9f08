"""Readers that do what no reader may, each of its own kind: what the fuzzer has to notice."""

import os
import time
import weakref

from geometric_hyena.errors import InputError


def raises(path, folder):
    raise KeyError("a defect")


def takes_all_memory(path, folder):
    try:
        return bytearray(1 << 40)
    except MemoryError as error:
        raise InputError(f"{path.name}: passed off as bad input") from error


def hangs(path, folder):
    while True:
        time.monotonic()


def ends_its_process(path, folder):
    os.abort()


def does_not_name_the_file(path, folder):
    raise InputError("something is wrong")


def shows_what_no_terminal_can(path, folder):
    raise InputError(f"{path.name}: \x1b[2J")


def spills_an_exception(path, folder):
    class Fragile:
        pass

    thing = Fragile()
    weakref.finalize(thing, int, "x").atexit = False
    del thing


FAKES = {
    "raises": raises,
    "takes all memory": takes_all_memory,
    "hangs": hangs,
    "ends its process": ends_its_process,
    "does not name the file": does_not_name_the_file,
    "shows what no terminal can": shows_what_no_terminal_can,
    "spills an exception": spills_an_exception,
}
