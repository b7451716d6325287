"""The paper's tables as pandas frames, our numbers beside published ones; only ``render`` turns numbers into text.

A number that was not measured, or that nobody published, is NaN; ``render`` writes 'not run' for the former only.
"""

import re
from pathlib import Path

import pandas as pd

from pipeline.disk import files

NAN, NOT_RUN = float("nan"), "not run"
SIDES = ("low", "high")  # of an interval: what its columns end with
LEVELS = {"acc_loc": "Acc_loc", "acc_obj": "Acc_obj", "acc_avg": "Acc_avg"}
OVERLAPS = {"iou": "mean IoU", "iou_above_half": "share above 0.5"}
COSTS = {"parameters_m": "parameters (M)", "gflops": "GFLOPs an image", "images_per_s": "images/s"}
IOUS = ("IoU", "IoU, centred box")
PUBLISHED_IOU = "published (scale 1)"
# Rows and columns where NaN is left empty: nobody published it, or a class has no test images.
EMPTY = {"published", "difference", PUBLISHED_IOU, "accuracy"}


def table_1(index: pd.DataFrame, published: dict | None) -> pd.DataFrame:
    """Numbers of categories, training and test images."""
    counts = index.split.value_counts()
    rows = {"ours": [index.label.nunique(), int(counts["train"]), int(counts["test"])]}
    if published:
        rows["published"] = [published["counts"][key] for key in ("classes", "train", "test")]
    return pd.DataFrame.from_dict(rows, orient="index", columns=["# category", "# training", "# testing"])


def methods(comparison: dict, backbone: str, published: dict | None) -> pd.DataFrame:
    """Tables 2 to 4: accuracy (%) of the paper's competitors, of the baselines and of ours.

    Column 'variant' names the variant that is measured; it is empty for competitors, which are not run here. If ours
    was not run at all three scales, its row has the last scale that was run.
    """
    published = published or {}
    theirs = published.get("baseline", {})
    *_, last = comparison["accuracy"]["ours"]
    ours = ("ours", published.get("ours", NAN)) if last == "ms" else (f"ours (scale {last})", NAN)
    rows = [
        (m["name"], "yes" if m["annotation"] else "no", "", "", m["accuracy"]) for m in published.get("methods", [])
    ]
    rows += [
        (f"{backbone} (single scale)", "no", "baseline", "1", theirs.get("1", NAN)),
        (f"{backbone} (multi-scale)*", "no", "baseline", "ms", theirs.get("ms", NAN)),
        (ours[0], "no", "ours", last, ours[1]),
    ]
    records = [{"method": name, "annotation": more} | _measured(comparison, *rest) for name, more, *rest in rows]
    return pd.DataFrame(records).set_index("method")


def table_5(comparison: dict, published: dict | None, scale: str) -> pd.DataFrame:
    """Accuracy (%) of one loss alone beside both, at one scale or over all ('ms')."""
    theirs = (published or {}).get("one_loss", {}) if scale == "ms" else {}
    names = {"Acc_loc": "local", "Acc_obj": "object", "Acc_obj, mask of ones": "baseline", "both losses": "ours"}
    rows = [_measured(comparison, variant, scale, theirs.get(variant, NAN)) for variant in names.values()]
    return pd.DataFrame(rows, index=list(names))


def table_6(metrics: dict, published: dict | None = None) -> pd.DataFrame:
    """Accuracies (%) of both levels and of their mean, at each scale and over all scales, with intervals if measured.

    >>> table_6({"acc_avg": {"1": 85.5, "ms": 87.9}})
                1    ms
    Acc_avg  85.5  87.9
    """
    rows = {}
    for name, title in LEVELS.items():
        if name in metrics:
            rows[title] = metrics[name]
        if name in metrics and published:
            theirs = published["table_6"][name]
            rows[f"{title}, published"] = theirs
            rows[f"{title}, difference"] = {s: metrics[name].get(s, NAN) - value for s, value in theirs.items()}
    table = pd.DataFrame(list(rows.values()), index=list(rows))
    return _with_intervals(table, {title: metrics.get("intervals", {}).get(name, {}) for name, title in LEVELS.items()})


