"""How the gallery finds an example's pictures: every new matplotlib Figure among its names."""

from typing import Any

from matplotlib.figure import Figure
from sphinx_gallery.scrapers import figure_rst

_seen: set[int] = set()
_kept: list[Figure] = []  # so that no later figure takes the identity of an earlier one


def scrape(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Save the figures that a block of code made, as sphinx-gallery wants it of a scraper."""
    saved = []
    for value in list(block_vars["example_globals"].values()):
        if isinstance(value, Figure) and id(value) not in _seen:
            _seen.add(id(value))
            _kept.append(value)
            path = next(block_vars["image_path_iterator"])
            value.savefig(path, dpi=150, facecolor="white")
            saved.append(path)
    return figure_rst(saved, gallery_conf["src_dir"])
