"""Help at every level, and what is printed where nothing was asked for."""

import subprocess
import sys

import pytest

from geometric_hyena.cli import main
from geometric_hyena.cli.data import _SETS
from geometric_hyena.cli.main import VERBS
from geometric_hyena.training.recipes import RECIPES
from geometric_hyena.version import __version__

LEVELS = [
    [],
    *([verb] for verb in VERBS),
    *(["train", recipe] for recipe in RECIPES),
    *(["data", name] for name in _SETS),
]


@pytest.mark.parametrize("option", ["--help", "-h"])
@pytest.mark.parametrize("words", LEVELS, ids=" ".join)
def test_help_fits_a_screen(words, option, capsys):
    assert main([*words, option]) == 0
    shown = capsys.readouterr()
    lines = shown.out.rstrip("\n").splitlines()
    assert shown.err == ""
    assert lines[0].startswith(" ".join(["usage: ghyena", *words]))
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 110


@pytest.mark.parametrize("words", [w for w in LEVELS if len(w) < 2 and w != ["models"]], ids=" ".join)
def test_nothing_asked_for_shows_the_usage_and_fails(words, capsys):
    assert main(words) == 2
    assert capsys.readouterr().out.startswith("usage: ghyena")


def test_the_first_level_names_every_verb(capsys):
    main(["--help"])
    text = capsys.readouterr().out
    assert all(f"\n  {verb} " in text for verb in VERBS)
    assert "--debug" in text
    assert "--version" in text


def test_the_help_of_train_names_the_recipes(capsys):
    main(["train", "--help"])
    text = capsys.readouterr().out
    assert "\n  protein-md " in text
    assert "--resume RUN" in text


def test_help_is_found_behind_other_words(capsys):
    for words in (["train", "protein-md", "--epochs", "3", "--help"], ["predict", "run", "a.pdb", "--help"]):
        assert main(words) == 0
        assert capsys.readouterr().out.startswith("usage: ghyena")


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"ghyena {__version__}\n"


def test_the_command_line_starts_without_heavy_libraries():
    code = (
        "import sys; from geometric_hyena.cli import main; main(['--help']); "
        "print([name for name in ('lightning', 'MDAnalysis', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("\n[]\n")
