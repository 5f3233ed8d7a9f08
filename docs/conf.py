"""Sphinx configuration: `make docs` builds these pages, runs the gallery, and treats warnings as errors."""

import re
import sys
from pathlib import Path
from typing import Any

from geometric_hyena import __version__

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "_extensions"))

project = "geometric-hyena"
author = "the authors of geometric-hyena"
copyright = "2026, the authors of geometric-hyena. Apache-2.0"
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_gallery.gen_gallery",
    "plain_docstrings",
]
exclude_patterns = ["_build", "_extensions"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
highlight_language = "text"  # of blocks that name none: commands and tables
# Headings can be linked to as on GitHub.
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

# Docstrings write code in single backticks.
default_role = "code"
autodoc_typehints = "none"  # the docstrings say what matters of a tensor, its shape
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False  # else those of torch, in another markup
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
add_module_names = False
python_maximum_signature_line_length = 100

html_theme = "furo"
html_title = f"geometric-hyena {version}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#b34e08", "color-brand-content": "#2d5788"},
    "dark_css_variables": {"color-brand-primary": "#f0924a", "color-brand-content": "#8fb6e0"},
}

sphinx_gallery_conf = {
    "examples_dirs": ["../examples"],
    "gallery_dirs": ["gallery"],
    "filename_pattern": r"\.py$",
    "image_scrapers": ("gallery_figures.scrape",),
    "reset_modules": (),
    "capture_repr": (),  # what is printed is shown, not what a last line happens to give
    "abort_on_example_error": True,
    "download_all_examples": False,
    "write_computation_times": False,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 10_000,
    "within_subsection_order": "FileNameSortKey",
    "thumbnail_size": (400, 280),
}


def without_absent_pages(app: Any, docname: str, source: list[str]) -> None:
    """Take patterns that match no page out of the front page's lists, of which Sphinx would warn."""
    if docname == "index":
        lines = source[0].splitlines()
        source[0] = "\n".join(
            x for x in lines if not re.fullmatch(r"[\w/-]+\*", x) or any(HERE.glob(f"{x}.md"))
        )


def results_as_downloads(app: Any, docname: str, source: list[str]) -> None:
    """Let links to result tables, which are no pages, give the files: as on GitHub, where they are shown."""
    source[0] = re.sub(
        r"\[([^\]]+)\]\(((?:\.\./)+results/[^)]+)\)(?<!svg\))", r"{download}`\1 <\2>`", source[0]
    )


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("source-read", without_absent_pages)
    app.connect("source-read", results_as_downloads)
