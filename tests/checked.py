"""Results of a made-up dataset with floors below them, and 'pipeline check' on them."""

from ruamel.yaml import YAML
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.disk import files

ROW = {"1": 80.0, "2": 84.0, "3": 86.0, "ms": 90.0}
SINGLE = dict.fromkeys("123", 0.3)
OVERLAP = {**dict.fromkeys("123", 0.5), "whole image": 0.2, "centred box": 0.4}
METRICS = dict.fromkeys(("acc_loc", "acc_obj", "acc_avg", "acc_avg_per_class"), ROW)
METRICS |= dict.fromkeys(("attended", "constant", "attended_of_original"), SINGLE)
METRICS |= dict.fromkeys(("iou", "iou_above_half"), OVERLAP)
WIDE = [70.0, 95.0]
VARIANTS = {
    "accuracy": {"ours": ROW, "baseline": {"1": 78.0}},
    "interval": {"ours": dict.fromkeys(ROW, WIDE), "baseline": {"1": WIDE}},
    "seeds": {"ours": {"1": {"mean": 81.0, "std": 1.0, "n": 3}}},
    "minus_baseline": {"1": {"points": 2.0, "interval": [-1.0, 5.0]}},
}


def make(folder):
    """Write the results of 'birds' and floors two points below them; return the folder."""
    write(folder, "birds", METRICS, VARIANTS)
    assert check(folder, "--dataset", "birds", "--update", "--tolerance", "2").exit_code == 0
    return folder


def write(reports, dataset, metrics, variants):
    files.write_json(reports / "metrics" / f"{dataset}.json", metrics)
    files.write_json(reports / "metrics" / f"{dataset}.variants.json", variants)


def check(reports, *words):
    return CliRunner().invoke(app, ["check", "--reports", str(reports), *words], catch_exceptions=False)


def change(reports, value, *keys, file="birds.json"):
    path = reports / "metrics" / file
    values = files.read_json(path)
    row = values
    for key in keys[:-1]:
        row = row[key]
    row[keys[-1]] = value
    files.write_json(path, values)


def errors(result):
    return [line for line in result.output.splitlines() if line.startswith("error: ")]


def set_floors(reports, values):
    with (reports / "expected.yaml").open("w") as file:
        YAML().dump(values, file)


def read_floors(reports):
    return YAML(typ="safe").load(reports / "expected.yaml")
