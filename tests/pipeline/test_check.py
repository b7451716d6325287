"""A regression is named and fails; what is missing or damaged fails otherwise; nothing is green by accident."""

import json
import shutil

import pytest

import checked
from checked import METRICS, OVERLAP, ROW, VARIANTS, change, check, errors, read_floors, set_floors, write
from conftest import ROOT
from pipeline.disk import files


@pytest.fixture
def reports(tmp_path):
    return checked.make(tmp_path)


def test_floors_are_set_below_the_results(reports):
    floors = read_floors(reports)["birds"]
    assert floors["acc_avg.ms"] == 88 and floors["iou.1"] == 0.48
    assert floors["accuracy.baseline.1"] == 76 and floors["minus_baseline.1"] == 0
    assert floors["acc_avg.mean"] == 84 and floors["seeds.ours.1"] == 80, "what swings less may lose half of that"
    assert not [name for name in floors if "centred" in name or "whole" in name or "attended" in name]


def test_a_good_run_passes(reports):
    change(reports, 88.5, "acc_avg", "ms")
    result = check(reports)
    assert result.exit_code == 0 and "27 of 27 metrics at or above their floors" in result.output


def test_a_regression_fails_and_is_named_with_its_size(reports):
    change(reports, 85.0, "acc_avg", "ms")
    result = check(reports)
    assert result.exit_code == 1
    assert "acc_avg.ms" in result.output and "fell by 3" in result.output and "acc_avg.1" not in result.output


@pytest.mark.parametrize(
    "name, keys",
    [
        ("accuracy.baseline.1", ("accuracy", "baseline", "1")),
        ("minus_baseline.1", ("minus_baseline", "1", "points")),
        ("seeds.ours.1", ("seeds", "ours", "1", "mean")),
    ],
)
def test_variants_and_the_difference_are_guarded(reports, name, keys):
    values = files.read_json(reports / "metrics" / "birds.variants.json")
    for key in keys:
        values = values[key]
    change(reports, values - 3, *keys, file="birds.variants.json")
    result = check(reports)
    assert result.exit_code == 1 and name in result.output, result.output


def test_a_missing_metric_is_another_failure(reports):
    write(reports, "birds", {name: row for name, row in METRICS.items() if "iou" not in name}, VARIANTS)
    result = check(reports)
    assert result.exit_code == 2 and "iou.1" in result.output and "missing" in result.output


def test_a_fallen_metric_does_not_hide_a_missing_one(reports):
    write(reports, "birds", METRICS, VARIANTS | {"seeds": {}})
    change(reports, 70.0, "acc_avg", "1")
    result = check(reports)
    assert result.exit_code == 2 and "fell by 8" in result.output and "seeds.ours.1" in result.output


@pytest.mark.parametrize("file", ["birds.json", "birds.variants.json"])
def test_a_missing_file_of_metrics(reports, file):
    (reports / "metrics" / file).unlink()
    for words in ([], ["--update"]):
        result = check(reports, *words)
        assert result.exit_code == 2
        assert errors(result) == [f"error: {reports / 'metrics' / file}: missing; 'dvc repro' makes it"]


MERGED = '<<<<<<< HEAD\n{"acc_avg": {"1": 80.0}}\n=======\n{"acc_avg": {"1": 70.0}}\n>>>>>>> other\n'
DAMAGED = {
    "empty": ("", "not valid JSON"),
    "cut short": (json.dumps(METRICS)[:-9], "not valid JSON"),
    "merge marks": (MERGED, "the marks of a git merge (line 1)"),
    "a list": ("[]", "must hold a JSON object"),
    "twice": ('{"acc_avg": {"1": 1.0}, "acc_avg": {"1": 80.0}}', "'acc_avg' stands there twice"),
    "NaN": (json.dumps(METRICS | {"acc_avg": ROW | {"1": float("nan")}}), "acc_avg.1: "),
    "text": (json.dumps(METRICS | {"acc_avg": ROW | {"1": "80"}}), "acc_avg.1: "),
    "boolean": (json.dumps(METRICS | {"acc_avg": ROW | {"1": True}}), "acc_avg.1: "),
    "more than all": (json.dumps(METRICS | {"acc_avg": ROW | {"1": 8000.0}}), "acc_avg.1: "),
    "a row is gone": (json.dumps({k: v for k, v in METRICS.items() if k != "acc_loc"}), "acc_loc: "),
    "a scale is gone": (json.dumps(METRICS | {"acc_loc": {"1": 80.0}}), "acc_loc: must have 1, 2, 3, ms"),
    "deep": ("[" * 100_000, "not valid JSON"),
    "Latin-1": ('{"é": 1}'.encode("latin-1"), "not UTF-8"),
    "UTF-16": (json.dumps(METRICS).encode("utf-16"), "not UTF-8"),
}


