"""How many processors a run may use."""

import os

import pytest

from geometric_hyena.processors import available_processors


def test_those_that_the_process_is_left_with(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 5, 6}, raising=False)
    assert available_processors() == 3


@pytest.mark.parametrize(("machine", "expected"), [(12, 12), (None, 1)])
def test_those_of_the_machine_where_nothing_says_so(machine, expected, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: machine)
    assert available_processors() == expected
