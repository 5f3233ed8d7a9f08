"""What there is to say of every model by name: symmetry, cost, what it gives, where it comes from."""

from dataclasses import dataclass

_OURS = "Apache-2.0"


@dataclass(frozen=True)
class Description:
    """One model.

    Attributes:
        symmetry: "SE(3)", "E(3)" (reflections, too) or "none".
        time: in N tokens with k neighbours.
        paper: where it was published.
        gives: "scalars", "vectors" or both.
        ordered: whether the order of tokens carries meaning.
        package: whose code it is.
        licence: of that code.
    """

    symmetry: str
    time: str
    paper: str
    gives: tuple[str, ...] = ("scalars", "vectors")
    ordered: bool = False
    package: str = "ours"
    licence: str = _OURS


_GH, _SH = "Moskalev et al. 2025", "Moskalev et al. 2024"

DESCRIPTIONS: dict[str, Description] = {
    "geometric-hyena": Description("SE(3)", "N log N", _GH, ordered=True),
    "se3-hyena": Description("E(3)", "N log N", _SH, ordered=True),
    "steerable-hyena": Description("SE(3)", "N log N", _GH, ordered=True),
    "g-transformer": Description("E(3)", "N^2", _GH, ordered=True),
    "se3-transformer": Description("E(3)", "N^2", _SH, ordered=True),
    "egnn": Description("E(3)", "N k", "Satorras et al. 2021"),
    "fast-egnn": Description("E(3)", "N k", "Zhang et al. 2024"),
    "seq-egnn": Description("E(3)", "N log N", _GH, ordered=True),
    "egnn-seq": Description("E(3)", "N log N", _GH, ordered=True),
    "schnet": Description("E(3)", "N k", "Schuett et al. 2017", gives=("scalars",)),
    "tfn": Description("SE(3)", "N k L^6", "Thomas et al. 2018", package="ours, on e3nn", licence="MIT"),
    "leftnet": Description("SE(3)", "N k", "Du et al. 2023"),
    "rf": Description("E(3)", "N k", "Koehler et al. 2019", gives=("vectors",)),
    "linear": Description("E(3)", "N", "x + s v", gives=("vectors",)),
    "equiformer": Description(
        "SE(3)", "N^2", "Liao & Smidt 2023", package="equiformer-pytorch", licence="MIT"
    ),
    "tmd-et": Description("E(3)", "N k", "Thoelke et al. 2022", package="torchmd-net", licence="MIT"),
    "vn-transformer": Description(
        "E(3)", "N^2", "Assaad et al. 2023", package="VN-transformer", licence="MIT"
    ),
    "hyena": Description("none", "N log N", "Poli et al. 2023", ordered=True),
    "transformer": Description("none", "N^2", "Vaswani et al. 2017", ordered=True),
}
