"""Code on the pages runs as it stands there; commands are ones that the command line takes."""

import ast
import re
import shlex

import pytest
import torch

from docs.pages import DOCS, ROOT, blocks, commands, name, pages
from geometric_hyena.cli import main
from geometric_hyena.cli.main import VERBS
from geometric_hyena.training.config_parser import ConfigParser
from geometric_hyena.training.recipes import RECIPES, find_recipe

# These three are followed from the first to the last line, see test_adding.
ADDING = {"guides/add-model.md", "guides/add-operator.md", "guides/add-task.md"}
PAGES = [page for page in pages() if name(page) not in ADDING]
WITH_PYTHON = [page for page in PAGES if any(block.language == "python" for block in blocks(page))]
WITH_PARTS = [page for page in PAGES if any(block.language == "py" for block in blocks(page))]
WITH_COMMANDS = [page for page in PAGES if any(line.startswith("ghyena") for line in commands(page))]


def test_the_pages_are_found():
    assert {"tour.md", "conventions.md", "guides/your-model.md"} <= set(map(name, WITH_PYTHON))
    assert {"pytorch.md", "scaling.md", "streaming.md"} <= set(map(name, WITH_PARTS))
    assert {"index.md", "guides/protein.md", "studies/order.md"} <= set(map(name, WITH_COMMANDS))
    assert set(map(name, pages())) >= ADDING


@pytest.mark.parametrize("page", WITH_PYTHON, ids=name)
def test_python_runs_one_block_after_the_other(page, tmp_path, monkeypatch):
    if "torch_geometric" in page.read_text():
        pytest.importorskip("torch_geometric")
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "page"}
    with torch.random.fork_rng():
        for block in blocks(page):
            if block.language == "python":
                exec(compile(block.text, name(page), "exec"), names)


@pytest.mark.parametrize("page", WITH_PARTS, ids=name)
def test_parts_of_programs_import_what_there_is(page):
    """`py` marks parts of the reader's own program: the page does not have its model and data."""
    for block in blocks(page):
        if block.language == "py":
            imports = [
                node for node in ast.parse(block.text).body if isinstance(node, ast.Import | ast.ImportFrom)
            ]
            exec(compile(ast.Module(imports, type_ignores=[]), name(page), "exec"), {})


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=name)
def test_commands_are_understood(page, capsys):
    for line in commands(page):
        words = shlex.split(line)
        if words[0] == "ghyena":
            understood(words[1:], capsys)


def understood(words, capsys):
    """Raise unless verb, recipe and options of a command line exist, with values of their types."""
    verb, rest = words[0], [word for word in words[1:] if word != "..."]
    if verb.startswith("--") or verb.isupper():
        return
    assert verb in VERBS, words
    if verb == "train" and rest and rest[0] in RECIPES and "--help" not in rest:
        options = [word for word in rest[1:] if not word.startswith("[")]
        ConfigParser(find_recipe(rest[0]).config_class(), "ghyena train", rest[0]).read(options)
        return
    topic = rest[:1] if verb in ("train", "data") and rest and not rest[0].startswith("--") else []
    if topic and topic[0].isupper():  # NAME: whichever
        topic = []
    capsys.readouterr()
    assert main([verb, *topic, "--help"]) == 0
    text = capsys.readouterr().out
    for word in rest:
        if word.startswith("--") and not word.startswith("--data."):
            assert f"{word} " in f"{text} ".replace("\n", " "), f"{verb} has no option {word}"


def test_options_that_do_not_exist_are_found(capsys):
    with pytest.raises(ValueError, match=r"no_such|no-such"):
        understood(["train", "recall", "--no-such", "3"], capsys)
    with pytest.raises(AssertionError, match="has no option --no-such"):
        understood(["benchmark", "block", "--no-such", "3"], capsys)


@pytest.mark.parametrize("page", pages(), ids=name)
def test_make_targets_exist(page):
    makefile = (ROOT / "Makefile").read_text()
    for line in commands(page):
        if line.startswith("make "):
            assert f"\n{line.split()[1]}:" in makefile, line


@pytest.mark.parametrize("page", pages(), ids=name)
def test_linked_files_exist(page):
    """Pictures and links to files, as GitHub resolves them too."""
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target and "gallery/" not in target:
            assert (page.parent / target).exists(), f"{name(page)}: {target}"


README = ROOT / "README.md"
# Of the list of results: a file's name without its suffix, and the command that wrote it.
WRITTEN = dict(
    re.findall(r"^\| `[^`]*/([\w-]+)\..*? \| `([^`]+)`", (ROOT / "results/README.md").read_text(), re.M)
)


@pytest.mark.parametrize(
    "page", [p for p in [README, *pages()] if re.search(r"!\[|<img", p.read_text())], ids=lambda p: p.stem
)
def test_pictures_name_the_command_that_draws_them(page):
    text = page.read_text()
    for target in re.findall(r'(?:!\[[^\]]*\]\(|<img src=")([^)"\s]+)', text):
        stem = target.rsplit("/", 1)[1].partition(".")[0]
        # scaling-models-....svg is of scaling-models, not of scaling.
        result = max((name for name in WRITTEN if f"{stem}-".startswith(f"{name}-")), key=len)
        named = " ".join(WRITTEN[result].split()[:3])
        assert named in text, f"{page.name}: {target} is drawn by {named}"


def test_commands_of_the_readme_are_understood(capsys):
    found = [shlex.split(line) for line in commands(README)]
    found = [words[1:] if "=" in words[0] else words for words in found]
    ours = [words[1:] for words in found if words[0] == "ghyena"]
    assert len(ours) > 10
    for words in ours:
        understood(words, capsys)


def test_no_page_is_left_out_of_the_tree():
    """By name or pattern, the front page leads to each of them."""
    entries = set()
    for block in blocks_of_toctrees(DOCS / "index.md"):
        entries |= {e for e in block.splitlines() if e and not e.startswith(":")}
    found = {path for entry in entries for path in DOCS.glob(f"{entry}.md")}
    assert set(pages()) - found == {DOCS / "index.md"}


def blocks_of_toctrees(page):
    return re.findall(r"^```\{toctree\}\n(.*?)^```$", page.read_text(), flags=re.DOTALL | re.MULTILINE)
