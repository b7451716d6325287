"""A regression is named and fails; a missing metric fails otherwise."""

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.disk import files

METRICS = {"acc_avg": {"1": 80.0, "ms": 90.0}, "iou": {"1": 0.5, "centred box": 0.4}, "attended": {"1": 0.3}}


@pytest.fixture
def reports(tmp_path):
    files.write_json(tmp_path / "metrics" / "birds.json", METRICS)
    assert check(tmp_path, "--dataset", "birds", "--update", "--tolerance", "2").exit_code == 0
    return tmp_path


def check(reports, *words):
    return CliRunner().invoke(app, ["check", "--reports", str(reports), *words], catch_exceptions=False)


def change(reports, name, scale, value):
    metrics = files.read_json(reports / "metrics" / "birds.json")
    metrics[name][scale] = value
    files.write_json(reports / "metrics" / "birds.json", metrics)


def test_floors_are_set_below_the_results(reports):
    text = (reports / "expected.yaml").read_text()
    assert "acc_avg.ms: 88.0" in text and "iou.1: 0.48" in text and "2 points" in text
    assert "centred" not in text and "attended" not in text


def test_a_good_run_passes(reports):
    change(reports, "acc_avg", "ms", 88.5)
    result = check(reports)
    assert result.exit_code == 0 and "3 of 3 metrics at or above their floors" in result.output


def test_a_regression_fails_and_is_named_with_its_size(reports):
    change(reports, "acc_avg", "ms", 85.0)
    result = check(reports)
    assert result.exit_code == 1
    assert "acc_avg.ms" in result.output and "fell by 3" in result.output and "acc_avg.1" not in result.output


def test_a_missing_metric_is_another_failure(reports):
    files.write_json(reports / "metrics" / "birds.json", METRICS | {"iou": {}})
    result = check(reports)
    assert result.exit_code == 2 and "iou.1" in result.output and "missing" in result.output


def test_a_missing_file_is_missing_metrics(reports):
    (reports / "metrics" / "birds.json").unlink()
    assert check(reports).exit_code == 2 and check(reports, "--update").exit_code == 2


def test_a_dataset_without_floors(reports):
    result = check(reports, "--dataset", "cars")
    assert result.exit_code == 1 and "no floors for 'cars'; 'pipeline check --dataset cars --update'" in result.output


def test_updating_one_dataset_keeps_the_floors_of_others(reports):
    files.write_json(reports / "metrics" / "cars.json", METRICS)
    check(reports, "--dataset", "cars", "--update")
    assert check(reports).exit_code == 0 and "birds" in (reports / "expected.yaml").read_text()
