"""Bilinear products of one query token with one key token, as tables of component terms.

A long convolution sums `q_j * k_(i-j)` over j, where `*` is one of these products. Every product is a list
of terms `out[o] += sign * weight[w] * q[a] * k[b]`, so that one convolution code serves them all: each
input component is transformed once, and the terms are combined in the frequency domain.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import permutations
from typing import NamedTuple

import numpy as np


class Term(NamedTuple):
    """One component product: `out[out] += sign * weights[weight] * q[query] * k[key]`, `sign` any number."""

    out: int
    query: int
    key: int
    sign: float = 1.0
    weight: int = 0


@dataclass(frozen=True)
class BilinearProduct:
    """A product of tokens with `query_size` and `key_size` components giving `out_size` components.

    `weight_count` learned weights scale its terms (0: the terms are unweighted).
    """

    name: str
    query_size: int
    key_size: int
    out_size: int
    terms: tuple[Term, ...]
    weight_count: int = 0
    # Components of the outputs that a caller sees, such as a scalar and a vector; empty: all as one.
    parts: tuple[int, ...] = ()
    # Where the product is the geometric one up to the order and signs of its weights: those, else None.
    geometric: tuple[tuple[int, float], ...] | None = None

    @property
    def out_parts(self) -> tuple[int, ...]:
        """Components of each output that a caller sees."""
        return self.parts or (self.out_size,)

    def terms_by_weight(self) -> list[tuple[int, list[Term]]]:
        """The terms that share a weight, for every weight."""
        groups: dict[int, list[Term]] = {}
        for term in self.terms:
            groups.setdefault(term.weight, []).append(term)
        return list(groups.items())

    @cached_property
    def table(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The terms as arrays, those of a pair of components together: pairs (M, 2) of query and key, where
        each pair's terms start (M + 1,), terms (T, 2) of output and weight, and their signs (T,) float32.
        """
        terms = sorted(self.terms, key=lambda t: (t.query, t.key))
        pairs, starts = np.unique([(t.query, t.key) for t in terms], axis=0, return_index=True)
        return (
            pairs.astype(np.int64),
            np.append(starts, len(terms)).astype(np.int64),
            np.array([(t.out, t.weight) for t in terms], dtype=np.int64),
            np.array([t.sign for t in terms], dtype=np.float32),
        )

    @cached_property
    def query_adjoint(self) -> "BilinearProduct":
        """The product (gradient of out, key) -> gradient of query."""
        terms = tuple(t._replace(out=t.query, query=t.out) for t in self.terms)
        order = None if self.geometric is None else _QUERY_ADJOINT
        return replace(
            self,
            query_size=self.out_size,
            out_size=self.query_size,
            terms=terms,
            parts=(),
            geometric=order,
        )

    @cached_property
    def key_adjoint(self) -> "BilinearProduct":
        """The product (gradient of out, query) -> gradient of key."""
        terms = tuple(t._replace(out=t.key, query=t.out, key=t.query) for t in self.terms)
        return replace(
            self,
            query_size=self.out_size,
            key_size=self.query_size,
            out_size=self.key_size,
            terms=terms,
            parts=(),
            geometric=None if self.geometric is None else _KEY_ADJOINT,
        )


# The adjoints of the geometric product are geometric products again: with g the gradient of the output,
# g . (r1 x r2) = r1 . (r2 x g) = r2 . (g x r1), and the weights of the other terms change places.
_QUERY_ADJOINT = ((0, 1.0), (2, 1.0), (1, 1.0), (3, 1.0), (4, -1.0))
_KEY_ADJOINT = ((0, 1.0), (3, 1.0), (1, 1.0), (2, 1.0), (4, 1.0))


def _levi_civita() -> list[tuple[int, int, int, float]]:
    """The six non-zero entries (o, h, p, sign) of the Levi-Civita symbol: (a x b)_o = eps_ohp a_h b_p."""
    entries = []
    for o, h, p in permutations(range(3)):
        inversions = (o > h) + (o > p) + (h > p)
        entries.append((o, h, p, -1.0 if inversions % 2 else 1.0))
    return entries


SCALAR_PRODUCT = BilinearProduct("scalar", 1, 1, 1, (Term(0, 0, 0),))

CROSS_PRODUCT = BilinearProduct(
    "vector", 3, 3, 3, tuple(Term(o, h, p, sign) for o, h, p, sign in _levi_civita())
)

# Components 0 is the scalar a, 1..3 are the vector r (facts of the paper, section 2.2 and appendix A.4.1):
#   a3 = w0 a1 a2 + w1 r1 . r2
#   r3 = w2 a1 r2 + w3 r1 a2 + w4 r1 x r2
GEOMETRIC_PRODUCT = BilinearProduct(
    "geometric",
    4,
    4,
    4,
    (
        Term(0, 0, 0, weight=0),
        *(Term(0, 1 + h, 1 + h, weight=1) for h in range(3)),
        *(Term(1 + h, 0, 1 + h, weight=2) for h in range(3)),
        *(Term(1 + h, 1 + h, 0, weight=3) for h in range(3)),
        *(Term(1 + o, 1 + h, 1 + p, sign, weight=4) for o, h, p, sign in _levi_civita()),
    ),
    weight_count=5,
    parts=(1, 3),
    geometric=tuple((w, 1.0) for w in range(5)),
)
