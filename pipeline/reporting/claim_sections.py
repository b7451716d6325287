"""What the page says of the paper's claims, and the controls beside the multi-scale figures."""

import pandas as pd

from pipeline.reporting import claims, intervals
from pipeline.reporting.intervals import Estimate
from pipeline.reporting.page import Page
from pipeline.reporting.results import Results, is_own
from pipeline.reporting.verdicts import MISSING

NAN = float("nan")
CONTROLS = {  # what is measured -> the accuracy's variant and scale, what is compared with it
    "ours, scale 1": ("ours", "1", "ours"),
    "ours, three networks without crops": ("ours", "ensemble", "ours"),
    "ours, centred crops": ("centred", "ms", "ours"),
    "baseline, multi-scale": ("baseline", "ms", "ours"),
    "baseline, two heads": ("two-heads", "ms", "ours"),
    "baseline, scale 1": ("baseline", "1", "baseline"),
    "baseline, three networks without crops": ("baseline", "ensemble", "baseline"),
}
NOTE = (
    "Final epoch, test split. 'b' and 'c' are controls of ours. A claim holds if the whole 95% interval of its "
    "difference lies beyond the boundary, and does not if all of it lies on the other side; else it cannot be told. "
    "Where no number of seeds stands there was one: then it is about these trained networks. What was not run is not "
    "judged."
)
PRINTED = " The paper's printed numbers have no pictures: they are judged by points."


def add(page: Page, results: Results) -> None:
    """Add the claims with their verdicts, answers in words first."""
    n = results.recipe.network.n_classifiers
    found = claims.judge(claims.measured(results.metrics, results.comparison), n)
    theirs = claims.judge(claims.printed(results.published), n) if results.published else None
    table = claims.to_table(found, theirs)
    if is_own(results):
        table = table[[claim.verdict != MISSING for claim in found]]
    if len(table):
        page.section(
            "The paper's claims, on this dataset",
            f'<span class="answer">{claims.lead(found)}</span>{NOTE}{PRINTED if theirs else ""}',
        )
        page.table(table, "claims")


def add_controls(page: Page, results: Results) -> None:
    """Add what as many networks without crops, crops in the middle and a second head give."""
    table = controls(results.comparison)
    if is_own(results):
        table = table[table["accuracy (%)"].notna()]
        if not {"ours, three networks without crops", "ours, centred crops"} & set(table.index):
            return
    page.section(
        "Controls: what else could explain a multi-scale figure",
        "The difference is the multi-scale answer minus its control, in points, paired by image. Three networks "
        "without crops: three seeds of scale 1, averaged. Centred crops: boxes in the middle, of the same mean "
        "area as attention's. Two heads: the mean of two classifiers, as ours averages two.",
    )
    page.table(table, "controls")


def controls(comparison: dict) -> pd.DataFrame:
    """Return each control's accuracy (%), and the multi-scale accuracy minus it, in points; NaN is not measured."""
    found, rows = intervals.from_records(comparison.get("judged", [])), {}
    for title, (variant, scale, of) in CONTROLS.items():
        value = comparison["accuracy"].get(variant, {}).get(scale, NAN)
        one = Estimate(value, tuple(comparison["interval"].get(variant, {}).get(scale, (NAN, NAN))))
        row = numbers("accuracy (%)", found.get(f"{variant} {scale}", one))
        rows[title] = (
            row | {"of": f"{of}, multi-scale"} | numbers("difference", found.get(f"{of} ms minus {variant} {scale}"))
        )
    return pd.DataFrame.from_dict(rows, orient="index").rename(columns={"of": "control of"})


def of_several(results: Results) -> str:
    """Say how several objects of one picture are attended; nothing where there are none."""
    found = claims.measured(results.metrics, {})
    both = found.get("all objects attended")
    if both is None or both.interval is None:
        return ""
    several, one = (found.get(f"regions of {name}") for name in ("several objects", "one object"))
    text = (
        f" Of {both.images} test images with several objects {both.points:.0f}% have something attended in the box of "
        f"each [{both.interval[0]:.0f}, {both.interval[1]:.0f}]"
    )
    return text + (
        f"; regions a mask: {several.points:.2f}, with one object {one.points:.2f}." if several and one else "."
    )


def numbers(column: str, found: Estimate | None) -> dict[str, float]:
    """Return a table's three columns of a number and its interval's ends; NaN is not measured."""
    low, high = (found.interval if found else None) or (NAN, NAN)
    return {column: found.points if found else NAN, f"{column} low": low, f"{column} high": high}
