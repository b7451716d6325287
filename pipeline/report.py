"""Stage: render what the other stages wrote as tables, figures and one page; it only counts what they answered."""

from collections.abc import Collection
from html import escape
from pathlib import Path

import pandas as pd

from pipeline.disk import files, outputs
from pipeline.reporting import (
    claim_sections,
    claims,
    examples,
    explaining_sections,
    failure_sections,
    figures,
    tables,
)
from pipeline.reporting.page import Page
from pipeline.reporting.results import Results, is_own
from pipeline.tracking import run as tracking

N_RIGHT, N_WRONG, N_BOXES = 6, 4, 12  # images shown in the galleries
WRITTEN = ("index.html", "*.csv", "*.md", "*.tex", "*.png", "*.svg")
BOXES = {"true": "true box", "attended": "attended", "next": "what the next scale sees"}


def run(dataset: str, found: Results, out: Path) -> None:
    """Write index.html and what it shows to the folder ``out``."""
    outputs.check_folder(out, WRITTEN)
    with files.atomic_write(out) as folder, tracking.run(dataset, "report", {}) as tracker:
        folder.mkdir()
        page = Page(f"foveate: {dataset}", _lead(found), folder, out.as_posix())
        for add in OWN if is_own(found) else PAPER:
            add(page, found)
        _made_by(page, found, dataset)
        page.write()
        tracker.files(folder)
    print(f"\n{tables.to_markdown(tables.table_6(found.metrics))}\n{dataset}: {out / 'index.html'}")


def _lead(results: Results) -> str:
    counts = tables.table_1(results.scales[0].images.index, None).loc["ours"]
    scale = _last_scale(results)
    low, high = results.metrics.get("intervals", {}).get("acc_avg", {}).get(scale, (None, None))
    between = "" if low is None else f" [{low:.1f}, {high:.1f}]"
    most = results.scales[0].images.index.query("split == 'test'").label.value_counts(normalize=True).max()
    return (
        f"{counts.iloc[0]} classes, {counts.iloc[1]:,} training and {counts.iloc[2]:,} test images; "
        f"{'multi-scale' if scale == 'ms' else f'scale-{scale}'} accuracy {results.metrics['acc_avg'][scale]:.1f}%"
        f"{between}; one and the same answer for all would give {100 * most:.1f}%"
    )


def _dataset(page: Page, results: Results) -> None:
    title = "The dataset" if is_own(results) else "Table 1: the dataset"
    page.section(title, f"The pictures: {escape('; '.join(results.taken))}.")
    page.table(tables.table_1(results.scales[0].images.index, results.published), "table-1")


def _methods(page: Page, results: Results) -> None:
    table = tables.methods(results.comparison, results.recipe.network.backbone, results.published)
    if is_own(results):
        table = table[table.measured.notna() | table.published.notna()]
        if len(table) == 1:  # ours, which Table 6 has
            return
    crops = any("*" in name for name in table.index)
    page.section(
        "Tables 2 to 4: accuracy (%)",
        "One network each, of the recipe's own seed; 95% intervals over the test images."
        f"{' * trained on the crops that our model generates.' if crops else ''}"
        " 'annotation': trained with more than image labels.",
    )
    page.table(table, "table-2-to-4")


def _accuracy(page: Page, results: Results) -> None:
    table, scale = tables.table_6(results.metrics, results.published), _last_scale(results)
    where = {"ms": "at each scale and over all scales", "1": "at scale 1"}.get(scale, "at each scale")
    page.section(
        f"Accuracy (%) {where}" if is_own(results) else f"Table 6: accuracy (%) {where}",
        "Acc<sub>loc</sub>: local classifiers, averaged over space. Acc<sub>obj</sub>: object-level classifier. "
        f"Acc<sub>avg</sub>: mean of both. 95% intervals over the test images. "
        f"{'ms: mean over the scales. ' if 'ms' in table else ''}"
        f"Mean of the classes' own accuracies, {'multi-scale' if scale == 'ms' else f'scale {scale}'}: "
        f"{results.metrics['acc_avg_per_class'][scale]:.1f}%.",
    )
    page.table(table, "table-6", best=True)


def _losses(page: Page, results: Results) -> None:
    accuracy = results.comparison["accuracy"]
    if is_own(results) and not {"local", "object", "baseline"} & set(accuracy):
        return
    scale = claims.common_scale(accuracy["ours"], *(accuracy.get(name, {}) for name in ("local", "object")))
    page.section(
        f"Table 5: one loss alone, {_at(scale)}",
        "Object loss alone twice: with its literal mask, Otsu of local classifiers that no loss trains, and with a "
        "mask of ones, which is the baseline.",
    )
    page.table(tables.table_5(results.comparison, results.published, scale), "table-5")


def _classifiers(page: Page, results: Results) -> None:
    scale, curve = claims.by_n(results.comparison["accuracy"], results.recipe.network.n_classifiers)
    if is_own(results) and len(curve) < 2:
        return
    note = f"Values not run are absent. {_at(scale).capitalize()}. Bars: 95% intervals over the test images."
    page.section("Figure 8: number of local classifiers", note)
    rows, n = results.comparison["interval"], results.recipe.network.n_classifiers
    intervals = {m: rows["ours" if m == n else f"n-{m}"][scale] for m in curve}
    page.picture(figures.classifiers(curve, intervals), "figure-8", "accuracy against the number of local classifiers")


