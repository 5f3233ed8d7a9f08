"""The sections of a run's report, each a list of blocks made from the run's record."""

from collections.abc import Mapping

import numpy as np

from geometric_hyena.report import plots
from geometric_hyena.report.atoms import Atoms, residue_labels
from geometric_hyena.report.blocks import (
    Block,
    Collapsed,
    Columns,
    Figure,
    KeyNumbers,
    KeyValues,
    Paragraph,
    Stack,
    Table,
)
from geometric_hyena.report.numbers import format_number, format_ratio, in_brackets, squared_unit
from geometric_hyena.report.run_record import RunReport
from geometric_hyena.report.structure_view import StructureView, ViewFrame


def comparison(report: RunReport) -> list[Block]:
    """Key numbers, then the table of all metrics beside the bars of the test error."""
    splits = {name: report.summary[name] for name in ("test", "validation") if report.summary.get(name)}
    test = splits.get("test", {})
    names = list(dict.fromkeys(name for split in splits.values() for name in split))
    names.sort(key=lambda name: name != "model")  # the model first, the others as they come
    reference = report.reference.replace("_", " ")
    still = test.get(report.reference, {}).get(report.metric, np.nan)
    metrics = [
        (split, metric)
        for split, rows in splits.items()
        for metric in dict.fromkeys(metric for row in rows.values() for metric in row)
    ]
    headings = [f"{split} {metric.upper()}{_unit_of(metric, report.unit)}" for split, metric in metrics]
    rows, columns = [], [[splits[s].get(n, {}).get(m, np.nan) for n in names] for s, m in metrics]
    for i, name in enumerate(names):
        error = test.get(name, {}).get(report.metric, np.nan)
        ratio = format_ratio(error / still) if still > 0 and np.isfinite(error) else "–"
        missing = [m not in splits[s].get(name, {}) for s, m in metrics]
        cells = ["–" if gone else format_number(c[i]) for gone, c in zip(missing, columns, strict=True)]
        rows.append([name.replace("_", " "), ratio, *cells])
    # Only errors are known to be the better the smaller.
    best = {
        (int(np.nanargmin(column)), j + 2)
        for j, ((_, metric), column) in enumerate(zip(metrics, columns, strict=True))
        if metric in {"mse", "mae", "rmse", "mcrmse"} and np.isfinite(column).any()
    }
    table = Table(
        ["", f"ratio to {reference}", *headings],
        rows,
        caption=report.metric_note,
        highlight=names.index("model") if "model" in names else None,
        best=frozenset(best),
    )
    errors = {name: row[report.metric] for name, row in test.items() if report.metric in row}
    if not errors:
        return [table]
    bars = Figure(
        plots.comparison_bars(
            errors,
            unit=_unit_of_error(report),
            reference=report.reference,
            metric="mean squared error" if report.metric == "mse" else report.metric.upper(),
        ),
        alt="Bars of the test error: "
        + ", ".join(f"{n.replace('_', ' ')} {format_number(e)}" for n, e in errors.items()),
        caption=f"Test error, smallest first. The dashed line is {reference}.",
    )
    return [KeyNumbers(_key_numbers(report, errors)), table, bars]


def _key_numbers(report: RunReport, errors: Mapping[str, float]) -> list[tuple[str, str]]:
    ours, still = errors.get("model", np.nan), errors.get(report.reference, np.nan)
    unit, reference = _unit_of_error(report), report.reference.replace("_", " ")
    numbers = [(f"{format_number(ours)}{unit}", f"test {report.metric.upper()} of the model")]
    if still > 0:
        numbers.append((f"{format_ratio(ours / still)} ×", f"of {reference} ({format_number(still)}{unit})"))
    if report.samples:
        predicted, measured = _finite_pairs(report)
        numbers.append(
            (
                format_number(plots.r_squared(predicted, measured), 2),
                f"R² over the {'vectors' if report.shown else 'frames'} shown",
            )
        )
    if report.atoms:
        numbers.append((f"{len(report.atoms):,}", "atoms"))
    return numbers


def structure(report: RunReport, atoms: Atoms) -> list[Block]:
    """The interactive view of all samples and the picture of the first."""
    first = report.samples[0]
    samples = [sample.turned_onto(first) for sample in report.samples]
    traces = atoms.traces(first.positions)
    frames = [
        ViewFrame(
            f"frame {sample.frame}",
            sample.positions,
            {"measured": sample.measured, "predicted": sample.predicted},
            np.linalg.norm(sample.predicted - sample.measured, axis=1),
        )
        for sample in samples
    ]
    view = StructureView(
        frames,
        [chain.tolist() for chain in traces],
        atoms.labels(),
        caption=(
            f"{len(samples)} test frame{'s' if len(samples) > 1 else ''}, superposed on the first. "
            "The chain is coloured by the distance between predicted and measured displacement."
        ),
        scalar_label="error",
        unit=report.unit,
    )
    picture = Figure(
        plots.displacement_arrows(first.positions, first.predicted, first.measured, traces),
        alt=f"The chain at test frame {first.frame} with measured and predicted displacements as arrows",
        caption=f"Test frame {first.frame}, seen along its shortest axis; what is fainter is farther away.",
    )
    return [view, picture]