def _with_intervals(table: pd.DataFrame, intervals: dict[str, dict[str, list[float]]]) -> pd.DataFrame:
    """Add columns '1 low' and '1 high' beside '1' where it has ``intervals``, which are by row and column."""
    for column in [c for c in table if any(c in row for row in intervals.values())]:
        for side, name in enumerate(SIDES):
            ends = {row: found[column][side] for row, found in intervals.items() if column in found}
            table[f"{column} {name}"] = pd.Series(ends).reindex(table.index)
    return table


def localisation(metrics: dict, published: dict | None = None) -> pd.DataFrame | None:
    """Overlap of attended and true boxes at each scale, and references without attention; None without true boxes."""
    if "iou" not in metrics:
        return None
    table = pd.DataFrame([metrics[name] for name in OVERLAPS], index=list(OVERLAPS.values()))
    table = _with_intervals(table, {OVERLAPS["iou"]: metrics.get("intervals", {}).get("iou", {})})
    if published and "iou" in published:
        table[PUBLISHED_IOU] = [published["iou"], NAN]
    return table


def cost(measured: dict, comparison: dict) -> pd.DataFrame:
    """Accuracy beside parameters, operations and speed."""
    rows = {}
    for title, variant, scale in (
        ("baseline, single scale", "baseline", "1"),
        ("baseline, multi-scale", "baseline", "ms"),
        ("ours, scale 1", "ours", "1"),
        ("ours, multi-scale", "ours", "ms"),
    ):
        accuracy = comparison["accuracy"].get(variant, {}).get(scale, NAN)
        costs = {label: measured[variant][scale][name] for name, label in COSTS.items()}
        rows[title] = {"accuracy (%)": accuracy} | costs
    return pd.DataFrame(list(rows.values()), index=list(rows))


def seeds(comparison: dict) -> pd.DataFrame | None:
    """Mean with its interval, and standard deviation over seeds; None where nothing was repeated."""
    rows = {
        f"{name}, {'multi-scale' if scale == 'ms' else f'scale {scale}'}": [
            *(v["mean"], *(v.get("interval") or (NAN, NAN))),
            *(v["std"], v["n"]),
        ]
        for name, scales in comparison["seeds"].items()
        for scale, v in scales.items()
    }
    if not rows:
        return None
    return pd.DataFrame.from_dict(
        rows, orient="index", columns=["mean (%)", "mean (%) low", "mean (%) high", "standard deviation", "seeds"]
    )


def mistakes(wrong: pd.DataFrame, index: pd.DataFrame) -> pd.DataFrame:
    """Wrong answers (rows of the evaluate stage's table): the picture's file, its class, what was said, how surely."""
    votes = {name: name.replace("_", " ") for name in wrong if name.startswith("scale_")}
    table = wrong.assign(picture=index.set_index("id").file[wrong.id].to_numpy(), confidence=100 * wrong.confidence)
    names = {"picture": "picture", "true": "true class", "ms": "answer", "confidence": "confidence (%)"} | votes
    return table[list(names)].rename(columns=names)


def calibration(measured: pd.DataFrame) -> pd.DataFrame:
    """Accuracy and mean confidence (%) of each scale and of their mean ('ms'), and the calibration error (points)."""
    names = {"accuracy": "accuracy (%)", "confidence": "mean confidence (%)", "error": "calibration error"}
    names |= {f"error_{side}": f"calibration error {side}" for side in ("low", "high")}
    return measured.set_index("scale")[list(names)].rename(columns=names, index={"calibrated": "ms, calibrated"})


def highest(table: pd.DataFrame) -> pd.DataFrame:
    """Mark the highest numbers of each row; numbers that are equal when rounded tie, differences are not marked.

    >>> highest(pd.DataFrame({"1": [85.51], "2": [85.49], "ms": [84.0]}, index=["Acc_avg"])).to_numpy().tolist()
    [[True, True, False]]
    """
    values = table[[c for c in table if _shown(c) == c]]
    rounded = values[~values.index.str.endswith("difference")].round(1)
    return rounded.eq(rounded.max(axis=1), axis=0).reindex(table.index, fill_value=False)


