"""What the page says of claims and controls; verdicts are tested where they are made."""

import re
from types import SimpleNamespace

import pytest

from pipeline.reporting import claim_sections, intervals
from pipeline.reporting.intervals import Estimate
from pipeline.reporting.page import Page


def record(what, points, low, high):
    return intervals.to_record(what, Estimate(points, (low, high), 400, 1, (900.0, 0.0, 0.0)))


RECORDS = [
    record("ours ms minus ours ensemble", 1.5, -1, 4),
    record("ours ensemble", 90.0, 87, 93),
    record("ours ms minus baseline ms", 4.0, 2.5, 5.5),
    record("baseline ms minus baseline 1", 3.0, 1, 5),
]
COMPARISON = {
    "accuracy": {"ours": {"1": 88.0, "ms": 91.5}, "baseline": {"1": 84.5, "ms": 87.5}},
    "interval": {"ours": {"1": [85.0, 91.0], "ms": [89.0, 94.0]}, "baseline": {"1": [81.0, 88.0], "ms": [84.0, 91.0]}},
    "judged": RECORDS,
}


@pytest.fixture
def results():
    recipe = SimpleNamespace(download={"reader": "cub"}, network=SimpleNamespace(n_classifiers=16))
    return SimpleNamespace(metrics={}, comparison=COMPARISON, recipe=recipe, published=None)


def html(folder, results, *adds):
    page = Page("a", "b", folder)
    for add in adds:
        add(page, results)
    page.write()
    return (folder / "index.html").read_text()


def test_the_claims_begin_with_answers_in_words(results, tmp_path):
    text = html(tmp_path, results, claim_sections.add)
    note = re.search(r'<p class="note">(.*)</p>', text)[1]
    assert "Whether zooming helps, or only having more networks, cannot be told: +1.5 [-1.0, +4.0] points" in note
    assert note.startswith('<span class="answer">')
    assert "about 2,000 test images" in text and "printed numbers" not in note


def test_controls_stand_beside_what_they_are_controls_of(results):
    table = claim_sections.controls(COMPARISON)
    row = table.loc["ours, three networks without crops"]
    assert row.tolist() == [90.0, 87.0, 93.0, "ours, multi-scale", 1.5, -1.0, 4.0]
    assert table.loc["baseline, scale 1"].tolist() == [84.5, 81.0, 88.0, "baseline, multi-scale", 3.0, 1.0, 5.0]


def test_a_control_that_was_not_run_says_so(results, tmp_path):
    html(tmp_path, results, claim_sections.add_controls)
    rows = (tmp_path / "controls.md").read_text()
    assert re.search(r"ours, centred crops +\| +not run \|", rows)
    assert re.search(
        r"baseline, multi-scale +\| +87.5 \[84.0, 91.0\] \| +ours, multi-scale \| +\+4.0 \[\+2.5, \+5.5\]", rows
    )


def test_own_pictures_have_no_controls_that_nobody_ran(results, tmp_path):
    results.recipe.download["reader"] = "folder"
    assert "Controls:" in html(tmp_path, results, claim_sections.add_controls)
    results.comparison = COMPARISON | {"judged": RECORDS[2:]}
    assert "Controls:" not in html(tmp_path, results, claim_sections.add_controls)


def test_several_objects_are_told_where_there_are_some(results):
    assert claim_sections.of_several(results) == ""
    several = [record("all objects attended", 75.0, 60, 90), record("regions of several objects", 2.25, 2, 2.5)]
    results.metrics = {"judged": [*several, record("regions of one object", 1.5, 1.4, 1.6)]}
    text = claim_sections.of_several(results)
    assert "Of 400 test images with several objects 75%" in text and "2.25, with one object 1.50" in text
