"""The paper's tables, as pandas frames and as text."""

from pathlib import Path

import pandas as pd

from pipeline import files

ROWS = {"acc_loc": "Acc_loc", "acc_obj": "Acc_obj", "acc_avg": "Acc_avg"}


def table_6(metrics: dict) -> pd.DataFrame:
    """Accuracies (%) of both levels and of their mean, at each scale and over all scales.

    >>> table_6({"acc_avg": {"1": 85.5, "ms": 87.9}})
                1    ms
    Acc_avg  85.5  87.9
    """
    present = {title: metrics[name] for name, title in ROWS.items() if name in metrics}
    return pd.DataFrame.from_dict(present, orient="index").round(1)


def localisation(metrics: dict) -> pd.DataFrame | None:
    """Mean overlap of attended and true boxes at each scale, and what no attention would reach; None without boxes."""
    if "iou" not in metrics:
        return None
    rows = {"mean IoU": metrics["iou"], "share above 0.5": metrics["iou_above_half"]}
    return pd.DataFrame.from_dict(rows, orient="index").round(3)


def write(table: pd.DataFrame, path: Path) -> None:
    """Write a table as ``path`` with .csv and with .md."""
    with files.whole(path.with_suffix(".csv")) as temporary:
        table.to_csv(temporary)
    with files.whole(path.with_suffix(".md")) as temporary:
        temporary.write_text(to_markdown(table))


def to_markdown(table: pd.DataFrame) -> str:
    """Render a table as Markdown, its columns aligned.

    >>> print(to_markdown(pd.DataFrame({"ms": [87.9]}, index=["Acc_avg"])), end="")
    |         |   ms |
    | :------ | ---: |
    | Acc_avg | 87.9 |
    """
    body = [[str(name), *map(str, row)] for name, row in zip(table.index, table.to_numpy(), strict=True)]
    cells = [["", *map(str, table.columns)], *body]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]

    def line(row: list[str]) -> str:
        numbers = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        return "| " + " | ".join([row[0].ljust(widths[0]), *numbers]) + " |\n"

    rule = [":" + "-" * (widths[0] - 1), *("-" * (width - 1) + ":" for width in widths[1:])]
    return "".join(map(line, [cells[0], rule, *body]))
