"""Files that were cut, flipped, swapped or saved in another encoding end in a result, or in a line that names them."""

import functools
import io
import random
import re
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from typer.testing import CliRunner

from damage import damage_arrays, damage_text
from made_up import ATTEND, CELLS, FOLDERS, IMAGES, TRAIN, scales, words
from pipeline import check, compare, evaluate, params, plan, report, trainings
from pipeline.cli import app
from pipeline.datasets import sources
from pipeline.disk import files, imageset, predictions
from pipeline.errors import InputError
from pipeline.explaining import store
from pipeline.reporting import claims, metrics, page, results, tables

pytestmark = pytest.mark.long
CASES, COMMANDS = 2000, 50
BY_HAND = ("params", "floors", "metrics, checked", "predictions")  # what people edit, merge and copy; others: a quarter


def run_check():
    said = io.StringIO()
    with redirect_stdout(io.StringIO()), redirect_stderr(said):
        status = check.run([], Path("reports"), None, False)
    if said.getvalue():
        assert status == check.BROKEN
        raise InputError(said.getvalue().strip().replace("error: ", ""))


def run_params():
    sources.check("tiny", params.read("tiny").download)
    plan.spell(trainings.read_datasets())
    params.read("tiny", "baseline", 1)


def read_answers():
    return results.read_predictions(Path("runs/tiny/evaluate/predictions.csv"), scales())


def read_metrics():
    """What is shown of the numbers, but for the pictures."""
    ours = metrics.read(Path("reports/metrics/tiny.json"))
    tables.to_markdown(tables.table_6(ours)), tables.localisation(ours)
    found = claims.measured(ours, metrics.read_variants(Path("reports/metrics/tiny.variants.json")))
    claims.to_table(claims.judge(found, 2))


def read_calibration(name):
    return results.read_calibration(Path(f"runs/tiny/evaluate/{name}.csv"))


KINDS = {  # a file, what reads it, the command that calls that
    "params": ("params.yaml", run_params, "plan"),
    "floors": ("reports/expected.yaml", run_check, "check"),
    "metrics, checked": ("reports/metrics/tiny.json", run_check, "check"),
    "variants, checked": ("reports/metrics/tiny.variants.json", run_check, "check"),
    "metrics, shown": ("reports/metrics/tiny.json", read_metrics, "report"),
    "variants, shown": ("reports/metrics/tiny.variants.json", read_metrics, "report"),
    "predictions": (f"{ATTEND}/predictions.npz", lambda: evaluate.read(FOLDERS, scales()[0].images), "evaluate"),
    "predictions, compared": (
        f"{ATTEND}/predictions.npz",
        lambda: compare.read(CELLS, Path("runs/tiny/attend")),
        "compare",
    ),
    "boxes": (f"{ATTEND}/boxes.csv", lambda: predictions.read_boxes(Path(ATTEND), ["004", "005"]), "evaluate"),
    "maps": (f"{ATTEND}/maps.npz", lambda: predictions.read_maps(Path(ATTEND)), "report"),
    "index": (f"{IMAGES}/index.csv", lambda: imageset.read(Path(IMAGES)), "evaluate"),
    "answers": ("runs/tiny/evaluate/predictions.csv", read_answers, "report"),
    **{
        name: (f"runs/tiny/evaluate/{name}.csv", functools.partial(read_calibration, name), "report")
        for name in results.CALIBRATION
    },
    "history": (f"{TRAIN}/history.csv", lambda: results.read_history(Path(TRAIN) / "history.csv"), "report"),
    "wins": (f"{ATTEND}/wins.csv", lambda: store.read_wins(Path(ATTEND)), "compare"),
    "anatomy": (f"{ATTEND}/anatomy.npz", lambda: results.read_anatomy(Path(ATTEND), scales()[0].images), "report"),
    "cost": ("runs/tiny/cost.json", lambda: metrics.read_cost(Path("runs/tiny/cost.json")), "report"),
}


@contextmanager
def replaced(path):
    """Put what was there back into a file after the block."""
    content = path.read_bytes()
    try:
        yield content
    finally:
        path.write_bytes(content)


def assert_one_line(message, path):
    """A line for each thing that is wrong, and each names a file; a recipe's problems come together."""
    for line in message.splitlines():
        assert re.match(r"[\w./-]+\.(yaml|json|csv|npz): \S|runs/tiny/attend/\S+: ", line), message
        assert len(line) < 400, message


def damage(content, rng):
    return (damage_arrays if content.startswith(b"PK") else damage_text)(content, rng)


@pytest.mark.parametrize("kind", KINDS)
def test_every_damage_ends_in_a_result_or_in_a_line(here, monkeypatch, kind):
    monkeypatch.setattr(files.os, "fsync", lambda _: None)
    file, read, _ = KINDS[kind]
    rng, path, refused = random.Random(file), Path(file), 0
    cases = CASES if kind in BY_HAND else CASES // 4
    with replaced(path) as content:
        read()
        for case in range(cases):
            path.write_bytes(damage(content, rng))
            try:
                read()
            except InputError as error:
                refused += 1
                assert_one_line(str(error), path)
            except Exception:
                Path(f"case-{case}").write_bytes(path.read_bytes())
                raise
        path.write_bytes(content)
        read()
    assert refused > cases / 4


@pytest.mark.parametrize("file, _, command", KINDS.values(), ids=KINDS)
def test_commands_end_in_a_result_or_in_a_line(here, monkeypatch, file, _, command):
    if command == "report":  # figures cost a second; only the maps decide how they are drawn
        monkeypatch.setattr(page.Page, "picture", lambda *_: None)
        drawn = {report._training, *([report._attention, report._boxes] if not file.endswith("maps.npz") else [])}
        monkeypatch.setattr(report, "OWN", [add for add in report.OWN if add not in drawn])
    rng, path = random.Random(f"{file} {command}"), Path(file)
    kept = [Path("reports/metrics/tiny.json"), Path("reports/metrics/tiny.variants.json"), Path("params.yaml")]
    before = {one: one.read_bytes() for one in kept}
    with replaced(path) as content:
        for _ in range(COMMANDS):
            for one, whole in before.items():
                one.write_bytes(whole)
            path.write_bytes(damage(content, rng))
            result = CliRunner().invoke(app, words(command), catch_exceptions=False)
            lines = [line for line in result.output.splitlines() if line.startswith("error: ")]
            assert result.exit_code == 0 or lines or "missing" in result.output or "fell by" in result.output
            assert len(lines) <= 1 and "Traceback" not in result.output, result.output
    for one, whole in before.items():
        one.write_bytes(whole)
