"""Tables as frames and as text: ours beside what was published, and nothing invented."""

import re

import pandas as pd
import pytest

from pipeline.reporting import tables

METRICS = {
    "acc_loc": {"1": 70.04, "2": 80.0, "3": 75.0, "ms": 85.0},
    "acc_obj": {"1": 71.0, "2": 81.0, "3": 76.0, "ms": 86.0},
    "acc_avg": {"1": 72.0, "2": 82.0, "3": 77.0, "ms": 87.06},
}
PUBLISHED = {
    "counts": {"classes": 200, "train": 5994, "test": 5794},
    "methods": [{"name": "PA-CNN", "accuracy": 82.8, "annotation": True}],
    "baseline": {"1": 84.0, "ms": 85.1},
    "ours": 87.9,
    "one_loss": {"local": 83.9, "object": 85.6},
    "table_6": {"acc_avg": {"1": 85.5, "ms": 87.9}},
    "iou": 0.54,
}
COMPARISON = {
    "accuracy": {"ours": {"1": 80.0, "ms": 88.0}, "baseline": {"1": 78.0}, "local": {"ms": 84.0}},
    "interval": {
        "ours": {"1": [77.0, 83.0], "ms": [86.0, 90.0]},
        "baseline": {"1": [75.0, 81.0]},
        "local": {"ms": [82.0, 86.0]},
    },
    "seeds": {"ours": {"1": {"mean": 80.25, "std": 0.5, "n": 3}}},
}

ONE_SCALE = {"accuracy": {"ours": {"1": 80.0}}, "interval": {"ours": {"1": [77.0, 83.0]}}, "seeds": {}}


def test_table_1():
    index = pd.DataFrame({"label": [0, 0, 1], "split": ["train", "test", "train"]})
    assert tables.table_1(index, None).loc["ours"].tolist() == [2, 2, 1]
    assert tables.table_1(index, PUBLISHED).loc["published"].tolist() == [200, 5994, 5794]


def test_methods_are_numbers():
    table = tables.methods(COMPARISON, "resnet50", PUBLISHED)
    assert table.index.tolist() == ["PA-CNN", "resnet50 (single scale)", "resnet50 (multi-scale)*", "ours"]
    assert table.select_dtypes("number").columns.tolist() == ["measured", "low", "high", "published", "difference"]
    assert table.loc["ours"].tolist() == ["no", "ours", 88.0, 86.0, 90.0, 87.9, pytest.approx(0.1)]


def test_methods_show_the_difference_and_what_was_not_run():
    text = tables.render(tables.methods(COMPARISON, "resnet50", PUBLISHED))
    assert text.columns.tolist() == ["annotation", "measured", "published", "difference"]
    assert text.loc["PA-CNN"].tolist() == ["yes", "", "82.8", ""]
    assert text.loc["ours"].tolist() == ["no", "88.0 [86.0, 90.0]", "87.9", "+0.1"]
    assert text.loc["resnet50 (multi-scale)*"].tolist() == ["no", "not run", "85.1", ""]
    alone = tables.render(tables.methods(COMPARISON, "resnet50", None))
    assert len(alone) == 3 and alone.columns.tolist() == ["annotation", "measured"]


def test_methods_show_ours_at_the_last_scale_where_not_all_are_run():
    table = tables.methods(ONE_SCALE, "resnet50", PUBLISHED)
    assert tables.render(table).loc["ours (scale 1)"].tolist() == ["no", "80.0 [77.0, 83.0]", ""]
    assert tables.render(table).measured.tolist() == ["", "not run", "not run", "80.0 [77.0, 83.0]"]


@pytest.mark.parametrize("scale, published", [("ms", True), ("1", False)])
def test_table_5_compares_with_the_paper_over_all_scales_only(scale, published):
    text = tables.render(tables.table_5(COMPARISON, PUBLISHED, scale))
    assert ("published" in text) == published
    assert text.loc["Acc_loc", "measured"] == ("84.0 [82.0, 86.0]" if published else "not run")
    assert text.loc["Acc_obj", "measured"] == "not run"


