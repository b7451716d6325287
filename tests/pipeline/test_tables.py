"""Tables as frames and as text."""

import pandas as pd

from pipeline import tables

METRICS = {
    "acc_loc": {"1": 70.04, "2": 80.0, "3": 75.0, "ms": 85.0},
    "acc_obj": {"1": 71.0, "2": 81.0, "3": 76.0, "ms": 86.0},
    "acc_avg": {"1": 72.0, "2": 82.0, "3": 77.0, "ms": 87.06},
}


def test_table_6():
    table = tables.table_6(METRICS)
    assert table.index.tolist() == ["Acc_loc", "Acc_obj", "Acc_avg"] and table.columns.tolist() == ["1", "2", "3", "ms"]
    assert table.loc["Acc_avg", "ms"] == 87.1


def test_no_boxes_no_localisation():
    assert tables.localisation(METRICS) is None
    iou = {"iou": {"1": 0.5}, "iou_above_half": {"1": 0.6}}
    assert tables.localisation(METRICS | iou).to_numpy().tolist() == [[0.5], [0.6]]


def test_written_twice(tmp_path):
    tables.write(tables.table_6(METRICS), tmp_path / "table-6")
    assert pd.read_csv(tmp_path / "table-6.csv", index_col=0).equals(tables.table_6(METRICS))
    assert (tmp_path / "table-6.md").read_text().count("\n") == 5
