"""Names out of files are text in a report, whatever they hold."""

import json
import re
from html.parser import HTMLParser

import pytest

pytest.importorskip("biotite")
pytest.importorskip("RNA")
pytest.importorskip("matplotlib")

from geometric_hyena.data.rna.config import RnaTableConfig
from geometric_hyena.training.config import NetworkConfig
from geometric_hyena.training.rna.config import RnaRun
from geometric_hyena.training.rna.predict import predict_rna
from training.small_rna import hairpins

EVIL = "<script>alert(1)</script>"
NAMES = (EVIL, "</script><img/src=x/onerror=alert(1)>", "\"'><svg/onload=alert(1)>&lt;", "$\\frac{$")
TARGETS = (EVIL, "a $\\bad{ b$", "</title></style></script>")


class Page(HTMLParser):
    """Elements with their attributes, the text of the scripts, and all other text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.attributes, self.scripts, self.text = [], [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data):
        if self.cdata_elem == "script":
            self.scripts[-1] += data
        else:
            self.text += data


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The report of predictions by an untrained model for molecules and targets with such names."""
    folder = tmp_path_factory.mktemp("evil")
    lines = [f">{name}\n{s}\n{b}" for name, (_, s, b) in zip(NAMES, hairpins(len(NAMES)), strict=True)]
    (folder / "evil.fasta").write_text("\n".join(lines) + "\n")
    config = RnaRun(
        network=NetworkConfig(hidden_dim=8, vector_channels=2, blocks=1),
        data=RnaTableConfig(labels="x.csv", targets=list(TARGETS), level="nucleotide"),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GHYENA_CACHE", str(folder / "cache"))
        predict_rna(config, lambda p: p.eval(), [str(folder / "evil.fasta")], folder / "out")
    return (folder / "out" / "report.html").read_text(encoding="utf-8")


def test_names_make_no_element(page):
    found = Page(page)
    assert "alert(1)" in found.text  # the names are there, as text
    assert EVIL not in page
    # One element of data a molecule, and the viewer.
    assert len(found.scripts) == len(NAMES) + 1
    assert found.elements.count("img") == 0
    assert found.elements.count("title") == 1
    assert not [name for name in found.attributes if name.startswith("on")]


def test_names_stay_inside_the_embedded_data(page):
    *data, viewer = Page(page).scripts
    assert "alert" not in viewer
    for name, text in zip(NAMES, data, strict=True):
        assert "<" not in text
        values = json.loads(text)
        assert values["caption"].startswith(name)
        assert [frame["label"] for frame in values["frames"]] == list(TARGETS)


def test_dollar_signs_are_no_formulae(page):
    assert re.search(r"<text[^>]*>a \$\\bad\{ b\$</text>", page)


def test_the_viewer_makes_no_html_of_names():
    from importlib import resources

    source = resources.files("geometric_hyena.report").joinpath("structure_view.js").read_text()
    assert "textContent" in source
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("):
        assert word not in source
