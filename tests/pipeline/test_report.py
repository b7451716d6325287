"""The report of a finished pipeline."""

import re
import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import command_line
from conftest import TINY, write_params
from pipeline import report as report_stage
from pipeline.disk import files
from pipeline.reporting import examples
from pipeline.reporting.figures import Example, View
from pipeline.reporting.page import Page


def test_report_shows_what_the_stages_wrote(finished):
    folder = finished / "reports" / "tiny"
    html = (folder / "index.html").read_text()
    for file in set(folder.iterdir()) - {folder / "index.html"}:
        assert f'href="{file.name}"' in html
    assert len(html) < 5_000_000 and html.count("<img ") == html.count('src="data:image/')
    metrics = files.read_json(finished / "reports" / "metrics" / "tiny.json")
    table = pd.read_csv(folder / "table-6.csv", index_col=0)
    assert table.loc["Acc_avg", "ms"] == round(metrics["acc_avg"]["ms"], 4)
    ends = [round(side, 4) for side in metrics["intervals"]["acc_avg"]["ms"]]
    assert table.loc["Acc_avg", ["ms low", "ms high"]].tolist() == ends
    assert (folder / "localisation.md").is_file() and (folder / "curves.png").is_file()
    assert "The pictures: 10 classes, 20 training and 10 test pictures; true boxes: 20 training and 10 test" in html
    assert "On all 10 test images. Overlap" in html and metrics["true_boxes"] == {"test images": 10}
    assert f"multi-scale accuracy {metrics['acc_avg']['ms']:.1f}%" in html
    assert all(key in html for key in ("></span>true box", "></span>attended", "></span>what the next scale sees"))


def test_every_table_comes_in_three_formats_and_every_figure_in_two(finished):
    folder = finished / "reports" / "tiny"
    paper = (
        "claims",
        "controls",
        "table-1",
        "table-2-to-4",
        "table-5",
        "table-6",
        "localisation",
        "seeds",
        "cost",
        "wins",
        "over-fitting",
    )
    for table in (*paper, "per-class", "confused-pairs", "mistakes", "calibration"):
        assert all((folder / f"{table}.{suffix}").is_file() for suffix in ("csv", "md", "tex")), table
    for figure in (
        "figure-1",
        "figure-2",
        "figure-3",
        "figure-7",
        "figure-8",
        "cost",
        "curves",
        "confusion",
        "confused-pairs",
        "calibration",
    ):
        assert all((folder / f"{figure}.{suffix}").is_file() for suffix in ("png", "svg")), figure


@pytest.fixture
def report(finished, project):
    """Evaluate, compare and report what a smaller plan trains: some of the finished project's trainings."""
    for name in ("train", "attend", "cost.json"):
        (project / "runs").mkdir(exist_ok=True)
        (project / "runs" / name).symlink_to(finished / "runs" / "tiny" / name)
    (project / "reports").mkdir()
    shutil.copy(finished / "reports" / "published.yaml", project / "reports")

    def run(variants, scales):
        plan = {"main": {"variants": variants, "seeds": [0], "scales": scales}}
        write_params(project, {"tiny": TINY}, plan)
        data, ours, metrics = finished / "data" / "tiny", list(map(str, scales)), "reports/metrics/tiny"
        evaluate = ["--images", str(data / "scale-1"), "--out", "runs/evaluate", "--metrics", f"{metrics}.json"]
        command_line.run("evaluate", "tiny", *ours, "--attended", "runs/attend", *evaluate)
        folders = ["--attended", "runs/attend", "--trained", "runs/train"]
        command_line.run("compare", "tiny", *folders, "--metrics", f"{metrics}.variants.json")
        folders = ["--runs", "runs", "--data", str(data), "--reports", "reports", "--out", "out"]
        folders += ["--taken", str(finished / "data/raw/tiny/taken.json")]
        command_line.run("report", "tiny", *ours, *folders)
        return project / "out"

    return run


