"""The report of a finished pipeline."""

import shutil

import pandas as pd

import command_line
from pipeline import files


def test_report_shows_what_the_stages_wrote(finished):
    folder = finished / "reports" / "tiny"
    html = (folder / "index.html").read_text()
    for picture in folder.glob("*.png"):
        assert f'src="{picture.name}"' in html
    metrics = files.read_json(finished / "reports" / "metrics" / "tiny.json")
    table = pd.read_csv(folder / "table-6.csv", index_col=0)
    assert table.loc["Acc_avg", "ms"] == round(metrics["acc_avg"]["ms"], 1)
    assert (folder / "localisation.md").is_file() and (folder / "curves.png").is_file()
    assert f"multi-scale accuracy {metrics['acc_avg']['ms']:.1f}%" in html


def test_every_table_comes_in_three_formats_and_every_figure_in_two(finished):
    folder = finished / "reports" / "tiny"
    for table in ("claims", "table-1", "table-2-to-4", "table-5", "table-6", "localisation", "seeds", "cost"):
        assert all((folder / f"{table}.{suffix}").is_file() for suffix in ("csv", "md", "tex")), table
    for figure in ("figure-7", "figure-8", "cost", "curves"):
        assert all((folder / f"{figure}.{suffix}").is_file() for suffix in ("png", "svg")), figure


def test_what_was_not_run_is_shown_as_such(finished, tmp_path, monkeypatch):
    reports = tmp_path / "reports"
    shutil.copytree(finished / "reports", reports, ignore=shutil.ignore_patterns("tiny"))
    comparison = files.read_json(reports / "metrics" / "tiny.variants.json")
    for kind in ("accuracy", "interval"):
        comparison[kind] = {"ours": comparison[kind]["ours"]}
    files.write_json(reports / "metrics" / "tiny.variants.json", comparison | {"seeds": {}, "minus_baseline": {}})
    monkeypatch.chdir(finished)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    images = [word for n in (1, 2, 3) for word in ("--images", f"data/scale-{n}")]
    command_line.run(
        "report", "tiny", "--runs", "runs", *images, "--reports", str(reports), "--out", str(tmp_path / "out")
    )
    methods = pd.read_csv(tmp_path / "out" / "table-2-to-4.csv", index_col=0)
    assert methods.measured.tolist()[:2] == ["not run", "not run"]
    verdicts = pd.read_csv(tmp_path / "out" / "claims.csv", index_col=0).verdict
    assert (verdicts.loc[[2, 3, 4, 6]] == "not measured").all() and (verdicts.loc[[1, 5, 7, 8]] != "not measured").all()
