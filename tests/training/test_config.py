"""From words and files to a configuration, and what is said of those that cannot be used."""

import dataclasses

import pytest
import yaml

from geometric_hyena.cli import main
from geometric_hyena.data.protein_md import ProteinMDConfig
from geometric_hyena.data.protein_md.config import check_config
from geometric_hyena.errors import InputError
from geometric_hyena.training.config import NetworkConfig, OptimizerConfig, RunConfig, check_run_config
from geometric_hyena.training.config_parser import ConfigParser, join_lists, option_rows
from geometric_hyena.training.protein_md import ProteinMDRun
from geometric_hyena.training.rna.config import RnaRun
from geometric_hyena.training.run_directory import RunDirectory


def read(*words) -> ProteinMDRun:
    return ConfigParser(ProteinMDRun, "ghyena train protein-md").read([str(word) for word in words])


def refusal(call, *arguments) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments)
    text = str(caught.value)
    assert "\n" not in text
    assert "class '" not in text
    return text


def write_yaml(path, values):
    path.write_text(yaml.safe_dump(values))
    return path


def test_without_words_everything_has_its_default():
    assert read() == ProteinMDRun()


def test_words_of_every_type():
    config = read(
        *("--epochs", "7", "--model", "geometric-hyena", "--out", "some/where", "--data.radius", "6.5"),
        *("--data.velocities", "false", "--optimizer.learning_rate", "3e-4", "--network.conv_norm=none"),
    )
    assert config.epochs == 7
    assert config.out == "some/where"
    assert config.data == ProteinMDConfig(radius=6.5, velocities=False)
    assert config.optimizer == OptimizerConfig(learning_rate=3e-4)
    assert config.network == NetworkConfig(conv_norm="none")


def test_dashes_and_underscores_name_the_same_option():
    config = read("--batch-size", "2", "--match-parameters=900", "--data.test-trajectory", "a-b.dcd")
    assert (config.batch_size, config.match_parameters) == (2, 900)
    assert config.data.test_trajectory == ["a-b.dcd"]


def test_the_configuration_is_typed_and_frozen():
    config = read("--data.lag", "3")
    assert type(config) is ProteinMDRun
    assert type(config.data) is ProteinMDConfig
    assert type(config.network) is NetworkConfig
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.epochs = 3


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--data.trajectory", "a.dcd"], ["a.dcd"]),
        (["--data.trajectory", "a.dcd", "b c.dcd", "--epochs", "2"], ["a.dcd", "b c.dcd"]),
        (["--data.trajectory", '["a.dcd", "b.dcd"]'], ["a.dcd", "b.dcd"]),
        (['--data.trajectory=["a.dcd"]'], ["a.dcd"]),
        (["--data.trajectory", "01.dcd", "1e3", "true"], ["01.dcd", "1e3", "true"]),
        (["--epochs", "2", "--data.trajectory"], []),
    ],
)
def test_lists_are_plain_words_or_json(words, expected):
    assert read(*words).data.trajectory == expected


def test_lists_end_at_the_next_option():
    joined = join_lists(["--data.trajectory", "a", "b", "--seed", "1"], {"data.trajectory": False})
    assert joined == ['--data.trajectory=["a", "b"]', "--seed", "1"]


@pytest.mark.parametrize(
    ("words", "targets"),
    [
        (["--data.targets", "a", "b"], ["a", "b"]),
        (["--data.targets", "a,b", "c"], ["a", "b", "c"]),
        (["--data.targets=a,b"], ["a", "b"]),
        (["--data.targets=a", "b"], ["a", "b"]),
        (["--data.targets", '["a,b", "c"]'], ["a,b", "c"]),
    ],
)
def test_names_may_be_separated_by_commas(words, targets):
    assert ConfigParser(RnaRun, "ghyena train rna").read(words).data.targets == targets


def test_commas_belong_to_the_names_of_files():
    assert read("--data.trajectory=a,1.dcd", "b.dcd").data.trajectory == ["a,1.dcd", "b.dcd"]


def test_selections_with_spaces_and_colons_stay_words():
    text = "protein and (resid 1:60 or name CA)"
    assert read("--data.selection", text).data.selection == text


def test_options_after_a_file_win_and_options_before_it_lose(tmp_path):
    file = write_yaml(tmp_path / "a.yaml", {"epochs": 5, "data": {"lag": 2, "trajectory": ["a.dcd"]}})
    config = read("--config", file)
    assert (config.epochs, config.data.lag, config.data.trajectory) == (5, 2, ["a.dcd"])
    config = read("--config", file, "--data.lag", "9")
    assert (config.epochs, config.data.lag, config.data.trajectory) == (5, 9, ["a.dcd"])
    assert read("--epochs", "3", "--config", file).epochs == 5


def test_the_later_of_two_files_wins(tmp_path):
    first = write_yaml(tmp_path / "a.yaml", {"epochs": 5, "network": {"blocks": 2}})
    second = write_yaml(tmp_path / "b.yaml", {"epochs": 6, "network": {"hidden_dim": 4}})
    config = read("--config", first, "--config", second)
    assert config.epochs == 6
    assert config.network == NetworkConfig(blocks=2, hidden_dim=4)


