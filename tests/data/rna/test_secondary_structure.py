"""Pairs, loops and loop types of dot-bracket strings."""

import json

import numpy as np
import pytest

from geometric_hyena.data.rna.loop_types import loop_types
from geometric_hyena.data.rna.secondary_structure import (
    dot_bracket,
    loops,
    nested_partners,
    partners,
    structure_problems,
)
from geometric_hyena.errors import InputError
from real_data import real_file


@pytest.mark.parametrize(
    ("structure", "expected"),
    [
        ("....", "EEEE"),
        ("..((...))..", "EESSHHHSSEE"),
        ("((...)).((...))", "SSHHHSSXSSHHHSS"),
        ("((.((...))))", "SSBSSHHHSSSS"),
        ("((((...)).))", "SSSSHHHSSBSS"),
        ("((.((...))..))", "SSISSHHHSSIISS"),
        ("(.((...)).((...)))", "SMSSHHHSSMSSHHHSSS"),
        ("((..[[..))..]]", "SSHHHHHHSSEEEE"),  # a pseudoknot counts as unpaired
        ("[[...]]", "SSHHHSS"),
        ("", ""),
    ],
)
def test_loop_types(structure, expected):
    assert loop_types(structure) == expected


def test_open_vaccines_loop_types_are_ours():
    """Everything agrees but the exterior loop between three or more stems: there the file contradicts itself.

    The program that made the column walks a hash table in random order, and calls the same loop of the same
    structure X in one row and M in another; we call it X always.
    """
    text = real_file("open_vaccine/train.json").read_text()
    rows = [json.loads(line) for line in text.splitlines()]
    total = different = contested = 0
    letters: dict[str, set[str]] = {}
    for row in rows:
        exterior = loops(nested_partners(row["structure"]))[0]
        many = len(exterior.branches) > 2
        inner = {p for start, end in exterior.strands[1:-1] for p in range(start, end)} if many else set()
        contested += len(inner)
        total += len(row["structure"])
        for place, (ours, theirs) in enumerate(
            zip(loop_types(row["structure"]), row["predicted_loop_type"], strict=True)
        ):
            if place in inner:
                letters.setdefault(row["structure"], set()).add(theirs)
            if ours != theirs:
                assert (ours, theirs) == ("X", "M")
                assert place in inner
                different += 1
    assert different / total < 0.008
    # Where the file agrees with itself, all of it: far more than 99.5 %.
    assert contested / total < 0.02
    assert sum(found == {"X", "M"} for found in letters.values()) >= 10


def test_pairs_and_back():
    structure = "((..((...)).))."
    assert partners(structure).tolist() == [13, 12, -1, -1, 10, 9, -1, -1, -1, 5, 4, -1, 1, 0, -1]
    assert dot_bracket(partners(structure)) == structure


def test_pseudoknots_pair_but_do_not_nest():
    assert partners("(.[.).]")[[0, 2]].tolist() == [4, 6]
    assert nested_partners("(.[.).]").tolist() == [4, -1, -1, -1, 0, -1, -1]
    assert (nested_partners("[.(.)..]") >= 0).sum() == 4


def test_all_that_is_wrong_is_told():
    told = structure_problems("((x..)]")
    assert len(told) == 3
    assert "x" in told[0]
    assert "'(' without partner at 1" in told[1]
    assert "']' without partner at 7" in told[2]
    with pytest.raises(InputError, match="without partner"):
        partners("((.)")


def test_loops_hold_every_unpaired_nucleotide_once():
    generator = np.random.default_rng(0)
    for _ in range(30):
        structure = random_structure(generator, 40)
        pairs = partners(structure)
        seen = [p for loop in loops(pairs) for start, end in loop.strands for p in range(start, end)]
        assert sorted(seen) == np.flatnonzero(pairs < 0).tolist()


def random_structure(generator, length):
    if length < 6 or generator.random() < 0.1:
        return "." * length
    left = generator.integers(0, length - 5)
    inner = generator.integers(3, length - left - 1)
    return (
        "." * left
        + "("
        + random_structure(generator, inner)
        + ")"
        + random_structure(generator, length - left - inner - 2)
    )
