"""The paper's tables as pandas frames, ours beside what was published, and as text.

A cell that was not measured says so; none is left to guess.
"""

from pathlib import Path

import pandas as pd

from pipeline import files

ROWS = {"acc_loc": "Acc_loc", "acc_obj": "Acc_obj", "acc_avg": "Acc_avg"}
NOT_RUN = "not run"


def table_1(index: pd.DataFrame, published: dict | None) -> pd.DataFrame:
    """Numbers of categories, training and test images."""
    counts = index.split.value_counts()
    rows = {"ours": [index.label.nunique(), int(counts["train"]), int(counts["test"])]}
    if published:
        rows["published"] = [published["counts"][key] for key in ("classes", "train", "test")]
    return pd.DataFrame.from_dict(rows, orient="index", columns=["# category", "# training", "# testing"])


def methods(comparison: dict, backbone: str, published: dict | None) -> pd.DataFrame:
    """Tables 2 to 4: accuracy (%) of the paper's competitors, of the baselines and of ours."""
    accuracy, published = comparison["accuracy"], published or {}
    rows = [
        [m["name"], "yes" if m["annotation"] else "no", "", m["accuracy"], ""] for m in published.get("methods", [])
    ]
    theirs = published.get("baseline", {})
    for name, variant, scale, value in (
        (f"{backbone} (single scale)", "baseline", "1", theirs.get("1")),
        (f"{backbone} (multi-scale)*", "baseline", "ms", theirs.get("ms")),
        ("ours", "ours", "ms", published.get("ours")),
    ):
        mine = accuracy.get(variant, {}).get(scale)
        rows.append([name, "no", _with_interval(comparison, variant, scale), _show(value), _difference(mine, value)])
    columns = ["method", "annotation", "measured", "published", "difference"]
    return _without_empty(pd.DataFrame(rows, columns=columns).set_index("method"))


def table_5(comparison: dict, published: dict | None, scale: str) -> pd.DataFrame:
    """Accuracy (%) of one loss alone beside both, at one scale or over all ('ms')."""
    theirs = (published or {}).get("one_loss", {})
    rows = {}
    for name, variant in (("Acc_loc", "local"), ("Acc_obj", "object"), ("Acc_obj, mask of ones", "baseline")):
        mine = comparison["accuracy"].get(variant, {}).get(scale)
        value = theirs.get(variant) if scale == "ms" else None
        rows[name] = [_with_interval(comparison, variant, scale), _show(value), _difference(mine, value)]
    rows["both losses"] = [_with_interval(comparison, "ours", scale), "", ""]
    return _without_empty(pd.DataFrame.from_dict(rows, orient="index", columns=["measured", "published", "difference"]))


def table_6(metrics: dict, published: dict | None = None) -> pd.DataFrame:
    """Accuracies (%) of both levels and of their mean, at each scale and over all scales.

    >>> table_6({"acc_avg": {"1": 85.5, "ms": 87.9}})
                1    ms
    Acc_avg  85.5  87.9
    """
    rows = {}
    for name, title in ROWS.items():
        if name in metrics:
            rows[title] = {scale: round(value, 1) for scale, value in metrics[name].items()}
        if name in metrics and published:
            theirs = published["table_6"][name]
            rows[f"{title}, published"] = theirs
            rows[f"{title}, difference"] = {s: _difference(metrics[name].get(s), v) for s, v in theirs.items()}
    return pd.DataFrame.from_dict(rows, orient="index")


def localisation(metrics: dict, published: dict | None = None) -> pd.DataFrame | None:
    """Overlap of attended and true boxes at each scale, and what no attention would reach; None without boxes."""
    if "iou" not in metrics:
        return None
    rows = {"mean IoU": metrics["iou"], "share above 0.5": metrics["iou_above_half"]}
    table = pd.DataFrame.from_dict(rows, orient="index").round(3)
    if published and "iou" in published:
        table["published (scale 1)"] = [published["iou"], ""]
    return table


