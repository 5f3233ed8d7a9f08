"""Broken files end in success or in one clear `InputError`, with bounded time and memory: every reader."""

import pytest

from fuzz.cases import outcomes
from fuzz.fakes import FAKES
from fuzz.mutations import MUTATIONS, mutated
from fuzz.readers import READERS, SELDOM

CASES = 30
MANY = 250  # more of them, in `make test-all`


def check(name, seeds, folder):
    reader = {**READERS, **SELDOM}[name]
    files = reader.starts(folder)
    whole = [-1 - number for number in range(len(files))]
    found = list(outcomes(reader.read, files, [*whole, *seeds], folder))
    defects = [
        f"seed {o.seed}, {o.name}: {o.kind}\n{o.said}" for o in found if o.kind not in ("read", "refused")
    ]
    assert not defects, "\n".join(defects)
    assert [o.kind for o in found[: len(whole)]] == ["read"] * len(whole), found[: len(whole)]
    # Else nothing was broken, or nothing got as far as the reader.
    assert sum(o.kind == "refused" for o in found) >= len(seeds) // 5


@pytest.mark.parametrize("name", READERS)
def test_broken_files(name, tmp_path):
    check(name, range(CASES), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*READERS, *SELDOM])
def test_many_broken_files(name, tmp_path):
    check(name, range(CASES, CASES + MANY), tmp_path)


@pytest.mark.parametrize("kind", [kind for kind in FAKES if kind != "hangs"])
def test_defects_are_noticed(kind, tmp_path):
    found = list(outcomes(FAKES[kind], {"a.txt": b"text"}, range(2), tmp_path))
    assert [outcome.kind for outcome in found] == [kind, kind]


@pytest.mark.slow
def test_a_reader_that_hangs_is_noticed(tmp_path):
    (found,) = outcomes(FAKES["hangs"], {"a.txt": b"text"}, [0], tmp_path)
    assert found.kind == "hangs"


def test_mutations_are_determined_by_their_seed():
    content = b"ATOM      1  N   MET A   1      26.981  53.977  40.085\n" * 20
    assert [mutated(content, seed) for seed in range(50)] == [mutated(content, seed) for seed in range(50)]
    assert len({mutated(content, seed)[0] for seed in range(50)}) > 40


@pytest.mark.parametrize("name", MUTATIONS)
def test_every_mutation_changes_something(name):
    import random

    content = b"id,x,y\n" + b"".join(b"a%d,%d.5,(2)\n" % (i, i) for i in range(50))
    assert any(MUTATIONS[name](content, random.Random(seed)) != content for seed in range(20))
    assert MUTATIONS[name](b"", random.Random(0)) is not None