def test_table_6():
    table = tables.table_6(METRICS)
    assert table.index.tolist() == ["Acc_loc", "Acc_obj", "Acc_avg"] and table.columns.tolist() == ["1", "2", "3", "ms"]
    assert table.loc["Acc_avg", "ms"] == 87.06 and tables.render(table).loc["Acc_avg", "ms"] == "87.1"


def test_table_6_has_intervals_where_there_are_some():
    table = tables.table_6(
        {"acc_avg": {"1": 86.0, "ms": 87.0}, "intervals": {"acc_avg": {"ms": [84.0, 90.0]}}}, PUBLISHED
    )
    assert table.columns.tolist() == ["1", "ms", "ms low", "ms high"]
    assert tables.render(table).to_numpy().tolist() == [
        ["86.0", "87.0 [84.0, 90.0]"],
        ["85.5", "87.9"],
        ["+0.5", "-0.9"],
    ]
    assert tables.highest(table).to_numpy().tolist() == [[False, True], [False, True], [False, False]]


def test_overlaps_have_intervals_where_there_are_some():
    iou = {"iou": {"1": 0.5}, "iou_above_half": {"1": 0.25}, "intervals": {"iou": {"1": [0.4, 0.6]}}}
    assert tables.render(tables.localisation(iou))["1"].tolist() == ["0.5 [0.4, 0.6]", "0.25"]


def test_table_6_beside_the_papers():
    table = tables.table_6({"acc_avg": {"1": 86.0, "ms": 87.0}}, PUBLISHED)
    assert table.loc["Acc_avg, difference"].tolist() == pytest.approx([0.5, -0.9])
    assert tables.render(table).loc["Acc_avg, difference"].tolist() == ["+0.5", "-0.9"]
    assert tables.highest(table).to_numpy().tolist() == [[False, True], [False, True], [False, False]]


def test_table_6_of_one_scale_beside_the_papers():
    text = tables.render(tables.table_6({"acc_avg": {"1": 86.0}}, PUBLISHED))
    assert text.to_numpy().tolist() == [["86.0", "not run"], ["85.5", "87.9"], ["+0.5", ""]]


def test_what_rounds_to_zero_has_no_minus():
    table = pd.DataFrame({"difference": [-0.02], "difference low": [-0.04], "difference high": [3.0]}, index=["a"])
    assert tables.render(table).loc["a"].tolist() == ["+0.0 [+0.0, +3.0]"]


def test_no_boxes_no_localisation():
    assert tables.localisation(METRICS) is None
    iou = {"iou": {"1": 0.5}, "iou_above_half": {"1": 0.61236}}
    assert tables.localisation(METRICS | iou).to_numpy().tolist() == [[0.5], [0.61236]]
    beside = tables.render(tables.localisation(METRICS | iou, PUBLISHED))
    assert beside["1"].tolist() == ["0.5", "0.612"] and beside["published (scale 1)"].tolist() == ["0.54", ""]


def test_seeds():
    table = tables.seeds(COMPARISON)
    assert table.loc["ours, scale 1", ["mean (%)", "standard deviation", "seeds"]].tolist() == [80.25, 0.5, 3]
    assert tables.render(table).loc["ours, scale 1"].tolist() == ["80.2", "0.5", "3"], "an older file has no interval"
    mean = {"mean": 80.25, "std": 0.5, "n": 3, "interval": [78.0, 82.5]}
    table = tables.seeds({"seeds": {"ours": {"1": mean}}})
    assert tables.render(table).loc["ours, scale 1"].tolist() == ["80.2 [78.0, 82.5]", "0.5", "3"]
    assert tables.seeds(COMPARISON | {"seeds": {}}) is None


def test_cost():
    one = {"parameters_m": 23.512, "gflops": 16.12, "images_per_s": 100.0}
    table = tables.cost({"ours": {"1": one, "ms": one}, "baseline": {"1": one, "ms": one}}, COMPARISON)
    assert table.loc["ours, scale 1"].tolist() == [80.0, 23.512, 16.12, 100.0]
    assert tables.render(table).loc["ours, scale 1"].tolist() == ["80.0", "23.5", "16.1", "100"]
    assert tables.render(table).loc["baseline, multi-scale", "accuracy (%)"] == "not run"


