"""The site builds without a warning, gallery and all; docstrings become what they look like."""

import runpy
import shutil
import subprocess
import sys

import pytest

from docs.pages import DOCS, ROOT


@pytest.fixture(scope="module")
def plain():
    """The function that makes docstrings safe, from the site's own folder."""
    return runpy.run_path(str(DOCS / "_extensions" / "plain_docstrings.py"))["plain"]


def test_what_means_something_in_the_markup_alone_is_escaped(plain):
    assert plain(["u_i = |q| * k_((i-j) mod N)"]) == [r"u_i = \|q\| \* k\_((i-j) mod N)"]
    assert plain(["`a * b` and c * d"]) == [r"`a * b` and c \* d"]


def test_indented_equations_stand_as_they_are(plain):
    made = plain(["One:", "", "    y = a * b", "    z = |y|", "", "Two."])
    assert made == ["One:", "", "::", "", "    y = a * b", "    z = |y|", "", "Two."]
    assert plain(["One::", "", "    y = a * b"]) == ["One::", "", "    y = a * b"]


def test_a_table_of_names_stands_as_it_is(plain):
    made = plain(["Of two:", "", "one    the first", "       of them", "two    the *other*"])
    assert made == [
        "Of two:",
        "",
        "::",
        "",
        "    one    the first",
        "           of them",
        "    two    the *other*",
    ]
    assert plain(["- one of", "  them"]) == ["- one of", "  them"]


def test_arguments_are_no_equations(plain):
    made = plain(["Args:", "    q: queries |q|", "        and more", "", "Returns:", "    q * k"])
    assert made == ["Args:", r"    q: queries \|q\|", "        and more", "", "Returns:", r"    q \* k"]


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path):
    pytest.importorskip("sphinx_gallery")
    pytest.importorskip("MDAnalysisTests")
    for name in ("docs", "examples", "results"):
        leave = shutil.ignore_patterns("_build", "gallery", "__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=leave)
    shutil.copy(ROOT / "README.md", tmp_path)
    words = ["-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "docs", "site"]
    done = subprocess.run([sys.executable, *words], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-5000:]
    index = (tmp_path / "site" / "index.html").read_text()
    assert "Geometric Hyena" in index
    pictures = list((tmp_path / "site" / "_images").glob("sphx_glr_plot_*.png"))
    assert len(pictures) >= 2 * len(list((tmp_path / "examples").glob("plot_*.py")))
