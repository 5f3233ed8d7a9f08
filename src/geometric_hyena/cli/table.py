"""Metrics as a table in a terminal."""

from collections.abc import Mapping


def metrics_table(metrics: Mapping[str, Mapping[str, float]], reference: str = "no_motion") -> str:
    """One row a predictor, best first; the last column is the first metric over that of `reference`."""
    first = next(iter(next(iter(metrics.values()))))
    names = list(next(iter(metrics.values())))
    rows = sorted(metrics.items(), key=lambda item: item[1][first])
    width = max(len(name) for name in metrics)
    head = f"{'test':{width}}  " + "  ".join(f"{name:>8}" for name in names) + f"  / {reference}"
    lines = [head, "-" * len(head)]
    base = metrics[reference][first] if reference in metrics else float("nan")
    for name, values in rows:
        share = values[first] / base if base else float("nan")
        cells = "  ".join(f"{values[key]:8.4f}" for key in names)
        lines.append(f"{name:{width}}  {cells}  {share:{len(reference) + 2}.3f}")
    return "\n".join(lines)
