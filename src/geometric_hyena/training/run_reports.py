"""What the reports of all recipes have in common."""

import json
from typing import Any

from geometric_hyena.report.run_record import RunReport
from geometric_hyena.training.run_directory import RunDirectory
from geometric_hyena.training.task import Evaluation


def report_of(run: RunDirectory, evaluation: Evaluation, about: str, **special: Any) -> RunReport:
    """The report of a run, with what its directory and its evaluation tell.

    Args:
        run: the run, trained.
        evaluation: its outcome.
        about: ends the title, after the recipe and the model.
        special: what the recipe alone knows, as fields of `RunReport`.
    """
    environment = json.loads(run.environment.read_text())
    recipe, config = run.read_config()
    return RunReport(
        title=f"{recipe}: {config['model']}, {about}",
        command=environment["command"],
        history=run.read_history(),
        summary=evaluation.metrics,
        config=config,
        environment=environment,
        reference=evaluation.reference,
        **special,
    )