@pytest.mark.parametrize("content, reason", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_of_metrics(reports, content, reason):
    path = reports / "metrics" / "birds.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    result = check(reports)
    assert result.exit_code == 2 and len(errors(result)) == 1
    assert errors(result)[0].startswith(f"error: {path}: ") and reason in errors(result)[0]


@pytest.mark.parametrize("floor", ["69,5", "'80'", ".nan", ".inf", "-.inf", "true", "yes", "null", "[80]", "80%", ""])
def test_a_floor_that_is_no_number(reports, floor):
    (reports / "expected.yaml").write_text(f"birds:\n  acc_avg.1: {floor}\n")
    result = check(reports)
    assert result.exit_code == 2 and len(errors(result)) == 1
    assert "expected.yaml: birds.acc_avg.1: must be a number, got " in errors(result)[0]


@pytest.mark.parametrize(
    "name, floor, limits",
    [
        ("acc_avg.1", -5, "from 0 to 100"),
        ("acc_avg.1", 100.5, "from 0 to 100"),
        ("iou.1", 48, "from 0 to 1"),
        ("seeds.ours.1", -0.1, "from 0 to 100"),
        ("minus_baseline.1", -101, "from -100 to 100"),
    ],
)
def test_a_floor_that_no_result_can_reach_or_miss(reports, name, floor, limits):
    set_floors(reports, {"birds": read_floors(reports)["birds"] | {name: floor}})
    result = check(reports)
    assert result.exit_code == 2 and len(errors(result)) == 1
    assert errors(result)[0].endswith(f"birds.{name}: must be {limits}, got {floor:g}")


def test_a_difference_may_have_a_floor_below_zero_and_no_other_metric_gets_one(reports):
    write(reports, "birds", METRICS | {"iou": OVERLAP | {"1": 0.01}}, VARIANTS)
    assert check(reports, "--update", "--why", "a test").exit_code == 0
    floors = read_floors(reports)["birds"]
    assert floors["minus_baseline.1"] == -1 and floors["iou.1"] == 0
    assert check(reports).exit_code == 0


def test_results_of_a_recipe_that_is_gone_are_not_green(tmp_path):
    """Renamed, say: its old results stay above their old floors for ever."""
    reports = tmp_path / "reports"
    (tmp_path / "params.yaml").write_text("recipes: {birds: {}, cars: {}}\n")
    checked.make(reports)
    assert check(reports).exit_code == 0
    (tmp_path / "params.yaml").write_text("recipes: {species: {}}\n")
    for words in ([], ["--update"]):
        result = check(reports, *words)
        assert result.exit_code == 2 and len(errors(result)) == 1
        assert "params.yaml: there is no recipe for 'birds', so that its results are old ones" in errors(result)[0]


BAD_FLOORS = {
    "empty": ("", "must hold floors by dataset"),
    "comments": ("# nothing\n", "must hold floors by dataset"),
    "no datasets": ("{}\n", "must hold floors by dataset"),
    "a list": ("- birds\n", "must hold floors by dataset"),
    "text": ("birds: 80\n", "birds: must be a dataset with floors"),
    "no floors": ("birds: {}\n", "no floors for 'birds'"),
    "only a reason": ("birds: {why: it was slow}\n", "no floors for 'birds'"),
    "a number": ("2024: {acc_avg.1: 80}\n", "2024: must be a dataset"),
    "misspelt": ("birds: {acc_avrg.1: 80}\n", "birds.acc_avrg.1: no such metric"),
    "twice": ("birds: {acc_avg.1: 80, acc_avg.1: 8}\n", "not valid YAML"),
    "merge marks": ("birds:\n<<<<<<< HEAD\n  acc_avg.1: 80\n=======\n>>>>>>> other\n", "a git merge (line 2)"),
    "cut short": ("birds: {acc_avg.1: 80", "not valid YAML"),
    "a date": ("birds: {acc_avg.1: 2024-13-45}\n", "not valid YAML"),
    "Latin-1": ("# é\nbirds: {acc_avg.1: 80}\n".encode("latin-1"), "not UTF-8"),
    "variants are not guarded": ("birds: {acc_loc.1: 1, acc_obj.1: 1, acc_avg.1: 1, iou.1: 0}\n", "has no floor for"),
}


@pytest.mark.parametrize("content, reason", BAD_FLOORS.values(), ids=BAD_FLOORS)
def test_floors_that_are_empty_or_damaged(reports, content, reason):
    path = reports / "expected.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    result = check(reports)
    assert result.exit_code == 2 and len(errors(result)) == 1
    assert str(path) in errors(result)[0] and reason in errors(result)[0]


def test_no_floors_at_all(reports):
    (reports / "expected.yaml").unlink()
    result = check(reports)
    assert result.exit_code == 2 and "expected.yaml: cannot be read (No such file" in errors(result)[0]


def test_damaged_floors_are_not_written_over(reports):
    (reports / "expected.yaml").write_text("other: {acc_avg.1: 80}\n<<<<<<< HEAD\n")
    assert check(reports, "--update").exit_code == 2
    assert (reports / "expected.yaml").read_text() == "other: {acc_avg.1: 80}\n<<<<<<< HEAD\n"


def test_a_dataset_without_floors(reports):
    result = check(reports, "--dataset", "cars")
    assert result.exit_code == 2 and "no floors for 'cars'; 'pipeline check --dataset cars --update'" in result.output


def test_a_dataset_that_was_run_needs_floors(reports):
    write(reports, "cars", METRICS, VARIANTS)
    result = check(reports)
    assert result.exit_code == 2 and len(errors(result)) == 1 and "no floors for 'cars'" in errors(result)[0]


def test_floors_need_a_run(reports):
    set_floors(reports, read_floors(reports) | {"cars": {"acc_avg.1": 50.0}})
    result = check(reports)
    assert result.exit_code == 2 and errors(result) == [
        f"error: {reports / 'metrics' / 'cars.json'}: missing; 'dvc repro' makes it"
    ]


def test_updating_one_dataset_keeps_the_floors_of_others(reports):
    write(reports, "cars", METRICS, VARIANTS)
    check(reports, "--dataset", "cars", "--update")
    assert check(reports).exit_code == 0 and set(read_floors(reports)) == {"birds", "cars"}


@pytest.mark.parametrize("loss, status", [(0.0, 0), (3.0, 1)])
def test_three_points_less_on_the_embedded_dataset_is_red(tmp_path, loss, status):
    """The floors in git, and results as after a training that lost three points at every scale."""
    shutil.copytree(ROOT / "reports" / "metrics", tmp_path / "metrics")
    shutil.copy(ROOT / "reports" / "expected.yaml", tmp_path)
    row = files.read_json(tmp_path / "metrics" / "birdlets.json")["acc_avg"]
    change(tmp_path, {scale: value - loss for scale, value in row.items()}, "acc_avg", file="birdlets.json")
    result = check(tmp_path, "--dataset", "birdlets")
    assert result.exit_code == status, result.output
    assert ("acc_avg.mean" in result.output) == bool(loss)
