"""A report in a real browser: its scripts run without an error, and something is drawn."""

import shutil
import subprocess

import numpy as np
import pytest

from geometric_hyena.report.atoms import Atoms
from geometric_hyena.report.page import Page, Section
from geometric_hyena.report.rna_molecule import Molecule, molecule_blocks

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no chromium or chrome is installed"),
]
COUNT = 30


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Predictions for a hairpin, a helix of C4' alone."""
    brackets = "(" * 12 + "." * 6 + ")" * 12
    partners = np.where(np.array(list(brackets)) == ".", -1, np.arange(COUNT)[::-1])
    turn = 0.6 * np.arange(COUNT)
    positions = np.stack([9 * np.cos(turn), 9 * np.sin(turn), 2.8 * np.arange(COUNT)], axis=1)
    atoms = Atoms(np.arange(1, COUNT + 1), np.full(COUNT, "G"), np.full(COUNT, "A"), np.full(COUNT, "C4'"))
    starts, loops = np.zeros(0, dtype=int), "S" * 12 + "H" * 6 + "S" * 12
    molecule = Molecule(
        "hairpin", "G" * COUNT, brackets, loops, partners, starts, atoms, positions, np.arange(COUNT)
    )
    profiles = {"reactivity": np.linspace(0, 1, COUNT), "degradation": np.linspace(1, 0, COUNT)}
    made = Page("Predictions").add(Section("hairpin", molecule_blocks(molecule, profiles)))
    return made.write(tmp_path_factory.mktemp("browser") / "report.html")


def browse(page, *words):
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    command += ["--window-size=1200,900", "--virtual-time-budget=3000", "--enable-logging=stderr", *words]
    folder = page.parent / "profile"
    command += [f"--user-data-dir={folder}", page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


def test_the_view_and_its_controls_are_made(page):
    done = browse(page, "--dump-dom")
    assert "<canvas" in done.stdout
    assert 'type="range"' in done.stdout  # one profile after the other
    assert ":CONSOLE" not in done.stderr  # errors of scripts, and whatever the page's policy refused


def test_the_molecule_is_drawn_in_colours(page):
    from matplotlib.image import imread

    target = page.parent / "shot.png"
    browse(page, f"--screenshot={target}")
    picture = imread(target)[..., :3]
    left = picture[:, : picture.shape[1] // 2]
    colourful = left.max(axis=2) - left.min(axis=2) > 0.3
    assert colourful.mean() > 0.002
    # From small to large values the scale goes from blue to red.
    assert (colourful & (left[..., 2] > left[..., 0] + 0.2)).any()
    assert (colourful & (left[..., 0] > left[..., 2] + 0.2)).any()
