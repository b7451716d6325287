"""Command: train the cells of an ablation that are missing, through DVC and cached like any stage; show them all."""

import subprocess
import sys
from pathlib import Path

from pipeline import files, params, variants
from pipeline.errors import InputError


def run(datasets: list[str], numbers: list[str], losses: list[str]) -> None:
    """Run numbers of local classifiers (Figure 8) and losses alone (Table 5) on some datasets.

    The main line's own number is not trained again. A variant that params.yaml does not list is added to it: so it is
    part of the experiment from then on, and 'dvc repro' keeps it up to date.
    """
    plan = params.read_plan()
    datasets = datasets or plan.datasets
    if unknown := [name for name in datasets if name not in plan.datasets]:
        raise InputError(f"--dataset {unknown[0]}: not among the datasets of params.yaml ({', '.join(plan.datasets)})")
    names = _losses(losses) + [f"n-{number}" for number in numbers]
    if not names:
        raise InputError("nothing to run: give --n-classifiers 1,2,4,8,16 or --loss local,object")
    for name in names:
        variants.parse(name)
    wanted = {d: [v for v in names if v != f"n-{params.read(d).network.n_classifiers}"] for d in datasets}
    params.add_variants([name for name in names if any(name in cells for cells in wanted.values())])
    cells = [f"vary@{dataset}-{name}" for dataset, those in wanted.items() for name in those]
    _dvc("repro", *[f"{stage}@{dataset}" for dataset in datasets for stage in ("evaluate", "measure")], *cells)
    # One by one: with all that they depend on, these two would train every variant, asked for or not.
    _dvc("repro", "--single-item", *[f"{stage}@{d}" for d in datasets for stage in ("compare", "report")])
    for dataset in datasets:
        _show(dataset, names)


def _losses(losses: list[str]) -> list[str]:
    if unknown := [loss for loss in losses if loss not in ("local", "object")]:
        raise InputError(f"--loss {unknown[0]}: unknown; there are local and object")
    return losses


def _dvc(*words: str) -> None:
    if subprocess.run([sys.executable, "-m", "dvc", *words], check=False).returncode:
        raise InputError("dvc stopped; what it says above is the reason. What was finished is cached: run this again")


def _show(dataset: str, names: list[str]) -> None:
    accuracy = files.read_json(Path("reports/metrics") / f"{dataset}.variants.json")["accuracy"]
    n = params.read(dataset).network.n_classifiers
    print(f"\n{dataset}, accuracy (%) by scale")
    for name in names:
        row = accuracy.get(name, accuracy["ours"] if name == f"n-{n}" else {})
        print(f"  {name:<8} " + "  ".join(f"{scale}: {value:.1f}" for scale, value in row.items()))
    print(f"  Figure 8: reports/{dataset}/figure-8.png")
