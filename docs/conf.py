"""Sphinx configuration: `make docs` builds these pages, runs the gallery, and treats warnings as errors."""

import sys
from pathlib import Path

from geometric_hyena import __version__

sys.path.insert(0, str(Path(__file__).resolve().parent / "_extensions"))

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
# Pages of parts that may be absent are asked for by patterns.
suppress_warnings = ["toc.empty_glob"]

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
    "abort_on_example_error": True,
    "download_all_examples": False,
    "write_computation_times": False,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 10_000,
    "within_subsection_order": "FileNameSortKey",
    "thumbnail_size": (400, 280),
}
