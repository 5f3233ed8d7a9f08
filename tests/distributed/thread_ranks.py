"""Ranks that are threads of this process: for the arithmetic, where processes would only cost time."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import torch


class ThreadRanks:
    """Does what `distributed.ranks.Ranks` does."""

    def __init__(self, rank, size, meeting, table):
        self.rank, self.size, self.group = rank, size, None
        self.meeting, self.table, self.sent = meeting, table, Counter()

    def all_to_all(self, rows, send, receive, purpose):
        assert sum(send) == rows.shape[0]
        for other, part in enumerate(rows.split(send)):
            self.table[self.rank, other] = part.clone()
        self.sent[purpose] += sum(n for r, n in enumerate(send) if r != self.rank) * rows[:1].numel()
        self.meeting.wait()
        parts = [self.table[other, self.rank] for other in range(self.size)]
        assert [len(part) for part in parts] == list(receive)
        out = torch.cat(parts)
        self.meeting.wait()
        return out

    def sum(self, x, purpose):
        one = [1] * self.size
        return self.all_to_all(x[None].repeat(self.size, *[1] * x.ndim), one, one, "").sum(0)


def in_threads(function, size):
    """What function(ranks) returned in each of so many threads."""
    meeting, table = threading.Barrier(size, timeout=120), {}

    def run(rank):
        try:
            return function(ThreadRanks(rank, size, meeting, table))
        except BaseException:
            meeting.abort()
            raise

    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(run, range(size)))