def test_stand_ins_are_explained_on_the_page(tmp_path, monkeypatch):
    view = View(np.zeros((32, 32, 3), np.uint8), np.eye(2), np.eye(2) > 0, {}, "<i>鸟</i>")
    monkeypatch.setattr(examples, "gather", lambda row, scales: Example(row.true, [view]))
    names = SimpleNamespace(images=SimpleNamespace(class_names=["Audi A4 2.0", "<i>鸟</i>", "犬"]))
    answers = pd.DataFrame({"id": ["1"], "true": ["Audi A4 2.0"], "ms": ["<i>鸟</i>"]})
    page = Page("birds", "", tmp_path)
    found = SimpleNamespace(predictions=answers, scales=[names], recipe=SimpleNamespace(download={"reader": "folder"}))
    report_stage._attention(page, found)
    page.write()
    html = (tmp_path / "index.html").read_text()
    assert "[class 1]: &lt;i&gt;鸟&lt;/i&gt;." in html and "犬" not in html and "[class 2]" not in html
    assert (tmp_path / "gallery-wrong.png").is_file()


def read(folder, name):
    return pd.read_csv(folder / f"{name}.csv", index_col=0)


def unjudged(folder):
    verdicts = read(folder, "claims").verdict
    return verdicts.index[verdicts == "not measured"].tolist()


def headings(folder):
    return re.findall(r"<h2 id=.*?>(.*)</h2>", (folder / "index.html").read_text())


def test_the_method_alone_begins_with_its_results_and_has_no_empty_tables(report):
    out = report(["ours"], [1, 2, 3])
    assert headings(out)[:2] == ["Accuracy (%) at each scale and over all scales", "Where it fails: classes"]
    claims, wins = "The paper&#39;s claims, on this dataset", "Are all n classifiers used?"
    assert headings(out)[-3:] == [claims, wins, "What made this"]
    assert not [title for title in headings(out) if re.match(r"Tables? \d|Figure", title)]
    html = (out / "index.html").read_text()
    assert "not run" not in html.replace("What was not run", "") and "not measured" not in html
    assert read(out, "claims").index.tolist() == ["1", "5", "7", "7b", "8"] and unjudged(out) == []
    assert read(out, "cost")["accuracy (%)"].notna().tolist() == [True, True]
    assert not any((out / name).exists() for name in ("table-2-to-4.csv", "table-5.csv", "figure-8.png", "seeds.csv"))


def test_the_papers_comparisons_begin_with_its_claims(finished):
    out = finished / "reports" / "tiny"
    assert headings(out)[0] == "The paper&#39;s claims, on this dataset"
    assert headings(out)[4] == "Table 6: accuracy (%) at each scale and over all scales"


def test_the_page_says_what_made_it(finished):
    html = (finished / "reports" / "tiny" / "index.html").read_text()
    head = re.search(r'<p class="lead">(.*?)</p>', html)[1]
    assert re.search(r"multi-scale accuracy [\d.]+% \[[\d.]+, [\d.]+\]; one and the same answer .* 10.0%$", head)
    model = files.read_json(finished / "runs/tiny/model/model.json")
    for value in ("recipes.tiny.network.backbone", "test_resnet", model["trained_on"], *model["weights"]):
        assert value in html, value


MULTI = [
    "1",
    "1b",
    "1c",
    "2",
    "2, by 2",
    "2b",
    "3",
    "3b",
    "4",
    "6",
    "6, flat",
]  # claims that need several scales, or variants


@pytest.mark.parametrize(
    "scales, heading, not_judged", [([1], "at scale 1", [*MULTI, "8"]), ([1, 2], "at each scale", MULTI)]
)
def test_fewer_scales(report, scales, heading, not_judged):
    out = report(["ours", "baseline"], scales)
    html, last = (out / "index.html").read_text(), scales[-1]
    columns = [f"{scale}{side}" for side in ("", " low", " high") for scale in scales]
    assert set(read(out, "table-6").columns) == set(columns)
    assert unjudged(out) == not_judged
    assert f"Table 6: accuracy (%) {heading}" in headings(out) and "ms:" not in html
    assert f"scale-{last} accuracy" in html and f"own accuracies, scale {last}:" in html
    assert f"one loss alone, at scale {last}" in html and f"absent. At scale {last}." in html
    assert read(out, "table-2-to-4").loc[f"ours (scale {last})"].notna().measured
    assert ("what the next scale sees" in html) == (last > 1)
    shown = read(out, "cost")["accuracy (%)"]
    assert shown.isna().tolist() == [False, True, False, True]
    assert (out / "curves.png").is_file() and (out / "figure-7.png").is_file()
