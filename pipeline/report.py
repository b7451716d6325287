"""Stage: render what the other stages wrote as tables, figures and one page; it computes nothing new."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipeline import claims, examples, figures, files, params, published, tables, tracking
from pipeline.figures import ATTENDED_BOX, NEXT_BOX, TRUE_BOX
from pipeline.page import Page

N_RIGHT, N_WRONG, N_BOXES = 6, 4, 12  # images shown in the galleries


@dataclass(frozen=True)
class Results:
    """All that the report is made of."""

    metrics: dict
    comparison: dict
    cost: dict
    predictions: pd.DataFrame
    histories: list[pd.DataFrame]
    scales: list[examples.Scale]
    published: dict | None
    recipe: params.Recipe


def run(dataset: str, recipe: params.Recipe, runs: Path, images: list[Path], reports: Path, out: Path) -> None:
    """Write index.html and what it shows to the folder ``out``.

    runs     the dataset's folder of runs
    images   the folders that the scales read, scale 1 first
    reports  holds published.yaml and metrics/
    """
    results = read(dataset, recipe, runs, images, reports)
    with files.whole(out) as folder, tracking.run(dataset, "report", {}) as tracker:
        folder.mkdir()
        page = Page(f"foveate: {dataset}", _lead(results))
        for add in (_claims, _accuracy, _variants, _attention, _boxes, _cost, _training):
            add(page, results, folder)
        page.write(folder / "index.html")
        tracker.files(folder)
    print(f"\n{tables.to_markdown(tables.table_6(results.metrics))}\n{dataset}: {out / 'index.html'}")


def read(dataset: str, recipe: params.Recipe, runs: Path, images: list[Path], reports: Path) -> Results:
    """Read what the stages wrote."""
    numbers = range(1, len(images) + 1)
    return Results(
        metrics=files.read_json(reports / "metrics" / f"{dataset}.json"),
        comparison=files.read_json(reports / "metrics" / f"{dataset}.variants.json"),
        cost=files.read_json(runs / "cost.json"),
        predictions=pd.read_csv(runs / "evaluate" / "predictions.csv", dtype={"id": str}),
        histories=[pd.read_csv(runs / f"train-{n}" / "history.csv") for n in numbers],
        scales=[examples.read(folder, runs / f"attend-{n}") for n, folder in zip(numbers, images, strict=True)],
        published=published.read(reports / "published.yaml", recipe.download),
        recipe=recipe,
    )


def _lead(results: Results) -> str:
    counts = tables.table_1(results.scales[0].images.index, None).loc["ours"]
    return (
        f"{counts.iloc[0]} classes, {counts.iloc[1]:,} training and {counts.iloc[2]:,} test images; "
        f"multi-scale accuracy {results.metrics['acc_avg']['ms']:.1f}%"
    )


def _claims(page: Page, results: Results, folder: Path) -> None:
    judged = claims.judge(results.metrics, results.comparison, results.recipe.network.n_classifiers)
    table = claims.to_table(judged)
    tables.write(table, folder / "claims")
    page.section("The paper's claims, on this dataset", "Final epoch, test split. What was not run is not judged.")
    page.table(table, words=True)


def _accuracy(page: Page, results: Results, folder: Path) -> None:
    table_1 = tables.table_1(results.scales[0].images.index, results.published)
    methods = tables.methods(results.comparison, results.recipe.network.backbone, results.published)
    table_6 = tables.table_6(results.metrics, results.published)
    for name, table in (("table-1", table_1), ("table-2-to-4", methods), ("table-6", table_6)):
        tables.write(table, folder / name)
    page.section("Table 1: the dataset")
    page.table(table_1)
    page.section(
        "Tables 2 to 4: accuracy (%)",
        "With 95% bootstrap intervals over the test images. * trained on the crops that our model generates. "
        "'annotation': trained with more than image labels.",
    )
    page.table(methods)
    page.section(
        "Table 6: accuracy (%) at each scale and over all scales",
        "Acc<sub>loc</sub>: local classifiers, averaged over space. Acc<sub>obj</sub>: object-level classifier. "
        "Acc<sub>avg</sub>: mean of both. ms: mean over the scales. Mean of the classes' own accuracies, multi-scale: "
        f"{results.metrics['acc_avg_per_class']['ms']:.1f}%.",
    )
    page.table(table_6, best=True)


def _variants(page: Page, results: Results, folder: Path) -> None:
    accuracy = results.comparison["accuracy"]
    present = [accuracy[name] for name in ("local", "object") if name in accuracy]
    scale = claims.common_scale(accuracy["ours"], *present) if present else "1"
    table = tables.table_5(results.comparison, results.published, scale)
    tables.write(table, folder / "table-5")
    where = "over all three scales" if scale == "ms" else f"at scale {scale}"
    page.section(
        f"Table 5: one loss alone, {where}",
        "Object loss alone twice: with its literal mask, Otsu of local classifiers that no loss trains, and with a "
        "mask of ones, which is the baseline.",
    )
    page.table(table)
    curve = claims.by_n(accuracy, results.recipe.network.n_classifiers)
    page.section("Figure 8: number of local classifiers", f"Values not run are absent. {_at(accuracy)}")
    _picture(page, figures.classifiers(curve), folder, "figure-8", "accuracy against the number of local classifiers")
    repeated = tables.seeds(results.comparison)
    if repeated is not None:
        tables.write(repeated, folder / "seeds")
        page.section(
            "Spread over seeds", "Other classifiers to start from, another order, other crops; the same boxes."
        )
        page.table(repeated)


def _at(accuracy: dict) -> str:
    rows = [row for name, row in accuracy.items() if name.startswith("n-")]
    scale = claims.common_scale(accuracy["ours"], *rows)
    return "Over all three scales." if scale == "ms" else f"At scale {scale}."


def _attention(page: Page, results: Results, folder: Path) -> None:
    keys = {"true box": TRUE_BOX, "attended": ATTENDED_BOX, "what the next scale sees": NEXT_BOX}
    legend = "".join(f'<span class="key" style="border-color: {c}"></span>{text}' for text, c in keys.items())
    for right, n, title in ((True, N_RIGHT, "recognised"), (False, N_WRONG, "mistaken")):
        chosen = examples.choose(results.predictions, right, n)
        if chosen.empty:
            continue
        shown = [examples.gather(row, results.scales) for _, row in chosen.iterrows()]
        page.section(f"Figures 4 to 6: attention, images {title}", f"Evenly picked from the test split.{legend}.")
        name = "gallery-right" if right else "gallery-wrong"
        _picture(page, figures.gallery(shown), folder, name, "each image at each scale: seen, attention, mask")


def _boxes(page: Page, results: Results, folder: Path) -> None:
    table = tables.localisation(results.metrics, results.published)
    if table is None:
        return
    tables.write(table, folder / "localisation")
    page.section(
        "Figure 7: attended and true boxes",
        "Overlap of the box around all attended cells with the true box, which no training saw, beside what needs no "
        "attention: the whole image, and the best box of one size in the middle of every image. Green: true, blue: "
        "attended at scale 1.",
    )
    page.table(table)
    rows = results.predictions.iloc[:: max(1, len(results.predictions) // N_BOXES)].head(N_BOXES)
    shown = [examples.gather(row, results.scales) for _, row in rows.iterrows()]
    _picture(page, figures.boxes(shown), folder, "figure-7", "attended and true boxes on test images")


def _cost(page: Page, results: Results, folder: Path) -> None:
    table = tables.cost(results.cost, results.comparison)
    tables.write(table, folder / "cost")
    where = f"{results.cost['image']} x {results.cost['image']} pixels, {results.cost['device']}, forward pass only"
    page.section("Cost beside accuracy", f"Measured at {where}.")
    page.table(table)
    _picture(page, figures.cost(table), folder, "cost", "accuracy against operations an image")


def _training(page: Page, results: Results, folder: Path) -> None:
    page.section("Training", "The test images are looked at for these curves only; the last epoch counts.")
    _picture(page, figures.curves(results.histories), folder, "curves", "losses and accuracies per epoch")


def _picture(page: Page, figure: figures.Figure, folder: Path, name: str, alternative: str) -> None:
    figures.save(figure, folder / name)
    page.picture(f"{name}.png", alternative)