def _seeds(page: Page, results: Results) -> None:
    repeated = tables.seeds(results.comparison)
    if repeated is not None:
        page.section(
            "Spread over seeds",
            "Other classifiers to start from, another order, other random crops; from scale 2 on other boxes. "
            "The interval of the mean covers other images and other seeds.",
        )
        page.table(repeated, "seeds")


def _attention(page: Page, results: Results) -> None:
    all_stand_ins = figures.stand_ins(results.scales[0].images.class_names)
    for right, n, title in ((True, N_RIGHT, "recognised"), (False, N_WRONG, "mistaken")):
        chosen = examples.choose(results.predictions, right, n)
        if chosen.empty:
            continue
        shown = [examples.gather(row, results.scales) for _, row in chosen.iterrows()]
        legend = _legend({name for example in shown for view in example.views for name in view.boxes})
        names = {example.truth for example in shown} | {view.prediction for example in shown for view in example.views}
        stand_ins, note = figures.explained(all_stand_ins, names)
        number = "Attention" if is_own(results) else "Figures 4 to 6: attention"
        page.section(f"{number}, images {title}", f"Evenly picked from the test split.{legend}.{note}")
        name = "gallery-right" if right else "gallery-wrong"
        page.picture(figures.gallery(shown, stand_ins), name, "each image at each scale: seen, attention, mask")


def _boxes(page: Page, results: Results) -> None:
    table = tables.localisation(results.metrics, results.published)
    if table is None:
        return
    total = len(results.predictions)
    boxed = results.metrics.get("true_boxes", {}).get("test images", total)
    where = f"all {total:,}" if boxed == total else f"the {boxed:,} with a true box of all {total:,}"
    page.section(
        "Attended and true boxes" if is_own(results) else "Figure 7: attended and true boxes",
        f"On {where} test images. Overlap of the box around all attended cells with the true box, which no training "
        "saw, beside what needs no attention: the whole image, and the best box of one size in every image's middle."
        f"{claim_sections.of_several(results)}"
        f"{_legend(('true', 'attended'))} at scale 1.",
    )
    page.table(table, "localisation")
    index = results.scales[0].images.index
    rows = results.predictions[results.predictions.id.isin(index.id[index.x0.notna()])]
    rows = rows.iloc[:: max(1, len(rows) // N_BOXES)].head(N_BOXES)
    shown = [examples.gather(row, results.scales) for _, row in rows.iterrows()]
    page.picture(figures.boxes(shown), "figure-7", "attended and true boxes on test images")


def _cost(page: Page, results: Results) -> None:
    table = tables.cost(results.cost, results.comparison)
    if is_own(results):
        table = table.dropna()  # what was not trained
    image, device = results.cost["image"], escape(results.cost["device"])
    where = f"{image} x {image} pixels, {device}, forward pass only"
    page.section("Cost beside accuracy", f"Measured at {where}.")
    page.table(table, "cost")
    page.picture(figures.cost(table), "cost", "accuracy against operations an image")


def _training(page: Page, results: Results) -> None:
    page.section("Training", "The test images are looked at for these curves only; the last epoch counts.")
    page.picture(figures.curves(results.histories), "curves", "losses and accuracies per epoch")


def _made_by(page: Page, results: Results, dataset: str) -> None:
    values = {f"recipes.{dataset}.{name}": value for name, value in tracking.flatten(dict(results.recipe)).items()}
    for number, (scale, weights) in enumerate(zip(results.scales, results.weights, strict=True), start=1):
        values[f"images of scale {number}, digest"] = scale.images.digest
        values[f"weights of scale {number}, SHA-256"] = weights
    page.section(
        "What made this",
        f"The recipe in params.yaml, and digests of what was read. MLflow has the trainings, with their losses: "
        f"experiment {escape(dataset)}, runs {escape(dataset)}/train-ours-0-1 and on ('mlflow ui'). The commit and the "
        "date are in reports/index.html ('pipeline index' writes it): here they would make an old result look new.",
    )
    page.listing(pd.DataFrame({"value": {name: str(value) for name, value in values.items()}}))


def _legend(drawn: Collection[str]) -> str:
    keys = {text: figures.BOX_COLOURS[name] for name, text in BOXES.items() if name in drawn}
    return "".join(f'<span class="key" style="border-color: {colour}"></span>{text}' for text, colour in keys.items())


def _last_scale(results: Results) -> str:
    """Return 'ms' where all three scales have been run, else the last scale that has been."""
    return claims.common_scale(results.metrics["acc_avg"])


def _at(scale: str) -> str:
    return "over all three scales" if scale == "ms" else f"at scale {scale}"


# Sections in their order: the paper's, with its numbers; for own pictures first what came out.
PAPER = (
    *(
        claim_sections.add,
        _dataset,
        _methods,
        claim_sections.add_controls,
        _accuracy,
        _losses,
        explaining_sections.add_gap,
        _classifiers,
        explaining_sections.add_wins,
        _seeds,
        explaining_sections.add_anatomy,
        _attention,
    ),
    *(failure_sections.add, _boxes, _cost, _training),
)
OWN = (
    *(_accuracy, failure_sections.add, _attention, explaining_sections.add_anatomy, _boxes, _dataset, _cost, _training),
    *(claim_sections.add, _methods, claim_sections.add_controls, _losses, explaining_sections.add_gap, _classifiers),
    *(explaining_sections.add_wins, _seeds),
)
