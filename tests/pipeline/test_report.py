"""The report of a finished pipeline."""

import pandas as pd

from pipeline import files, report


def test_report_shows_what_the_stages_wrote(finished):
    folder = finished / "reports" / "tiny"
    html = (folder / "index.html").read_text()
    for picture in folder.glob("*.png"):
        assert f'src="{picture.name}"' in html
    metrics = files.read_json(finished / "reports" / "metrics.json")
    table = pd.read_csv(folder / "table-6.csv", index_col=0)
    assert table.loc["Acc_avg", "ms"] == round(metrics["acc_avg"]["ms"], 1)
    assert (folder / "localisation.md").is_file() and (folder / "curves.png").is_file()
    assert f"multi-scale accuracy {metrics['acc_avg']['ms']:.1f}%" in html


def test_examples_are_picked_evenly_and_not_by_hand():
    table = pd.DataFrame({"id": list("abcdefgh"), "true": ["x"] * 8, "ms": ["x", "y"] * 4})
    assert report.choose(table, True, 2).id.tolist() == ["a", "g"]
    assert report.choose(table, False, 10).id.tolist() == ["b", "d", "f", "h"]
    assert report.choose(table.assign(ms="x"), False, 4).empty
