"""The report's sections that take the method apart: how attention is made, whether n is used, what l_loc is for."""

from html import escape

import pandas as pd

from pipeline.explaining.store import Anatomy
from pipeline.reporting import anatomy_figures, examples, figures, intervals
from pipeline.reporting.claim_sections import numbers
from pipeline.reporting.page import Page
from pipeline.reporting.results import Results, is_own

GAPS = {  # rows of the table -> the gap's name in what compare judged, and that of the test accuracy
    "ours: l_loc + l_obj": ("gap of ours 1", "acc_obj of ours 1"),
    "object: l_obj alone": ("gap of object 1", "acc_obj of object 1"),
    "baseline: a mask of ones": ("gap of baseline 1", "acc_obj of baseline 1"),
    "ours, whole training images": ("gap of ours 1, whole images", "acc_obj of ours 1"),
}


def add_anatomy(page: Page, results: Results) -> None:
    """Add Figures 1 to 3, of one test picture at scale 1."""
    one, images = results.anatomy, results.scales[0].images
    names, pixels = images.class_names, examples.pixels(images, one.id)
    stand_ins = figures.stand_ins(names)
    columns = [names[c] for c in anatomy_figures.shown(one) if c < len(names)]
    used, note = figures.explained(stand_ins, {*columns, *(names[c] for c in one.categories)})
    drawn = [used.get(name, name) for name in names]
    pair = [drawn[c] for c in one.categories]
    page.section(
        "How attention is made" if is_own(results) else "Figures 1 to 3: how attention is made",
        f"{_words(one, names, results.recipe.network.attention)}{note}",
    )
    page.picture(anatomy_figures.pipeline(one, pixels, pair), "figure-1", "from a picture to its attention map")
    page.picture(anatomy_figures.maximum(one, drawn), "figure-2", "every classifier's logits at one cell, and A")
    page.picture(anatomy_figures.training(one, pixels, pair[0]), "figure-3", "M, mask, slice of A, box")


def _words(one: Anatomy, names: list[str], read_from: str) -> str:
    """Explain the three figures (HTML)."""
    (y, x), given = one.cell, one.foremost
    return (
        "The first test image, in the order of the index, that ours answers rightly at scale 1: "
        f"<b>{escape(one.id)}</b>, {escape(names[one.categories[0]])}. Under each map: its lowest and highest value. "
        "<b>Figure 1</b>: from X to M; the slices of A (logits) are the true category's, that of the runner-up "
        f"({escape(names[one.categories[1]])}), and the background's, in one scale of colours. M is "
        f"{'read from the logits' if read_from == 'logit' else 'the largest foreground probability'}. "
        f"<b>Figure 2</b>: the outlined cell, where M is highest ({one.M[y, x]:.2f}). Each row is a classifier's "
        "logits; below them is their maximum (Eq. 1). Outlined: who attains it. "
        f"{escape(names[given])}, of classifier {one.winners[given]}, gives M. "
        "<b>Figure 3</b>: M, Otsu's mask of it, the slice of A that training draws towards this mask, and the box."
    )


def add_wins(page: Page, results: Results) -> None:
    """Add which of the n local classifiers give attention its values."""
    rows = results.comparison.get("wins", [])
    if not rows:
        return
    page.section(
        "Are all n classifiers used?",
        f'<span class="answer">{_used(rows)}</span>'
        "A classifier wins an attended cell if its activation gives M there: the largest over all foreground "
        "categories of the largest over all classifiers (Figure 2). All attended cells of test images. A classifier "
        "leads a category if it wins the most of the cells that this category gives; 'won by leaders': cells won by "
        "the leader of their category. 100% would mean that one classifier a category does everything, 1/n that all "
        f"take turns.{_by_chance(rows)}",
    )
    page.table(wins(rows), "wins")


def _by_chance(rows: list[dict]) -> str:
    there = any(row["variant"] == "object" for row in rows)
    return " No loss trains the local classifiers of 'object': its row is what chance gives." if there else ""


def wins(rows: list[dict]) -> pd.DataFrame:
    """Return a row a training: n, how many win and lead, and shares in percent."""
    table = {}
    for row in rows:
        seed = f", seed {row['seed']}" if row["seed"] else ""
        table[f"{row['variant']}, scale {row['scale']}{seed}"] = {
            **{"n": row["n"], "win cells": row["winning"], "lead a category": row["leading"]},
            **{"largest share (%)": 100 * row["largest"], "1/n (%)": 100 / row["n"]},
            "won by leaders (%)": 100 * row["led"],
        }
    return pd.DataFrame(list(table.values()), index=list(table))


def _used(rows: list[dict]) -> str:
    row = rows[0]
    return (
        f"{row['winning']} of {row['n']} classifiers of {row['variant']} win attended cells at scale {row['scale']}; "
        f"the largest share is {100 * row['largest']:.1f}%, where all alike would have {100 / row['n']:.1f}%."
    )


def add_gap(page: Page, results: Results) -> None:
    """Add how much better training images are recognised than test images, with and without the local loss."""
    table = gaps(results.comparison)
    if not {"object: l_obj alone", "baseline: a mask of ones"} & set(table.index):
        return
    page.section(
        "Does the local loss reduce over-fitting? (5.6.1)",
        f'<span class="answer">{_reduced(results.comparison)}</span>'
        "The object-level classifier at scale 1, one network each, of the recipe's own seed. Training: random crops of "
        "the last epoch, as they were learnt from, so while the network still changed; in the last row whole images "
        "after training, which is known of ours alone. Training accuracy is a fact about these images: intervals "
        "cover other test images, and the difference, this gap minus that of ours, is paired by test image.",
    )
    page.table(table, "over-fitting")


def gaps(comparison: dict) -> pd.DataFrame:
    """Return accuracy (%) on training and on test images, and the gap in points, with intervals, of what was run."""
    found, rows = intervals.from_records(comparison.get("judged", [])), {}
    for title, (name, test) in GAPS.items():
        if name in found:
            row = {"training (%)": found[name].points + found[test].points}
            row |= numbers("test (%)", found[test]) | numbers("gap", found[name])
            rows[title] = row | numbers("difference", found.get(f"{name} minus gap of ours 1"))
    return pd.DataFrame.from_dict(rows, orient="index")


def _reduced(comparison: dict) -> str:
    """Say whether l_loc makes the gap smaller."""
    found = intervals.from_records(comparison["judged"])
    without = "the object loss alone" if "gap of object 1" in found else "the baseline"
    apart = found.get("gap of object 1 minus gap of ours 1") or found["gap of baseline 1 minus gap of ours 1"]
    low, high = apart.interval
    figure = f"the gap of {without} minus that of ours is {apart.points:+.1f} [{low:+.1f}, {high:+.1f}] points."
    if low > 0:
        return f"With l_loc the gap between training and test images is smaller: {figure}"
    if high < 0:
        return f"With l_loc the gap between training and test images is larger, against the paper: {figure}"
    return f"Whether l_loc reduces over-fitting cannot be told: {figure}"