def test_csv_holds_numbers_for_a_spreadsheet(tmp_path):
    table = tables.methods(COMPARISON, "resnet50", PUBLISHED)
    tables.write(table, tmp_path / "methods")
    stored = pd.read_csv(tmp_path / "methods.csv", index_col="method", keep_default_na=False)
    assert stored.loc["ours", "difference"] == "0.1" and stored.loc["resnet50 (multi-scale)*", "measured"] == ""
    numbers = pd.read_csv(tmp_path / "methods.csv", index_col="method").select_dtypes("number")
    pd.testing.assert_frame_equal(numbers, table.select_dtypes("number"), atol=1e-4)


def test_written_three_times(tmp_path):
    tables.write(tables.table_6(METRICS), tmp_path / "table-6")
    assert pd.read_csv(tmp_path / "table-6.csv", index_col=0).equals(tables.table_6(METRICS))
    assert (tmp_path / "table-6.md").read_text().count("\n") == 5
    assert (tmp_path / "table-6.tex").read_text().count(r"\\") == 4


def test_latex_escapes_what_it_must():
    text = tables.to_latex(pd.DataFrame({"a_b": ["50% ± 1"]}, index=["x & y"]))
    assert r"x \& y & 50\% $\pm$ 1 \\" in text and r"a\_b" in text


def test_text_that_looks_like_a_number_stays_as_it_is():
    text = tables.to_markdown(pd.DataFrame({"images/s": [1234.5, 3.0], "seeds": [3, 10]}, index=["a", "b"]))
    assert "| a  |   1.23e+03 |       3 |" in text and "| b  |          3 |      10 |" in text


ODD = ["<b>a & b</b>", "a|b", r"50% $x_1$ \alpha ~^{}#", "`rm`", "1", "NA", "鸟"]


def test_markdown_escapes_what_would_break_a_table():
    text = tables.to_markdown(pd.DataFrame({"a|b": ODD}, index=ODD))
    rows = text.splitlines()
    assert len(rows) == 2 + len(ODD) and len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1
    assert r"\<b>a & b\</b>" in text and r"\`rm\`" in text and r"\\alpha" in text


def test_odd_names_in_latex():
    text = tables.to_latex(pd.DataFrame({"x": ODD}, index=ODD))
    assert text.count(r" \\") == len(ODD) + 1 and r"50\% \$x\_1\$ \textbackslash " in text
    assert r"<b>a \& b</b> & <b>a \& b</b> \\" in text


def test_tables_are_utf_8_in_any_locale(tmp_path):
    table = pd.DataFrame({"x": ["±", "鸟"]}, index=["é", "NA"])
    tables.write(table, tmp_path / "a")
    assert "鸟" in (tmp_path / "a.md").read_bytes().decode("utf-8") and "鸟" in (tmp_path / "a.csv").read_text("utf-8")


def test_a_mistake_is_named_by_its_picture():
    wrong = pd.DataFrame({"id": ["7"], "true": ["a"], "scale_1": ["a"], "ms": ["b"], "confidence": [0.875]}, index=[1])
    table = tables.mistakes(wrong, pd.DataFrame({"id": ["6", "7"], "file": ["x.jpg", "gulls/y.jpg"]}))
    assert table.to_dict("records") == [
        {"picture": "gulls/y.jpg", "true class": "a", "answer": "b", "confidence (%)": 87.5, "scale 1": "a"}
    ]


def test_a_class_without_test_images_has_no_accuracy():
    table = pd.DataFrame(
        {"class": ["a", "b"], "accuracy": [50.0, tables.NAN], "low": [10.0, tables.NAN], "high": [90.0, tables.NAN]}
    )
    assert tables.render(table).accuracy.tolist() == ["50.0 [10.0, 90.0]", ""]
