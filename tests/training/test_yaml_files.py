"""Configuration files that would fill the memory, or leave a value out, end in one error that names them."""

import pytest

from geometric_hyena.errors import InputError
from geometric_hyena.training.config import check_run_config
from geometric_hyena.training.config_parser import ConfigParser, config_files, empty_fields
from geometric_hyena.training.recall import RecallRun
from geometric_hyena.training.run_directory import RunDirectory
from geometric_hyena.training.yaml_files import check_yaml

# Nine lists, each of nine times the one before: the last stands for 9^9 words.
LAUGHS = ["a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
for before, name in zip("abcdefgh", "bcdefghi", strict=True):
    LAUGHS.append(f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]")


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "config.yaml"
        path.write_text(text)
        return path

    return write


def read(path):
    return ConfigParser(RecallRun, "ghyena train recall", "recall").read(["--config", str(path)])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("\n".join(LAUGHS), "row 2 refers to 'a'"),
        ("epochs: " + "[" * 10_000, "row 1 is nested too deeply"),
        ("- " * 10_000, "row 1 is nested too deeply"),
        ("epochs: 3\n" + "#" * (1 << 20), "which no configuration has"),
    ],
)
def test_files_without_end(text, says, written):
    path = written(text)
    for reading in (check_yaml, read, lambda path: RunDirectory(path.parent).read_config()):
        with pytest.raises(InputError, match=r"config\.yaml") as caught:
            reading(path)
        assert says in str(caught.value)


@pytest.mark.parametrize("text", ["epochs: 3\n", "", "epochs: [1, [2]]\n", "[1", "\x00", "epochs: 'a"])
def test_whether_it_is_yaml_is_for_the_parser_to_say(text, written):
    check_yaml(written(text))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("epochs:\nseed: 1\n", "epochs: expected a value, got none"),
        ("network:\n  blocks:\n", "network.blocks: expected a value, got none"),
        ("epochs: many\n", "epochs"),
        ("epoch: 3\n", "epoch"),
        ("recipe: nbody\n", "expected a configuration of recall, got one of nbody"),
        ("[1", "Problems parsing config"),
        (f"epochs: {'x' * 100_000}\n", "epochs"),
    ],
)
def test_errors_name_the_file(text, says, written):
    with pytest.raises(InputError, match=r"config\.yaml: ") as caught:
        read(written(text))
    assert says in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_bytes("epochs: 3\n".encode("utf-16"))
    with pytest.raises(InputError, match=r"config\.yaml: is no YAML file"):
        read(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("network.hidden_dim", 10**30),
        ("network.blocks", 10**9),
        ("epochs", 10**400),
        ("network.distance_bumps", 10**9),
        ("optimizer.weight_decay", float("nan")),
        ("optimizer.clip", float("inf")),
        ("optimizer.learning_rate", float("inf")),
    ],
)
def test_numbers_beyond_every_use(name, value):
    section, _, key = name.rpartition(".")
    values = {section: {key: value}} if section else {key: value}
    config = ConfigParser(RecallRun, "ghyena").read_values(values)
    with pytest.raises(InputError, match=name):
        check_run_config(config)


def test_what_may_be_left_out_is_not_missed():
    assert empty_fields(RecallRun()) == []


def test_files_that_words_name(tmp_path):
    path = tmp_path / "a.yaml"
    path.touch()
    assert config_files(["--config", str(path), "--epochs", "3", f"--config={path}"]) == [path, path]
    assert config_files([]) == []
    assert config_files(["--config", "nowhere.yaml", "--config", "{epochs: 3}", "--config"]) == []


@pytest.mark.parametrize("text", ["", "[]", "{", '{"commit": "x"}', "[" * 100_000])
def test_an_environment_that_cannot_be_read(text, tmp_path):
    run = RunDirectory(tmp_path)
    run.environment.write_text(text)
    with pytest.raises(InputError, match=r"environment\.json: does not say"):
        run.read_environment()


@pytest.mark.parametrize(
    "text", ['{"epoch": "x"}', "[1]", "3", '{"loss": 1}', "[" * 100_000, '{"epoch": 1e999}']
)
def test_a_history_that_cannot_be_read(text, tmp_path):
    run = RunDirectory(tmp_path)
    run.metrics.write_text(text + "\n")
    with pytest.raises(InputError, match=r"metrics\.jsonl: has a broken line"):
        run.read_history()
