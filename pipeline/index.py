"""Command: reports/index.html, which leads to the reports of all planned datasets.

It names commit and date, so it is no output of DVC's: it would never be up to date.
"""

import subprocess
from datetime import datetime
from html import escape
from pathlib import Path

import pandas as pd

from pipeline import params, trainings
from pipeline.errors import InputError
from pipeline.reporting import claims, metrics
from pipeline.reporting.page import Page
from pipeline.tracking.run import WRITTEN

REPORTS = Path("reports")


def run() -> None:
    """Write the index of the datasets that params.yaml plans; without any report there is none."""
    rows, links = {}, []
    for dataset in trainings.read_datasets():
        report = Path(dataset, "index.html")
        if (REPORTS / report).is_file():
            rows[dataset] = _row(dataset)
            links.append(report.as_posix())
    if not rows:
        return
    waiting = [dataset for dataset in trainings.read_datasets() if dataset not in rows]
    page = Page("foveate: all reports", f"{_commit()}, {datetime.now().astimezone():%Y-%m-%d %H:%M %Z}", REPORTS)
    note = "Test accuracy, final epoch." + (f" Not run yet: {escape(', '.join(waiting))}." if waiting else "")
    page.section("Datasets", note)
    page.listing(pd.DataFrame.from_dict(rows, orient="index"), links)
    page.write()
    print(f"{REPORTS / 'index.html'}: {len(rows)} of {len(rows) + len(waiting)} datasets")


def update() -> None:
    """Write the index after a run, if it can be written: the run has succeeded all the same."""
    if params.PATH.is_file():  # else DVC ran another project's stages
        try:
            run()
        except InputError as error:
            print(f"{REPORTS / 'index.html'}: not written: {error}")


def _row(dataset: str) -> dict[str, str | float]:
    ours = metrics.read(REPORTS / "metrics" / f"{dataset}.json")["acc_avg"]
    others = metrics.read_variants(REPORTS / "metrics" / f"{dataset}.variants.json")["accuracy"]
    scale = claims.common_scale(ours)
    return {
        "scale": "all three" if scale == "ms" else scale,
        "accuracy (%)": ours[scale],
        "baseline (%)": others.get("baseline", {}).get(scale, float("nan")),
    }


def _commit() -> str:
    """Name the commit that is checked out, and say if files differ from it that the run itself does not write."""
    said = []
    others = [f":(exclude){path}" for path in WRITTEN]
    for words in (["rev-parse", "--short", "HEAD"], ["status", "--porcelain", "-uno", "--", *others]):
        try:
            done = subprocess.run(["git", *words], capture_output=True, encoding="utf-8", errors="replace", check=False)
        except OSError:
            return "no git"
        if done.returncode:
            return "no commit"
        said.append(done.stdout.strip())
    return f"Commit {said[0]}{', with changes that are not committed' if said[1] else ''}"
