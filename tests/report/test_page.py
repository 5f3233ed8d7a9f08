import os
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from geometric_hyena.errors import InputError
from geometric_hyena.report.page import (
    Collapsed,
    Columns,
    Figure,
    KeyNumbers,
    KeyValues,
    Page,
    Paragraph,
    Section,
    StructureView,
    Table,
    ViewFrame,
)
from geometric_hyena.report.plots import predicted_against_measured

EVIL = "<script>alert(1)</script>\"'&"


class Elements(HTMLParser):
    """Counts elements, and fails on elements that are not closed in order."""

    VOID = frozenset({"meta", "img", "input", "br", "path", "use", "image", "rect", "link"})

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.attributes = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


def view(labels, frames=1, **changes):
    count = len(labels)
    one = ViewFrame("frame 0", np.eye(count, 3), {"measured": np.ones((count, 3))}, np.arange(float(count)))
    return StructureView([one] * frames, [list(range(count))], labels, **changes)


def test_all_text_is_escaped():
    blocks = [
        Paragraph(EVIL),
        KeyValues({EVIL: {EVIL: EVIL}}),
        KeyNumbers([(EVIL, EVIL)]),
        Table([EVIL, EVIL], [[EVIL, EVIL]], caption=EVIL),
        Figure(predicted_against_measured(np.arange(4.0), np.arange(4.0), quantity=EVIL), EVIL, EVIL),
        view([EVIL] * 3, caption=EVIL, scalar_label=EVIL, unit=EVIL),
        Collapsed(EVIL, [Columns([Paragraph(EVIL)])]),
    ]
    text = Page(EVIL, EVIL, EVIL).add(Section(EVIL, blocks)).html()
    assert "<script>alert" not in text
    # The view's data and the viewer itself: no third script came in.
    assert Elements(text).seen.count("script") == 2


def test_the_viewer_is_carried_once():
    two = Page("t").add(Section("s", [view(["a", "b"]), Columns([view(["a", "b"])])])).html()
    assert two.count("requestAnimationFrame(") == 1
    assert two.count("application/json") == 2


@pytest.mark.parametrize("form", ["svg", "png"])
def test_figures_are_inline_and_refer_to_nothing_outside(form):
    rng = np.random.default_rng(0)
    many = rng.normal(size=(2000, 3))
    figure = Figure(predicted_against_measured(many, many), "alt text", "a caption", format=form)
    text = Page("t").add(Section("s", [figure])).html()
    for name, value in Elements(text).attributes:
        if name in {"src", "href", "xlink:href", "action", "data"}:
            assert value.startswith(("#", "data:")), (name, value[:80])
    assert not re.search(r"url\((?!#)|@import|<link", text)
    assert "alt text" in text
    assert "a caption" in text


def test_equal_figures_give_equal_bytes():
    def text():
        return Figure(predicted_against_measured(np.arange(9.0), np.arange(9.0)), "").html()

    assert text() == text()


def test_figure_colours_follow_the_theme():
    text = Figure(predicted_against_measured(np.arange(4.0), np.arange(4.0)), "").html()
    assert "var(--ink)" in text
    assert "#1c2530" not in text


def test_write_replaces_whole_files_and_leaves_no_others(tmp_path):
    path = tmp_path / "new" / "report.html"
    Page("first").write(path)
    assert Page("second").write(str(path)) == path
    assert "second" in path.read_text(encoding="utf-8")
    assert os.listdir(path.parent) == ["report.html"]


def test_a_failed_write_keeps_the_old_report(tmp_path, monkeypatch):
    path = Page("first").write(tmp_path / "report.html")

    def fail(*_):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(InputError, match="no space"):
        Page("second").write(path)
    assert "first" in path.read_text(encoding="utf-8")
    assert os.listdir(tmp_path) == ["report.html"]


def test_nested_values_become_dotted_names():
    text = KeyValues({"model": {"blocks": 6, "options": {}}, "fast": True, "rate": 0.00012345}).html()
    for part in ("model.blocks", ">6<", "model.options", ">yes<", ">0.0001234<"):
        assert part in text
