"""What a sweep says of itself where there is no terminal."""

from types import SimpleNamespace

from geometric_hyena.reproduce.progress import SweepProgress


def job(done):
    cell = SimpleNamespace(model="tfn", setting="backbone", seed=2, cost=3.0)
    return SimpleNamespace(cell=cell, log="logs/tfn.log", ended=done == 1, done=done)


def test_no_time_left_is_made_up_while_nothing_has_been_done(capsys):
    jobs = [job(0.0), job(0.5)]
    with SweepProgress(jobs) as progress:
        progress.ended(jobs[0], "no room on the disk")
        assert (
            capsys.readouterr().err
            == "0/2  tfn, backbone, seed 2: FAILED: no room on the disk (logs/tfn.log)\n"
        )
        progress.started -= 60
        jobs[1].done, jobs[1].ended = 1, True
        progress.ended(jobs[1], None)
    # Half a run in a minute, and a whole one to go.
    assert capsys.readouterr().err.startswith("1/2  tfn, backbone, seed 2: done  about 12")