def along_the_chain(report: RunReport, atoms: Atoms) -> Block:
    """Error of every residue over the test split."""
    ours, still = (
        np.sqrt(atoms.mean_per_residue(np.asarray(error)))
        for error in (report.model_error, report.no_motion_error)
    )
    starts = atoms.residue_starts()
    gained = int((ours < still).sum())
    figure = plots.error_per_residue(
        np.asarray(atoms.resids)[starts],
        residue_labels(atoms),
        ours,
        still,
        np.asarray(atoms.segids)[starts],
        ylabel=f"RMS error ({report.unit})",
    )
    sentence = f"The model is better than no motion at {gained:,} of {len(starts):,} residues."
    return Figure(
        figure,
        alt=f"Error along the chain of model and no motion. {sentence}",
        caption=f"{sentence} Root of the mean squared error of its atoms, over the whole test split.",
        wide=True,
    )


def agreement(report: RunReport) -> list[Block]:
    """All components of the samples, predicted against measured, and what they say together."""
    predicted, measured = _finite_pairs(report)
    if not len(predicted):
        return [Paragraph("No prediction is finite.")]
    lengths = [np.linalg.norm(vectors, axis=-1) for vectors in (predicted, measured)]
    frames = f"{len(report.samples)} test frame{'s' if len(report.samples) > 1 else ''}"
    shown = report.shown or f"all atoms in {frames}"
    cosine = _cosine(predicted, measured)
    facts = {
        "mean length, measured": f"{format_number(float(lengths[1].mean()))} {report.unit}".strip(),
        "mean length, predicted": f"{format_number(float(lengths[0].mean()))} {report.unit}".strip(),
        "mean cosine between them": format_number(cosine, 2),
        "correlation of lengths": format_number(_correlation(*lengths), 2),
    }
    figure = Figure(
        plots.predicted_against_measured(predicted, measured, report.unit, f"{report.quantity} component"),
        alt=f"Predicted against measured {report.quantity} components, with the line of equality",
        caption=f"The x, y and z components of {shown}.",
    )
    beside: list[Block] = [KeyValues(facts)]
    if lengths[0].mean() < 0.9 * lengths[1].mean():
        remark = (
            "The model predicts shorter vectors than there are, as squared errors favour where it is "
            "uncertain."
        )
        beside.append(Paragraph(remark, muted=True))
    return [Columns([figure, Stack(beside)])]


def curves(report: RunReport) -> Block:
    """Losses and learning rate, with the trivial baselines of the validation split."""
    validation = report.summary.get("validation", {})
    baselines = {n: row["mse"] for n, row in validation.items() if n != "model" and "mse" in row}
    baselines = baselines if report.loss_is_mse else {}
    known = any(np.isfinite(row.get("val_loss") or np.nan) for row in report.history)
    circle = "The circle is the lowest validation loss." if known else "No validation loss is finite."
    dashed = " Dashed: trivial baselines on the validation split." if baselines else ""
    lost = [
        row
        for row in report.history
        if any(isinstance(x, float) and not np.isfinite(x) for x in row.values())
    ]
    crosses = f" Crosses: {len(lost)} epoch(s) with values that are not finite." if lost else ""
    return Figure(
        plots.training_curves(report.history, baselines),
        alt="Training and validation loss by epoch",
        caption=f"{circle}{dashed}{crosses}",
        wide=True,
    )


def provenance(report: RunReport) -> list[Block]:
    """What it takes to make the run again."""
    top: dict[str, object] = {"command": report.command}
    if report.environment.get("commit"):
        top["commit"] = report.environment["commit"]
    blocks: list[Block] = [KeyValues(top)]
    parts = {"Configuration": report.config, "Environment": report.environment, "Data": report.data}
    return blocks + [Collapsed(name, [KeyValues(values)]) for name, values in parts.items() if values]


def _finite_pairs(report: RunReport) -> tuple[np.ndarray, np.ndarray]:
    """Predicted and measured vectors (M, 3) of all samples, where both are finite."""
    predicted = np.concatenate([sample.predicted for sample in report.samples])
    measured = np.concatenate([sample.measured for sample in report.samples])
    finite = np.isfinite(predicted).all(axis=1) & np.isfinite(measured).all(axis=1)
    return predicted[finite].astype(float), measured[finite].astype(float)


def _unit_of_error(report: RunReport) -> str:
    """With the space before it; nothing where values have no unit."""
    return squared_unit(report.unit) if report.metric == "mse" else f" {report.unit}".rstrip()


def _unit_of(metric: str, unit: str) -> str:
    return in_brackets({"mse": squared_unit(unit), "mae": unit, "rmse": unit}.get(metric, ""))


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Mean cosine of the angle between vectors (..., 3), over pairs where both have a length."""
    norms = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    moved = norms > 0
    return float(((a * b).sum(-1)[moved] / norms[moved]).mean()) if moved.any() else float("nan")


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a.ravel() - a.mean(), b.ravel() - b.mean()
    norm = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum()) / norm if norm > 0 else float("nan")
