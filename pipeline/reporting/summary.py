"""The results of several datasets in one table, from ``reports/metrics``: for README.md and for reports/index.html.

``python -m pipeline.reporting.summary`` writes the table into README.md again, for the datasets that stand there or for
those that are named. What results of an older version do not have is left empty.
"""

import sys
from pathlib import Path

import pandas as pd

from pipeline.disk import files
from pipeline.errors import InputError
from pipeline.reporting import claims, metrics, tables
from pipeline.reporting.tables import NAN

BEGIN = "<!-- results: written by 'python -m pipeline.reporting.summary' from reports/metrics -->"
END = "<!-- end of results -->"
DIFFERENCES = {  # of ours over all scales
    "minus no crops": "ours ms minus ours ensemble",
    "minus baseline": "ours ms minus baseline ms",
}


def table(reports: Path, datasets: list[str]) -> pd.DataFrame:
    """Return a row for each dataset: accuracies (%), differences in points with 95% intervals, IoU of scale 1's boxes.

    reports  holds the folder metrics
    """
    return pd.DataFrame.from_dict({name: _row(reports / "metrics", name) for name in datasets}, orient="index")


def _row(folder: Path, dataset: str) -> dict[str, float | int | str]:
    ours = metrics.read(folder / f"{dataset}.json")
    others = metrics.read_variants(folder / f"{dataset}.variants.json")
    found, overlaps = claims.measured(ours, others), ours.get("iou", {})
    counts = [one.images for one in found.values()] + [ours.get("true_boxes", {}).get("test images", 0)]
    baseline = others["accuracy"].get("baseline", {})
    control = found.get("ours ensemble")
    row: dict[str, float | int | str] = {
        "test images": max(counts) or NAN,
        "ours, scale 1 (%)": ours["acc_avg"]["1"],
        "multi-scale (%)": ours["acc_avg"].get("ms", NAN),
        "baseline, scale 1 (%)": baseline.get("1", NAN),
        "baseline, multi-scale (%)": baseline.get("ms", NAN),
        "ours, three networks, no crops (%)": control.points if control else NAN,
    }
    for title, what in DIFFERENCES.items():
        one = found.get(what)
        low, high = (one.interval if one else None) or (NAN, NAN)
        row |= {title: one.points if one else NAN, f"{title} low": low, f"{title} high": high}
    row |= {"IoU": overlaps.get("1", NAN), "IoU, centred box": overlaps.get("centred box", NAN)}
    return row | {"command": f"make repro DATASETS={dataset}"}


def to_markdown(rows: pd.DataFrame) -> str:
    """Return the table as README.md has it."""
    code = rows.assign(command=[f"`{command}`" for command in rows.command])
    return tables.to_markdown(code).replace(r"\`", "`").replace(tables.NOT_RUN, " " * len(tables.NOT_RUN))


def shown(readme: str) -> tuple[str, list[str]]:
    """Return the table that README.md shows, and the datasets in it."""
    _, begin, rest = readme.partition(f"{BEGIN}\n")
    text, end, _ = rest.partition(END)
    if not begin or not end:
        raise InputError(f"README.md: the table of results stands between {BEGIN!r} and {END!r}; put both lines back")
    return text, [line.split("|")[1].strip() for line in text.splitlines()[2:]]


def refresh(readme: Path, reports: Path, datasets: list[str]) -> None:
    """Write the table into README.md: of some datasets, or of those that stand there."""
    content = readme.read_text(encoding="utf-8")
    old, there = shown(content)
    new = to_markdown(table(reports, datasets or there))
    with files.atomic_write(readme) as temporary:
        temporary.write_text(content.replace(f"{BEGIN}\n{old}{END}", f"{BEGIN}\n{new}{END}"), encoding="utf-8")


if __name__ == "__main__":
    refresh(Path("README.md"), Path("reports"), sys.argv[1:])
