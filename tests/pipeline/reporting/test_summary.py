"""One table of several datasets."""

import pytest

import checked
from pipeline.errors import InputError
from pipeline.reporting import intervals, summary
from pipeline.reporting.intervals import Estimate


def record(what, points, low, high):
    return intervals.to_record(what, Estimate(points, (low, high), 400, 1, (1.0, 0.0, 0.0)))


@pytest.fixture
def reports(tmp_path):
    """Results of this version, and of an older one without intervals, boxes and a multi-scale baseline."""
    judged = [record("ours ensemble", 88.5, 86, 91), record("ours ms minus ours ensemble", 1.5, 0.25, 2.75)]
    checked.write(tmp_path, "birds", checked.METRICS, checked.VARIANTS | {"judged": judged})
    older = {name: row for name, row in checked.METRICS.items() if not name.startswith("iou")}
    checked.write(tmp_path, "cats", older, checked.VARIANTS)
    return tmp_path


def test_a_row_for_each_dataset(reports):
    rows = summary.table(reports, ["birds", "cats"])
    assert rows.loc["birds", ["test images", "ours, scale 1 (%)", "multi-scale (%)"]].tolist() == [400, 80, 90]
    assert rows.loc["birds", ["minus no crops", "minus no crops low", "IoU"]].tolist() == [1.5, 0.25, 0.5]
    assert rows.loc["cats"].isna().sum() == 11 and rows.loc["cats", "command"] == "make repro DATASETS=cats"


def test_what_was_not_measured_is_left_empty(reports):
    birds, cats = summary.to_markdown(summary.table(reports, ["birds", "cats"])).splitlines()[2:]
    assert "+1.5 [+0.2, +2.8]" in birds and "`make repro DATASETS=birds`" in birds
    assert "not run" not in cats and cats.count("|") == birds.count("|")


def test_the_readme_is_refreshed_between_its_two_lines(reports, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{summary.BEGIN}\n| | a |\n|--|--|\n| cats | 1 |\n{summary.END}\nafter é\n")
    summary.refresh(readme, reports, [])
    text, datasets = summary.shown(readme.read_text())
    assert datasets == ["cats"] and text == summary.to_markdown(summary.table(reports, ["cats"]))
    summary.refresh(readme, reports, ["birds", "cats"])
    assert summary.shown(readme.read_text())[1] == ["birds", "cats"]
    assert readme.read_text().startswith("before\n") and readme.read_text().endswith("after é\n")


def test_a_readme_without_the_lines_says_so(reports):
    with pytest.raises(InputError, match="put both lines back"):
        summary.shown("# foveate")