def write(table: pd.DataFrame, path: Path) -> None:
    """Write a table as ``path`` with .csv (numbers), .md and .tex (text)."""
    rendered = {".csv": table.round(4).to_csv(), ".md": to_markdown(table), ".tex": to_latex(table)}
    for suffix, text in rendered.items():
        with files.atomic_write(path.with_suffix(suffix)) as temporary:
            temporary.write_text(text, encoding="utf-8")


def render(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table as text: with an interval beside its value, and without empty columns.

    >>> table = pd.DataFrame({"measured": [88.0], "low": [86.0], "high": [90.0], "published": NAN}, index=["ours"])
    >>> render(table)
                   measured
    ours  88.0 [86.0, 90.0]
    """
    cells = {c: [_text(value, str(row), _shown(c)) for row, value in column.items()] for c, column in table.items()}
    text = pd.DataFrame(cells, index=table.index.map(str).rename(None))
    for low in [c for c in table if c == "low" or c.endswith(" low")]:
        value = low.removesuffix(" low") if low != "low" else "measured" if "measured" in table else "accuracy"
        interval = " [" + text.pop(low) + ", " + text.pop(low.removesuffix("low") + "high") + "]"
        text[value] += interval.where((table[value].notna() & table[low].notna()).to_numpy(), "")
    if "variant" in table:  # competitors are not run here: empty instead of 'not run'
        text.loc[text.pop("variant") == "", "measured"] = ""
    return text.loc[:, (text != "").any()]


def to_markdown(table: pd.DataFrame) -> str:
    """Render a table as Markdown, its columns aligned.

    >>> print(to_markdown(pd.DataFrame({"ms": [87.9]}, index=["Acc_avg"])), end="")
    |         |   ms |
    |:--------|-----:|
    | Acc_avg | 87.9 |
    """
    text = render(table).map(_escape_markdown).rename(index=_escape_markdown, columns=_escape_markdown)
    sides = ("left", *("right" for _ in text))
    return text.to_markdown(disable_numparse=True, colalign=sides) + "\n"


def to_latex(table: pd.DataFrame) -> str:
    r"""Render a table for a paper, with booktabs' rules.

    >>> print(to_latex(pd.DataFrame({"ms": [87.9]}, index=["Acc_avg"])), end="")
    \begin{tabular}{lr}
    \toprule
     & ms \\
    \midrule
    Acc\_avg & 87.9 \\
    \bottomrule
    \end{tabular}
    """
    text = render(table)
    return text.to_latex(escape=True, column_format="l" + "r" * text.shape[1]).replace("±", r"$\pm$")


def _escape_markdown(text: str) -> str:
    return re.sub(r"([\\|<`])", r"\\\1", text).replace("\n", " ")


def _shown(column: str) -> str:
    """Return the column that an end of an interval stands beside, or the column itself.

    >>> _shown("difference low"), _shown("low"), _shown("ms")
    ('difference', 'low', 'ms')
    """
    return column.removesuffix(" low").removesuffix(" high")


def _measured(comparison: dict, variant: str, scale: str, published: float) -> dict[str, str | float]:
    value = comparison["accuracy"].get(variant, {}).get(scale, NAN)
    low, high = comparison["interval"].get(variant, {}).get(scale, (NAN, NAN))
    numbers = {"measured": value, "low": low, "high": high, "published": published, "difference": value - published}
    return {"variant": variant} | numbers


def _text(value: str | float, row: str, column: str) -> str:
    labels = {column, row.rpartition(", ")[2]}  # 'Acc_loc, difference' is a difference
    if isinstance(value, str):
        return value
    if pd.isna(value):
        return "" if labels & EMPTY else NOT_RUN
    if isinstance(value, int):
        return str(value)
    if "difference" in labels or "minus " in column:
        return f"{round(value, 1) + 0.0:+.1f}"  # of what is zero then, without a minus
    if labels & set(COSTS.values()):
        return f"{value:.3g}"
    return str(round(value, 3 if labels & {*OVERLAPS.values(), *IOUS} else 1))
