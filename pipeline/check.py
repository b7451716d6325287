"""Command: compare results with the lowest values that are accepted (floors, in git), to notice a loss of accuracy.

Nothing is green by accident: a file that is missing, empty or damaged, a dataset that was run and has no floors, floors
without results: each is named in a line, and the exit status is 2.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean
from typing import Any

from pipeline import params
from pipeline.errors import InputError
from pipeline.reporting import floors, metrics
from pipeline.reporting.floors import GUARDED, Floors, kind

PASSED, FELL, BROKEN = 0, 1, 2  # exit statuses
MEAN = "mean"  # of a row over its scales: it swings less than its numbers, so that its floor is nearer
SAME = 0.5  # points by which a run may differ from the results in git


def run(datasets: list[str], reports: Path, base: str | None, committed: bool) -> int:
    """Check some datasets, or all that have floors or results; return the exit status.

    reports    holds expected.yaml and the folder metrics
    base       a commit: floors that are lower than there need a new line 'why'
    committed  also compare the results with those in the commit that is checked out
    """
    path = reports / "expected.yaml"
    problems: list[str] = []
    rows: list[tuple] = []
    with _noted(problems):
        expected = floors.read(path)
        chosen = datasets or sorted({name for name in expected if expected[name].values} | _run_datasets(reports))
        if not chosen:
            raise InputError(f"{path}: no floors; run 'dvc repro', then 'pipeline check --update'")
        for dataset in chosen:
            with _noted(problems):
                _check_recipe(dataset, reports)
                rows += _compare(dataset, expected.get(dataset, Floors()), reports)
            if committed:
                with _noted(problems):
                    problems += _differences(dataset, reports)
        if base is not None:
            for dataset, fall in _lowered(floors.read_at(base, path), expected).items():
                problems.append(f"{path}: {fall}; change the line 'why' of {dataset} to say why")
    bad = [row for row in rows if row[-1] != "ok"]
    _print(bad)
    _print_errors(problems)
    print(f"{len(rows) - len(bad)} of {len(rows)} metrics at or above their floors")
    if problems or any(row[-1] == "missing" for row in bad):
        return BROKEN
    return FELL if bad else PASSED


def update(datasets: list[str], reports: Path, tolerance: float, why: str) -> int:
    """Set floors below the current results; return the exit status.

    tolerance  points that a metric may lose (hundredths for the IoU); a mean may lose half of that
    why        is kept with the floors; needed where one of them falls
    """
    path, problems = reports / "expected.yaml", []
    with _noted(problems):
        before = floors.read(path) if path.is_file() else {}
        after, chosen = dict(before), datasets or sorted({*before, *_run_datasets(reports)})
        for dataset in chosen:
            _check_recipe(dataset, reports)
            measured = _measured(dataset, reports).items()
            values = {n: round(max(v - _slack(n, tolerance), floors.limits(n)[0]), 4) for n, v in measured}
            after[dataset] = Floors(values, before.get(dataset, Floors()).why)
            if _fallen(before.get(dataset, Floors()), after[dataset]):
                after[dataset].why = why or after[dataset].why
        if lowered := _lowered(before, after):
            way_out = "say why in a line: pipeline check --update --why '...'"
            raise InputError("\n".join(f"{fall}; {way_out}" for fall in lowered.values()))
        floors.write(path, after)
        print(f"{path}: floors of {', '.join(chosen)} set {tolerance:g} points below the results")
    _print_errors(problems)
    return BROKEN if problems else PASSED


def _check_recipe(dataset: str, reports: Path) -> None:
    """Raise InputError where the project has no such recipe: results that a renamed one left behind say nothing."""
    path = reports.parent / params.PATH
    recipes = params.load(path).get("recipes") if path.is_file() else None
    if isinstance(recipes, dict) and dataset not in recipes:
        raise InputError(
            f"{path}: there is no recipe for {dataset!r}, so that its results are old ones; take its floors out of "
            f"{reports / 'expected.yaml'}, and its files out of {reports / 'metrics'}"
        )


def _compare(dataset: str, expected: Floors, reports: Path) -> list[tuple]:
    path, way_out = reports / "expected.yaml", f"'pipeline check --dataset {dataset} --update' sets them"
    if not expected.values:
        raise InputError(f"{path}: no floors for {dataset!r}; {way_out}")
    measured = _measured(dataset, reports)
    without = sorted({_row(name) for name in measured} - {_row(name) for name in expected.values})
    if without:
        raise InputError(f"{path}: {dataset} has no floor for {', '.join(without)}; {way_out}")
    rows = []
    for name, floor in expected.values.items():
        now = measured.get(name)
        verdict = "missing" if now is None else "ok" if now >= floor else f"fell by {floor - now:.3g}"
        rows.append((dataset, name, floor, now, verdict))
    return rows


def _row(name: str) -> str:
    return name.rpartition(".")[0]


def _fallen(old: Floors, new: Floors) -> list[tuple[str, float, float | None]]:
    """Return the floors that are lower or gone: name, before, after."""
    return [(n, v, new.values.get(n)) for n, v in old.values.items() if n not in new.values or new.values[n] < v]


def _lowered(before: dict[str, Floors], after: dict[str, Floors]) -> dict[str, str]:
    """Return what fell, in words, of each dataset that has floors below those before, and no new reason."""
    falls = {}
    for dataset, old in before.items():
        new = after.get(dataset, Floors())
        low = _fallen(old, new)
        if low and (not new.why or new.why == old.why):
            changes = [f"{name} from {was:g} to {now if now is None else f'{now:g}'}" for name, was, now in low]
            what = f"{len(low)} floors of {dataset} are" if len(low) > 1 else f"a floor of {dataset} is"
            falls[dataset] = f"{what} lowered ({changes[0].replace('to None', 'to none')})"
    return falls


def _differences(dataset: str, reports: Path) -> list[str]:
    """Return a line if the results are not those in git."""
    contents = [(path.name, floors.at("HEAD", path)) for path in _paths(dataset, reports)]
    if missing := [name for name, content in contents if content is None]:
        return [f"{reports / 'metrics' / missing[0]}: not in git; commit what this run gives"]
    ours, variants = (metrics.parse(c, f"HEAD:{n}", i == 1) for i, (n, c) in enumerate(contents))
    kept, measured = _flat(ours, variants), _measured(dataset, reports)
    far = [n for n in {**kept, **measured} if n not in kept or n not in measured or _apart(n, kept[n], measured[n])]
    if not far:
        return []
    values = [f"{table[far[0]]:.4g}" if far[0] in table else "nothing" for table in (kept, measured)]
    return [
        f"{reports / 'metrics'}: {len(far)} numbers of {dataset} in git are not what this run gives ({far[0]}: "
        f"{values[0]} in git, {values[1]} now); commit what a run on this kind of machine gives"
    ]


def _apart(name: str, a: float, b: float) -> bool:
    return abs(a - b) > _in_units(name, SAME) + 1e-9


def _in_units(name: str, points: float) -> float:
    return points / 100 if kind(name) == "iou" else points


def _slack(name: str, tolerance: float) -> float:
    return _in_units(name, tolerance) / (2 if name.endswith(f".{MEAN}") or kind(name) == "seeds" else 1)


def _run_datasets(reports: Path) -> set[str]:
    return {path.name.partition(".")[0] for path in (reports / "metrics").glob("[!.]*.json")}


def _paths(dataset: str, reports: Path) -> list[Path]:
    return [reports / "metrics" / f"{dataset}{suffix}.json" for suffix in ("", ".variants")]


def _measured(dataset: str, reports: Path) -> dict[str, float]:
    """Return the guarded metrics under dotted names."""
    ours, variants = _paths(dataset, reports)
    return _flat(metrics.read(ours), metrics.read_variants(variants))


def _flat(ours: dict[str, Any], variants: dict[str, Any]) -> dict[str, float]:
    rows = {name: ours.get(name, {}) for name in GUARDED}
    rows |= {f"accuracy.{name}": row for name, row in variants["accuracy"].items()}
    rows |= {f"seeds.{n}": {scale: v["mean"] for scale, v in row.items()} for n, row in variants["seeds"].items()}
    rows["minus_baseline"] = {scale: d["points"] for scale, d in variants["minus_baseline"].items()}
    flat = {}
    for name, row in rows.items():
        results = {scale: value for scale, value in row.items() if scale not in metrics.REFERENCES}
        flat |= {f"{name}.{scale}": value for scale, value in results.items()}
        if len(results) > 1:
            flat[f"{name}.{MEAN}"] = fmean(results.values())
    return flat


@contextmanager
def _noted(problems: list[str]) -> Iterator[None]:
    """Go on after the block if the user's input is wrong there, and note what is wrong."""
    try:
        yield
    except InputError as error:
        problems += str(error).splitlines()


def _print_errors(problems: list[str]) -> None:
    sys.stdout.flush()
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)


def _print(rows: list[tuple]) -> None:
    for dataset, name, floor, now, verdict in rows:
        value = "-" if now is None else f"{now:.3f}"
        print(f"{dataset:<12} {name:<20} floor {floor:>8.3f}  now {value:>8}  {verdict}")