def test_a_written_configuration_is_read_back_as_it_was(tmp_path):
    config = read(
        *("--data.topology", "a.psf", "--data.trajectory", "1.dcd", "2.dcd", "--data.velocities", "false"),
        *("--optimizer.weight_decay", "1e-7", "--network.blocks", "2", "--out", "runs/x", "--seed", "3"),
    )
    run = RunDirectory(tmp_path)
    run.write_config("protein-md", config)
    assert read("--config", run.config) == config
    name, values = run.read_config()
    assert name == "protein-md"
    assert ConfigParser(ProteinMDRun, "ghyena").read_values(values) == config


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["--nothing", "1"], "--nothing"),
        (["--data.nothing", "1"], "--data.nothing"),
        (["--epoch", "1"], "--epoch"),  # no abbreviations: one letter less is a mistake
        (["--data.traj", "a.dcd"], "--data.traj"),
        (["stray"], "stray"),
        (["--epochs", "many"], "epochs: expected"),
        (["--epochs", "1.5"], "epochs"),
        (["--epochs", "null"], "epochs"),
        (["--epochs"], "epochs"),
        (["--data.velocities", "maybe"], "data.velocities"),
        (["--data.radius", "far"], "data.radius"),
        (["--data.radius", "nan"], "data.radius"),
        (["--optimizer.learning_rate", "x"], "optimizer.learning_rate"),
        (["--network", "null"], "network"),
        (["--config", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_wrong_words_are_named(words, names):
    text = refusal(read, *words)
    assert names.lower() in text.lower()
    assert text.endswith("see ghyena train protein-md --help")


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (b"nothing: 1\n", "nothing"),
        (b"data:\n  nothing: 1\n", "nothing"),
        (b"epochs: many\n", "epochs"),
        (b"data: [1, 2]\n", "data"),
        (b"epochs: [1\n", "config"),
        (b"\xff\xfe\x00binary\x81", "a.yaml: is no YAML file"),
    ],
)
def test_wrong_files_are_named(tmp_path, content, names):
    (tmp_path / "a.yaml").write_bytes(content)
    assert names in refusal(read, "--config", tmp_path / "a.yaml")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("epochs", 0),
        ("batch_size", 0),
        ("seed", -1),
        ("seed", 2**40),
        ("match_parameters", -1),
        ("match_parameters", 10**9),
        ("threads", -1),
        ("threads", 100_000),
        ("accelerator", "abacus"),
        ("network.hidden_dim", 0),
        ("network.vector_channels", 0),
        ("network.blocks", -1),
        ("network.global_tokens", 0),
        ("network.distance_bumps", -1),
        ("network.conv_norm", "N"),
        ("optimizer.learning_rate", 0),
        ("optimizer.learning_rate", -1e-3),
        ("optimizer.weight_decay", -1),
        ("optimizer.warmup", 1),
        ("optimizer.warmup", -0.1),
        ("optimizer.clip", -1),
        ("optimizer.averaging", 1),
        ("optimizer.averaging", -0.1),
    ],
)
def test_bad_values_of_a_run(option, value):
    text = refusal(check_run_config, read(f"--{option}={value}"))
    assert text.startswith(f"{option}: expected ")
    assert str(value) in text


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("lag", 0),
        ("lag", -5),
        ("stride", 0),
        ("neighbors", 0),
        ("radius", 0),
        ("radius", -1),
        ("validation_fraction", 0),
        ("validation_fraction", 1),
        ("test_fraction", -0.1),
    ],
)
def test_bad_values_of_the_data(option, value):
    config = read("--data.topology", "a.pdb", f"--data.{option}={value}").data
    assert refusal(check_config, config).startswith(f"data.{option}: expected ")


def test_fractions_have_to_leave_frames_to_train_on():
    words = ("--data.topology=a.pdb", "--data.validation_fraction=0.5", "--data.test_fraction=0.5")
    assert "data.validation_fraction and data.test_fraction" in refusal(check_config, read(*words).data)


def test_values_at_their_limits_are_taken():
    limits = RunConfig(
        epochs=1,
        optimizer=OptimizerConfig(warmup=0.0, clip=0.0, weight_decay=0.0),
        network=NetworkConfig(distance_bumps=0, blocks=1, global_tokens=1),
    )
    check_run_config(limits)


def help_of(capsys, option) -> list[str]:
    assert main(["train", "protein-md", option]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    return shown.out.splitlines()


def test_help_fits_a_screen_and_names_all_that_most_need(capsys):
    lines = help_of(capsys, "--help")
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 110
    text = "\n".join(lines)
    for name in (f"data.{field.name}" for field in dataclasses.fields(ProteinMDConfig)):
        assert f"--{name} " in text
    for name in ("model", "epochs", "seed", "out", "config"):
        assert f"--{name} " in text
    assert "--help-all" in text


def test_help_all_names_every_option_and_its_default(capsys):
    lines = help_of(capsys, "--help-all")
    assert max(map(len, lines)) <= 110
    shown = {line.split()[0] for line in lines if line.startswith("  --")}
    assert shown == {name for name, _ in option_rows(ProteinMDRun())} | {"--config"}
    width = next(line for line in lines if line.startswith("  --network.hidden_dim "))
    assert width.endswith(f"[{NetworkConfig().hidden_dim}]")
    # every option says what it means
    assert all(len(line.split()) > 2 for line in lines if line.startswith("  --"))


def test_configuration_of_another_recipe_is_refused(tmp_path):
    (tmp_path / "other.yaml").write_text("recipe: rna\nepochs: 3\n")
    parser = ConfigParser(ProteinMDRun, "ghyena train protein-md", "protein-md")
    with pytest.raises(InputError, match="recipe: expected a configuration of protein-md, got one of rna"):
        parser.read(["--config", str(tmp_path / "other.yaml")])
