"""What cannot be used ends in one line on stderr and exit code 2, and leaves nothing behind."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from geometric_hyena.cli import main
from geometric_hyena.errors import GHyenaError, InputError
from geometric_hyena.models.registry import MODELS
from training.small_runs import NETWORK, ghyena, trained


@pytest.fixture
def refused(tmp_path, capsys, monkeypatch):
    """Run words that cannot be used; returns the one line said of them. OUT stands for a new directory."""
    monkeypatch.chdir(tmp_path)

    def run(*words) -> str:
        before = sorted(tmp_path.rglob("*"))
        out = tmp_path / "new" / "run"
        capsys.readouterr()
        code = ghyena(*(str(out) if word == "OUT" else word for word in words))
        shown = capsys.readouterr()
        assert code == 2
        assert shown.out == ""
        return_line = one_line(shown.err)
        assert not out.exists()
        assert sorted(tmp_path.rglob("*")) == before
        return return_line

    return run


def one_line(text: str) -> str:
    assert text.startswith("ghyena: ")
    assert text.endswith("\n")
    assert text.count("\n") == 1
    assert "Traceback" not in text
    return text.removeprefix("ghyena: ").strip()


def training(topology, trajectory, *more) -> list[str]:
    words = [
        "train",
        "protein-md",
        "--out",
        "OUT",
        "--threads",
        "1",
        *NETWORK,
        "--epochs",
        "1",
        "--data.lag",
        "2",
    ]
    return [
        *words,
        "--data.topology",
        topology,
        "--data.trajectory",
        trajectory,
        "--data.selection",
        "all",
        *more,
    ]


class TestFiles:
    def test_topology_and_trajectory_of_different_molecules(self, refused, files):
        from MDAnalysisTests.datafiles import DCD

        text = refused(*training(files.topology, DCD))
        assert "3341" in text
        assert "60" in text
        assert DCD in text

    def test_truncated_dcd(self, refused, files, tmp_path):
        whole = Path(files.trajectory).read_bytes()
        (tmp_path / "cut.dcd").write_bytes(whole[: len(whole) * 2 // 3])
        text = refused(*training(files.topology, "cut.dcd"))
        assert "cut.dcd: breaks off" in text
        assert "20" in text or "19" in text  # where: two thirds of 30 frames

    def test_dcd_cut_in_its_header(self, refused, files, tmp_path):
        (tmp_path / "cut.dcd").write_bytes(Path(files.trajectory).read_bytes()[:100])
        assert "cut.dcd" in refused(*training(files.topology, "cut.dcd"))

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_coordinates_that_are_not_finite(self, refused, files, tmp_path, dcd_writer, value):
        coordinates = files.coordinates.copy()
        coordinates[7, 11, 2] = value
        text = refused(*training(files.topology, dcd_writer(tmp_path / "nan.dcd", coordinates)))
        assert "nan.dcd: frame 7, atom 11 (CA of " in text

    def test_missing_files(self, refused, files):
        assert "nowhere.psf: no such file" in refused(*training("nowhere.psf", files.trajectory))
        assert "nowhere.dcd: no such file" in refused(*training(files.topology, "nowhere.dcd"))

    def test_empty_files(self, refused, files, tmp_path):
        (tmp_path / "empty.pdb").touch()
        (tmp_path / "empty.dcd").touch()
        assert "empty.pdb: is empty" in refused(*training("empty.pdb", files.trajectory))
        assert "empty.dcd: is empty" in refused(*training(files.topology, "empty.dcd"))

    def test_a_directory_as_file(self, refused, files, tmp_path):
        assert "is a directory" in refused(*training(tmp_path, files.trajectory))

    @pytest.mark.parametrize("name", ["junk.pdb", "junk.psf", "junk.gro", "junk.cif", "junk.xyzzy"])
    def test_topologies_of_nonsense(self, refused, files, tmp_path, name):
        (tmp_path / name).write_bytes(np.random.default_rng(0).bytes(500))
        assert name in refused(*training(name, files.trajectory))

    @pytest.mark.parametrize("name", ["junk.dcd", "junk.xtc", "junk.trr", "junk.nc", "junk.xyzzy"])
    def test_trajectories_of_nonsense(self, refused, files, tmp_path, name):
        (tmp_path / name).write_bytes(np.random.default_rng(0).bytes(500))
        assert name in refused(*training(files.topology, name))

    def test_trajectory_without_topology(self, refused, files):
        text = refused("train", "protein-md", "--out", "OUT", "--data.trajectory", files.trajectory)
        assert "data.topology" in text

    def test_topology_without_coordinates(self, refused):
        from MDAnalysisTests.datafiles import PSF

        assert "data.trajectory" in refused("train", "protein-md", "--out", "OUT", "--data.topology", PSF)

    def test_the_second_trajectory_is_checked_too(self, refused, files):
        from MDAnalysisTests.datafiles import DCD

        text = refused(*training(files.topology, files.trajectory, "--data.test_trajectory", DCD))
        assert "3341" in text


class TestOptions:
    @pytest.mark.parametrize(
        ("words", "says"),
        [
            (["--data.selection", "name XX"], "selects none of the 60 atoms"),
            (["--data.selection", ""], "selects none"),
            (["--data.selection", "name ((CA"], "name ((CA"),
            (["--data.selection", "nmae CA"], "nmae CA"),
            (["--data.lag", "500"], "a lag of at most"),
            (["--data.lag", "-1"], "data.lag: expected at least 1"),
            (["--data.stride", "0"], "data.stride"),
            (["--data.radius", "-3"], "data.radius"),
            (["--data.validation_fraction", "0.9"], "leave no frames"),
            (["--nothing", "1"], "--nothing"),
            (["--data.nothing", "1"], "--data.nothing"),
            (["--epoch", "1"], "--epoch"),
            (["--epochs", "many"], "epochs"),
            (["--epochs", "0"], "epochs: expected at least 1, got 0"),
            (["--threads", "-1"], "threads"),
            (["--seed", "99999999999999999"], "seed"),
            (["--optimizer.weight_decay", "-1"], "optimizer.weight_decay"),
            (["--network.distance_bumps", "-3"], "network.distance_bumps"),
            (["--model", "egnn", "--network.gate", "k"], "network.gate: egnn has no such option"),
            (["--model", "oracle"], f"choose one of: {', '.join(sorted(MODELS))}"),
            (["--config", "nowhere.yaml"], "nowhere.yaml"),
        ],
    )
    def test_of_a_training(self, refused, files, words, says):
        assert says in refused(*training(files.topology, files.trajectory, *words))

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            (["train", "cooking"], "recipe: there is no 'cooking'; choose one of: protein-md"),
            (["--nothing"], "there is no verb '--nothing'"),
            (["cook"], "there is no verb 'cook'; choose one of: train, evaluate"),
            (["data", "nothing"], "adk-equilibrium"),
            (["data", "adk-equilibrium", "--nothing", "1"], "--nothing"),
            (["benchmark", "speed"], "benchmark: there is no 'speed'; choose one of: operator"),
            (
                ["benchmark", "scaling", "--memory", "lots"],
                "--memory: expected a size of memory such as 24GiB",
            ),
            (["benchmark", "scaling", "--channels", "0"], "--channels: expected a whole number from 1"),
            (
                ["benchmark", "block", "--memory", "4GiB"],
                "--memory: is an option of ghyena benchmark scaling",
            ),
            (["benchmark", "block", "--from", "nowhere.json"], "nowhere.json: cannot be read (No such file"),
            (["benchmark", "block", "--from", "a.json", "--threads", "2"], "--threads: says how to measure"),
            (["train", "--resume"], "--resume: expected one run"),
            (["train", "--resume", "run", "--epochs", "3"], "config.yaml"),
        ],
    )
    def test_of_verbs(self, refused, words, says):
        assert says in refused(*words)

    def test_a_memory_budget_that_cannot_be_met(self, refused):
        text = refused("benchmark", "scaling", "--channels", "1", "--memory", "100KiB", "--out", "OUT")
        assert text.startswith("--memory 100 KiB: one block of H = 80, C = 1 needs at least ")
        assert re.search(r"; at 1 GiB about N = \d+,\d+ tokens fit forward, \d+,\d+ in training$", text)

    def test_a_gpu_where_there_is_none(self, refused, files, monkeypatch):
        monkeypatch.setattr("torch.cuda.is_available", lambda: False)
        monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
        words = training(files.topology, files.trajectory, "--accelerator", "gpu")
        assert "--accelerator cpu" in refused(*words)

    def test_a_place_where_no_run_can_be_made(self, refused, files, tmp_path):
        (tmp_path / "file").write_text("mine")
        words = training(files.topology, files.trajectory)
        for place in ("file", "file/run"):
            text = refused(*[place if word == "OUT" else word for word in words])
            assert text.startswith("file")
            assert "--out" in text


@pytest.fixture
def broken(moving_run, tmp_path):
    """A copy of a finished run, to break."""
    return shutil.copytree(moving_run, tmp_path / "broken")


def using(run, files) -> list[list]:
    """Both verbs that use a trained run."""
    return [["evaluate", run], ["predict", run, files.topology, files.trajectory, "--out", "OUT"]]


class TestRuns:
    def test_no_run_directory(self, refused, files, tmp_path):
        for run in (tmp_path, tmp_path / "nowhere", files.topology):
            for words in (*using(run, files), ["train", "--resume", run]):
                assert f"{run}: is no run directory" in refused(*words)

    def test_unfinished_run(self, refused, files, broken):
        (broken / "model.safetensors").unlink()
        for words in using(broken, files):
            assert f"training has not finished; go on with ghyena train --resume {broken}" in refused(*words)

    def test_weights_of_another_model(self, refused, files, broken, tmp_path_factory):
        other = trained(
            tmp_path_factory.mktemp("other") / "run", "--network.hidden_dim", "12", epochs=1, stride=32
        )
        shutil.copyfile(other / "model.safetensors", broken / "model.safetensors")
        for words in using(broken, files):
            text = refused(*words)
            assert "model.safetensors: belongs to another model" in text
            assert "12" in text

    @pytest.mark.parametrize("size", [0, 4, 500])
    def test_broken_weights(self, refused, files, broken, size):
        (broken / "model.safetensors").write_bytes(np.random.default_rng(0).bytes(size))
        for words in using(broken, files):
            assert "model.safetensors: cannot be read as safetensors" in refused(*words)

    @pytest.mark.parametrize("content", [b"", b"[1", b"- 1\n", b"epochs: 3\n", b"recipe\n", b"\xff\x00\x81"])
    def test_broken_configuration(self, refused, files, broken, content):
        (broken / "config.yaml").write_bytes(content)
        (broken / "summary.json").unlink()
        for words in (*using(broken, files), ["train", "--resume", broken]):
            assert "config.yaml: is no configuration of a run" in refused(*words)

    @pytest.mark.parametrize(
        ("old", "new", "says"),
        [
            ("epochs: 2", "epochs: many", "epochs"),
            ("epochs: 2", "epoch: 2", "epoch"),
            ("recipe: protein-md", "recipe: cooking", "cooking"),
            ("recipe: protein-md", "recipe: [1]", "recipe"),
            ("model: geometric-hyena", "model: oracle", "oracle"),
        ],
    )
    def test_configuration_that_was_changed(self, refused, files, broken, old, new, says):
        text = (broken / "config.yaml").read_text()
        assert old in text
        (broken / "config.yaml").write_text(text.replace(old, new))
        (broken / "summary.json").unlink()
        for words in (*using(broken, files), ["train", "--resume", broken]):
            assert says in refused(*words)

    def test_options_that_evaluation_does_not_take(self, refused, moving_run):
        assert "--epochs: only data.* options" in refused("evaluate", moving_run, "--epochs", "3")
        assert "--data.nothing" in refused("evaluate", moving_run, "--data.nothing", "3")
        assert "--out" in refused("evaluate", moving_run, "--out")
        assert "folder" in refused("evaluate", moving_run, "--out", "nowhere/a.json")
        assert "directory" in refused("evaluate", moving_run, "--out", ".")
        assert "a lag of at most" in refused("evaluate", moving_run, "--data.lag", "500")


class TestResume:
    @pytest.fixture
    def unfinished(self, broken):
        for name in ("summary.json", "report.html", "model.safetensors"):
            (broken / name).unlink()
        return broken

    @pytest.mark.parametrize("name", ["last.ckpt", "best.ckpt"])
    @pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04half"])
    def test_broken_checkpoint(self, refused, unfinished, name, content):
        (unfinished / "checkpoints" / name).write_bytes(content)
        assert f"{name}: is broken or of another model" in refused("train", "--resume", unfinished)

    def test_missing_checkpoint(self, refused, unfinished):
        (unfinished / "checkpoints" / "best.ckpt").unlink()
        assert "best.ckpt: is missing" in refused("train", "--resume", unfinished)

    def test_checkpoint_of_another_model(self, refused, unfinished):
        text = (unfinished / "config.yaml").read_text()
        (unfinished / "config.yaml").write_text(text.replace("hidden_dim: 8", "hidden_dim: 12"))
        assert "last.ckpt: is broken or of another model" in refused("train", "--resume", unfinished)

    def test_values_that_cannot_be_used(self, refused, unfinished):
        text = (unfinished / "config.yaml").read_text()
        (unfinished / "config.yaml").write_text(text.replace("epochs: 2", "epochs: 0"))
        assert "epochs: expected at least 1" in refused("train", "--resume", unfinished)

    def test_broken_history(self, refused, unfinished):
        (unfinished / "metrics.jsonl").write_text('{"epo')
        assert "metrics.jsonl: has a broken line" in refused("train", "--resume", unfinished)


class TestPredict:
    def test_without_files(self, refused, moving_run):
        assert "at least one file" in refused("predict", moving_run)

    @pytest.mark.parametrize("stride", ["0", "-1", "x", "1.5", ""])
    def test_bad_stride(self, refused, moving_run, files, stride):
        words = ["predict", moving_run, files.topology, files.trajectory, "--out", "OUT"]
        assert "--stride: expected a whole number" in refused(*words, "--stride", stride)

    def test_unknown_option(self, refused, moving_run, files):
        assert "--frames" in refused("predict", moving_run, files.topology, "--frames", "3")
        assert "--out: expected a value" in refused("predict", moving_run, files.topology, "--out")

    def test_one_structure_for_a_model_with_velocities(self, refused, moving_run, files):
        text = refused("predict", moving_run, files.topology, "--out", "OUT")
        assert "velocities" in text
        assert "pass a trajectory" in text

    def test_files_that_cannot_be_used(self, refused, moving_run, files, tmp_path):
        from MDAnalysisTests.datafiles import DCD

        (tmp_path / "cut.dcd").write_bytes(Path(files.trajectory).read_bytes()[:-50])
        for wrong, says in ((DCD, "3341"), ("cut.dcd", "breaks off"), ("nowhere.dcd", "no such file")):
            assert says in refused("predict", moving_run, files.topology, wrong, "--out", "OUT")

    def test_a_place_that_is_a_file(self, refused, still_run, files, tmp_path):
        (tmp_path / "file").write_text("mine")
        assert "file: is a file" in refused("predict", still_run, files.topology, "--out", "file")
        assert (tmp_path / "file").read_text() == "mine"


class TestDebug:
    @pytest.mark.parametrize("place", [0, -1])
    def test_shows_where_an_error_came_from(self, place):
        words = ["train", "cooking"]
        words.insert(place if place == 0 else len(words), "--debug")
        with pytest.raises(InputError, match="cooking"):
            main(words)

    def test_defects_are_not_hidden(self, monkeypatch):
        def fail(words):
            raise RuntimeError("a defect")

        monkeypatch.setattr("geometric_hyena.cli.evaluate.run", fail)
        with pytest.raises(RuntimeError):
            main(["evaluate", "run"])

    def test_every_error_of_ours_is_one(self):
        assert issubclass(InputError, GHyenaError)

    def test_an_interruption_is_no_traceback(self, monkeypatch, capsys):
        def interrupt(words):
            raise KeyboardInterrupt

        monkeypatch.setattr("geometric_hyena.cli.evaluate.run", interrupt)
        assert main(["evaluate", "run"]) == 130
        assert one_line(capsys.readouterr().err) == "interrupted"


def process(*words) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "geometric_hyena.cli", *(str(word) for word in words)]
    return subprocess.run(command, capture_output=True, text=True)


def test_in_a_process_of_its_own(files, tmp_path):
    """Nothing that a library prints at its end or from a destructor joins the one line."""
    (tmp_path / "cut.dcd").write_bytes(Path(files.trajectory).read_bytes()[:-50])
    words = training(files.topology, tmp_path / "cut.dcd")
    done = process(*[tmp_path / "run" if word == "OUT" else word for word in words])
    assert done.returncode == 2
    assert done.stdout == ""
    assert "cut.dcd: breaks off" in one_line(done.stderr)
    assert not (tmp_path / "run").exists()


def test_debug_in_a_process_of_its_own():
    done = process("cook", "--debug")
    assert done.returncode not in (0, 2)
    assert "Traceback" in done.stderr
    assert "cook" in done.stderr.splitlines()[-1]
