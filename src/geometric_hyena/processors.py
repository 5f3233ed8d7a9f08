"""How many processors this process may use."""

import os


def available_processors() -> int:
    """Those of the machine, or fewer where a batch system, a container or `taskset` leaves only some."""
    affinity = getattr(os, "sched_getaffinity", None)  # not everywhere
    return len(affinity(0)) if affinity else os.cpu_count() or 1
