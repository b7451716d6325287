"""Command: compare results with the lowest values that are accepted (floors, in git), to notice a loss of accuracy."""

from pathlib import Path

from pipeline.disk import files
from pipeline.errors import InputError

PASSED, FELL, MISSING = 0, 1, 2  # exit statuses
GUARDED = ("acc_loc", "acc_obj", "acc_avg", "iou")
NOT_OURS = ("centred box", "whole image")  # references in the IoU's row, no results of ours
HEADER = "# Floors of 'pipeline check'; 'pipeline check --update' writes them from the current results.\n"


def run(datasets: list[str], reports: Path, tolerance: float | None) -> int:
    """Check some datasets, or all that have floors; return the exit status.

    reports    holds expected.yaml and metrics/<dataset>.json
    tolerance  None: only check; else set new floors this far below the results, in points (hundredths for the IoU)
    """
    path = reports / "expected.yaml"
    floors = _read(path)
    if tolerance is not None:
        return _update(datasets or list(floors), floors, reports, tolerance)
    chosen = datasets or list(floors)
    if unknown := [name for name in chosen if name not in floors]:
        raise InputError(
            f"{path}: no floors for {unknown[0]!r}; 'pipeline check --dataset {unknown[0]} --update' sets them"
        )
    rows = [row for dataset in chosen for row in _compare(dataset, floors[dataset], _measured(dataset, reports))]
    bad = [row for row in rows if row[-1] != "ok"]
    _print(bad)
    print(f"{len(rows) - len(bad)} of {len(rows)} metrics at or above their floors")
    if any(row[-1] == "missing" for row in bad):
        return MISSING
    return FELL if bad else PASSED


def _compare(dataset: str, floors: dict[str, float], measured: dict[str, float]) -> list[tuple]:
    rows = []
    for name, floor in floors.items():
        now = measured.get(name)
        verdict = "missing" if now is None else "ok" if now >= floor else f"fell by {floor - now:.3g}"
        rows.append((dataset, name, floor, now, verdict))
    return rows


def _update(datasets: list[str], floors: dict, reports: Path, tolerance: float) -> int:
    for dataset in datasets:
        measured = _measured(dataset, reports)
        if not measured:
            print(f"{reports / 'metrics' / dataset}.json: missing; 'dvc repro' makes it")
            return MISSING
        floors[dataset] = {
            name: round(value - (tolerance / 100 if name.startswith("iou") else tolerance), 4)
            for name, value in measured.items()
        }
    from ruamel.yaml import YAML

    with files.atomic_write(reports / "expected.yaml") as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(HEADER + f"# Last tolerance: {tolerance:g} points.\n")
        YAML().dump(floors, file)
    print(f"{reports / 'expected.yaml'}: floors of {', '.join(datasets)} set {tolerance:g} points below the results")
    return PASSED


def _measured(dataset: str, reports: Path) -> dict[str, float]:
    """Return the guarded metrics under dotted names; nothing where the file is missing."""
    path = reports / "metrics" / f"{dataset}.json"
    metrics = files.read_json(path) if path.is_file() else {}
    return {
        f"{name}.{scale}": value
        for name in GUARDED
        for scale, value in metrics.get(name, {}).items()
        if scale not in NOT_OURS
    }


def _read(path: Path) -> dict:
    from ruamel.yaml import YAML

    return (YAML(typ="safe").load(path) or {}) if path.is_file() else {}


def _print(rows: list[tuple]) -> None:
    for dataset, name, floor, now, verdict in rows:
        value = "-" if now is None else f"{now:.3f}"
        print(f"{dataset:<12} {name:<12} floor {floor:>8.3f}  now {value:>8}  {verdict}")
