"""Command: reports/index.html, which leads to the reports of all planned datasets.

It names commit and date, so it is no output of DVC's: it would never be up to date.
"""

import subprocess
from datetime import datetime
from html import escape
from pathlib import Path

from pipeline import params, trainings
from pipeline.errors import InputError
from pipeline.reporting import summary
from pipeline.reporting.page import Page
from pipeline.tracking.run import WRITTEN

REPORTS = Path("reports")
NOTE = (
    "Test images, final epoch. 'minus': ours in multi-scale minus three of its networks that see no crops, and minus "
    "the baseline's multi-scale, in points, with 95% intervals. IoU: of attended boxes at scale 1, and of the best box "
    "in the middle. Each report says which claims hold."
)


def run() -> None:
    """Write the index of the datasets that params.yaml plans; without any report there is none."""
    planned = trainings.read_datasets()
    done = [dataset for dataset in planned if (REPORTS / dataset / "index.html").is_file()]
    if not done:
        return
    waiting = [dataset for dataset in planned if dataset not in done]
    page = Page("foveate: all reports", f"{_commit()}, {datetime.now().astimezone():%Y-%m-%d %H:%M %Z}", REPORTS)
    note = NOTE + (f" Not run yet: {escape(', '.join(waiting))}." if waiting else "")
    page.section("Datasets", note)
    page.listing(summary.table(REPORTS, done), [f"{dataset}/index.html" for dataset in done])
    page.write()
    print(f"{REPORTS / 'index.html'}: {len(done)} of {len(planned)} datasets")


def update() -> None:
    """Write the index after a run, if it can be written: the run has succeeded all the same."""
    if params.PATH.is_file():  # else DVC ran another project's stages
        try:
            run()
        except InputError as error:
            print(f"{REPORTS / 'index.html'}: not written: {error}")


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