def cost(measured: dict, comparison: dict) -> pd.DataFrame:
    """Accuracy beside what it costs."""
    rows = {}
    for title, variant, scale in (
        ("baseline, single scale", "baseline", "1"),
        ("baseline, multi-scale", "baseline", "ms"),
        ("ours, scale 1", "ours", "1"),
        ("ours, multi-scale", "ours", "ms"),
    ):
        one = measured[variant][scale]
        accuracy = _show(comparison["accuracy"].get(variant, {}).get(scale)) or NOT_RUN
        rows[title] = [accuracy, *(f"{one[k]:.3g}" for k in ("parameters_m", "gflops", "images_per_s"))]
    columns = ["accuracy (%)", "parameters (M)", "GFLOPs an image", "images/s"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def seeds(comparison: dict) -> pd.DataFrame | None:
    """Mean and standard deviation over seeds; None where nothing was repeated."""
    rows = {
        f"{name}, {'multi-scale' if scale == 'ms' else f'scale {scale}'}": [
            f"{v['mean']:.1f}",
            f"{v['std']:.1f}",
            v["n"],
        ]
        for name, scales in comparison["seeds"].items()
        for scale, v in scales.items()
    }
    if not rows:
        return None
    return pd.DataFrame.from_dict(rows, orient="index", columns=["mean (%)", "standard deviation", "seeds"])


def write(table: pd.DataFrame, path: Path) -> None:
    """Write a table as ``path`` with .csv, .md and .tex."""
    with files.whole(path.with_suffix(".csv")) as temporary:
        table.to_csv(temporary)
    for suffix, render in ((".md", to_markdown), (".tex", to_latex)):
        with files.whole(path.with_suffix(suffix)) as temporary:
            temporary.write_text(render(table))


def to_markdown(table: pd.DataFrame) -> str:
    """Render a table as Markdown, its columns aligned.

    >>> print(to_markdown(pd.DataFrame({"ms": [87.9]}, index=["Acc_avg"])), end="")
    |         |   ms |
    | :------ | ---: |
    | Acc_avg | 87.9 |
    """
    cells = _cells(table)
    widths = [max(3, *(len(row[i]) for row in cells)) for i in range(len(cells[0]))]  # a rule takes three

    def line(row: list[str]) -> str:
        numbers = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        return "| " + " | ".join([row[0].ljust(widths[0]), *numbers]) + " |\n"

    rule = [":" + "-" * (widths[0] - 1), *("-" * (width - 1) + ":" for width in widths[1:])]
    return "".join(map(line, [cells[0], rule, *cells[1:]]))


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

    def line(row: list[str]) -> str:
        escaped = ["".join("\\" + c if c in "#$%&_{}" else c for c in cell) for cell in row]
        return " & ".join(escaped).replace("±", r"$\pm$") + " \\\\\n"

    head, *body = map(line, _cells(table))
    columns = "l" + "r" * len(table.columns)
    top, middle, bottom = "\\toprule\n", "\\midrule\n", "\\bottomrule\n"
    return f"\\begin{{tabular}}{{{columns}}}\n{top}{head}{middle}{''.join(body)}{bottom}\\end{{tabular}}\n"


def _cells(table: pd.DataFrame) -> list[list[str]]:
    body = [[str(name), *map(str, row)] for name, row in zip(table.index, table.to_numpy(), strict=True)]
    return [["", *map(str, table.columns)], *body]


def _without_empty(table: pd.DataFrame) -> pd.DataFrame:
    """Leave out columns in which no row has anything, such as 'published' where nobody published."""
    return table.loc[:, (table != "").any()]


def _with_interval(comparison: dict, variant: str, scale: str) -> str:
    value = comparison["accuracy"].get(variant, {}).get(scale)
    if value is None:
        return NOT_RUN
    low, high = comparison["interval"][variant][scale]
    return f"{value:.1f} [{low:.1f}, {high:.1f}]"


def _show(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _difference(ours: float | None, theirs: float | None) -> str:
    return "" if ours is None or theirs is None else f"{ours - theirs:+.1f}"
