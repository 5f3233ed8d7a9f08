"""`StructureView`: a block with an interactive 3D picture of a chain, its displacements and a value an atom.

The drawing is done by `structure_view.js` on a canvas; here the data are checked and put into the page.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib import resources

import numpy as np

from geometric_hyena.errors import InputError
from geometric_hyena.report.blocks import Block
from geometric_hyena.report.numbers import format_number
from geometric_hyena.report.palette import RAMP
from geometric_hyena.report.superposition import principal_axes

# Values above this percentile share the last colour, lest one wild atom makes all others look alike.
_TOP_PERCENTILE = 98.0

_DEFAULT_COLORS = {"measured": "--reference", "true": "--reference", "predicted": "--model"}


@dataclass(frozen=True)
class ViewFrame:
    """One state of the molecule.

    Attributes:
        label: shown beside the frame slider.
        positions: (N, 3), angstrom.
        arrows: name -> (N, 3) vectors drawn from the positions, angstrom.
        scalar: (N,) the value that colours the atoms, or None; NaN where there is none.
    """

    label: str
    positions: np.ndarray
    arrows: Mapping[str, np.ndarray] = field(default_factory=dict)
    scalar: np.ndarray | None = None


@dataclass(frozen=True)
class StructureView(Block):
    """An interactive view of a molecule: drag to rotate, zoom, hover, step through frames.

    Attributes:
        frames: one or more states of the same N atoms.
        trace: atom indices of every chain's line, in order; atoms in none of them are dots.
        atom_labels: N names, shown on hover.
        caption: text below the view.
        scalar_label: what `ViewFrame.scalar` is.
        unit: unit of scalar and arrows.
        arrow_colors: arrow name -> CSS variable; names not given are drawn in the text colour.
        arrow_scale: how much longer than true the arrows are at first.
    """

    frames: Sequence[ViewFrame]
    trace: Sequence[Sequence[int]]
    atom_labels: Sequence[str]
    caption: str = ""
    scalar_label: str = ""
    unit: str = "Å"
    arrow_colors: Mapping[str, str] = field(default_factory=lambda: dict(_DEFAULT_COLORS))
    arrow_scale: float = 3.0

    def __post_init__(self) -> None:
        if not self.frames:
            raise InputError("StructureView: frames is empty, at least one is needed")
        count = len(self.atom_labels)
        for i, frame in enumerate(self.frames):
            expected = {"positions": (count, 3), **dict.fromkeys(frame.arrows, (count, 3))}
            arrays = {"positions": frame.positions, **frame.arrows}
            if frame.scalar is not None:
                expected["scalar"], arrays["scalar"] = (count,), frame.scalar
            for name, array in arrays.items():
                shape = np.shape(array)
                if shape != expected[name]:
                    raise InputError(
                        f"StructureView: {name} of frame {i} has shape {shape}, expected {expected[name]}"
                    )
            if not np.isfinite(frame.positions).all():
                raise InputError(f"StructureView: positions of frame {i} are not all finite")
        if any(not 0 <= index < count for chain in self.trace for index in chain):
            raise InputError(f"StructureView: trace has indices outside 0..{count - 1}")

    def html(self) -> str:
        """The data, a note for readers without JavaScript, and the caption."""
        caption = f"<figcaption>{escape(self.caption)}</figcaption>" if self.caption else ""
        return (
            '<figure><div class="structure-view">'
            f'<script type="application/json">{_json_in_html(self._data())}</script>'
            "<noscript>The interactive view needs JavaScript; the static picture shows the same.</noscript>"
            f"</div>{caption}</figure>"
        )

    def scripts(self) -> tuple[str, ...]:
        """The viewer."""
        package = resources.files("geometric_hyena.report")
        return (package.joinpath("structure_view.js").read_text(encoding="utf-8"),)

    def _data(self) -> dict[str, object]:
        names = list(dict.fromkeys(name for frame in self.frames for name in frame.arrows))
        low, high = self._scalar_range()
        return {
            "caption": self.caption or "Interactive view of the molecule",
            "labels": list(map(str, self.atom_labels)),
            "trace": [list(map(int, chain)) for chain in self.trace],
            "axes": _rounded(principal_axes(self.frames[0].positions), 5),
            "arrows": [{"name": name, "color": self.arrow_colors.get(name, "--ink")} for name in names],
            "arrowScale": self.arrow_scale,
            "unit": self.unit,
            "scalar": {
                "label": self.scalar_label,
                "low": low,
                "high": high,
                "lowText": format_number(low, 2),
                "highText": f"≥ {format_number(high, 2)}",
                "ramp": RAMP,
            },
            "frames": [
                {
                    "label": frame.label,
                    "positions": _rounded(frame.positions),
                    "arrows": [_rounded(frame.arrows[n]) if n in frame.arrows else None for n in names],
                    "scalar": None if frame.scalar is None else _rounded(frame.scalar),
                }
                for frame in self.frames
            ],
        }

    def _scalar_range(self) -> tuple[float, float]:
        """Ends of the colour scale over all frames; it starts at 0 where no value is negative."""
        scalars = [np.asarray(f.scalar, dtype=float) for f in self.frames if f.scalar is not None]
        values = np.concatenate(scalars) if scalars else np.zeros(0)
        values = values[np.isfinite(values)]
        if not len(values):
            return 0.0, 1.0
        low = min(0.0, float(values.min()))
        high = float(np.percentile(values, _TOP_PERCENTILE))
        return low, high if high > low else low + 1.0


def _rounded(array: np.ndarray, decimals: int = 2) -> list[float | None]:
    """Flat list of short numbers; None where not finite, which JSON cannot say."""
    flat = np.asarray(array, dtype=float).reshape(-1)
    # Whole numbers lose their ".0": a fifth of the bytes in zero-padded data.
    numbers = np.round(flat, decimals).tolist()
    return [None if v != v or abs(v) == np.inf else int(v) if v == int(v) else v for v in numbers]


def _json_in_html(data: object) -> str:
    """JSON that no HTML parser can take for markup, whatever its strings say."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False, ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
