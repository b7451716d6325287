"""The command line of the stages: a command for each; it parses the options and calls the module of its name."""

import atexit
import gc
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from pipeline.errors import Command

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Reproduce 'Generating Attention from Classifier Activations for Fine-grained Recognition', stage by stage. "
    "'dvc repro' runs all stages in order, and only what has changed.",
)

Dataset = Annotated[str, typer.Argument(help="A recipe of params.yaml, such as cub.", show_default=False)]
Variant = Annotated[str, typer.Argument(help="ours, or another variant of params.yaml.")]
Seed = Annotated[int, typer.Option(min=0, help="Added to the recipe's own seed.")]
Scale = Annotated[int, typer.Option(min=1, max=3, help="1: whole images; 2 and 3: crops.")]
Fold = Annotated[int, typer.Option(min=0, max=3, help="Of the training split; 0: the official split.")]
Scales = Annotated[list[int], typer.Argument(min=1, max=3, help="The scales of ours, from 1 on.", show_default=False)]
Out = Annotated[Path, typer.Option(help="The folder to write.", file_okay=False)]
FileIn = Annotated[Path, typer.Option(help="The file to read.", exists=True, dir_okay=False)]
FileOut = Annotated[Path, typer.Option(help="The file to write.", dir_okay=False)]
Weights = Annotated[
    Path | None,
    typer.Option(help="What 'pipeline weights' wrote; not needed for weights 'none'.", exists=True, dir_okay=False),
]


def _folder(text: str) -> Any:
    return typer.Option(help=text, exists=True, file_okay=False)


Raw = Annotated[Path, _folder("Folder of the originals.")]
Images = Annotated[Path, _folder("The image set to read.")]
Trained = Annotated[Path, _folder("Folder that the train stage wrote.")]
AllTrained = Annotated[Path, _folder("Folder of all the dataset's train stages.")]
Attended = Annotated[Path, _folder("Folder that the attend stage wrote.")]
AllAttended = Annotated[Path, _folder("Folder of all the dataset's attend stages.")]


# Of the examples: a dataset that has run.
RAW, IMAGES = "--raw data/raw/birdlets", "--images data/birdlets/scale-1"
WEIGHTS = "--weights runs/birdlets/weights/ours.safetensors"
METRICS = "--metrics reports/metrics/birdlets.json"
RESULTS = "--runs runs/birdlets --taken data/raw/birdlets/taken.json"


def command(example: str, **settings: Any) -> Any:
    """Add a function to the command line, with an example of its use."""
    return app.command(cls=Command, epilog=f"Example: pipeline {example}", **settings)


def _version(asked: bool) -> None:
    if asked:
        from pipeline import version

        typer.echo(version.line())
        raise typer.Exit


Version = Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which this is.")]


@app.callback()
def main(version: Version = False) -> None:  # noqa: D103  (a docstring would replace the help text above)
    if sys.platform == "win32":
        typer.secho("error: this does not run on Windows itself; in WSL it does ('wsl --install')", fg="red", err=True)
        raise typer.Exit(1)
    for stream in (sys.stdout, sys.stderr):  # a letter that the terminal's encoding lacks stops no stage
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    # Importing torch and MLflow allocates a million long-lived objects. Python's garbage collector would scan them
    # again and again during the import, and once more at exit: a third of a stage's start (make bench).
    gc.set_threshold(100_000)
    atexit.register(gc.freeze)


@command("plan --datasets birdlets,cub10")
def plan(
    datasets: Annotated[str, typer.Option(help="Set the datasets that are run first, such as birdlets,cub10.")] = "",
    check: Annotated[bool, typer.Option("--check", help="Fail where cells.yaml was not up to date.")] = False,
) -> None:
    """Spell out in cells.yaml, for DVC, what 'plan' of params.yaml says is trained."""
    from pipeline import plan  # inside each command, so that --help does not wait for pandas and torch

    plan.run(words(datasets), check)


@command("download birdlets --out /tmp/raw")
def download(dataset: Dataset, out: Out) -> None:
    """Bring a dataset's raw files into a folder."""
    from pipeline import download, params
    from pipeline.datasets import sources

    download.run(sources.check(dataset, params.read(dataset).download), out)


@command(f"prepare birdlets {RAW} --out /tmp/images")
def prepare(dataset: Dataset, raw: Raw, out: Out) -> None:
    """Make a dataset's pictures ready for scale 1."""
    from pipeline import params, prepare

    prepare.run(params.read(dataset).prepare, raw, out)


@command("weights birdlets --out /tmp/weights.safetensors")
def weights(dataset: Dataset, out: FileOut, variant: Variant = "ours") -> None:
    """Bring the weights that a recipe's trainings start from onto this machine."""
    from pipeline import params

    recipe = params.read(dataset, variant)
    from pipeline import weights

    weights.run(recipe.network, out)


@command(
    f"launch train birdlets {IMAGES} {WEIGHTS} --out /tmp/train", context_settings={"ignore_unknown_options": True}
)
def launch(words: Annotated[list[str], typer.Argument(help="A command and its options.", show_default=False)]) -> None:
    """Run train or attend as 'accelerate launch -m pipeline' would: on all GPUs."""
    from pipeline import launch

    launch.hand_over(words)
    app(words, prog_name="pipeline")


@command(f"train birdlets {IMAGES} {WEIGHTS} --out /tmp/train")
def train(
    dataset: Dataset,
    images: Images,
    out: Out,
    variant: Variant = "ours",
    seed: Seed = 0,
    scale: Scale = 1,
    fold: Fold = 0,
    weights: Weights = None,
) -> None:
    """Train one network: the local and the object-level classifiers of a scale (section 4.4), or a variant of them."""
    from pipeline import params
    from pipeline.disk.cells import Cell

    recipe = params.read(dataset, variant, seed)  # by hand, a mistake is reported before torch is imported
    from pipeline import train

    train.run(Cell(dataset, variant, seed, scale, fold), recipe, images, weights, out)


@command(f"attend birdlets {IMAGES} --trained runs/birdlets/train/ours-0/scale-1 --out /tmp/attend")
def attend(
    dataset: Dataset,
    trained: Trained,
    images: Images,
    out: Out,
    variant: Variant = "ours",
    seed: Seed = 0,
    scale: Scale = 1,
    fold: Fold = 0,
    split: Annotated[Literal["all", "test"], typer.Option(help="all: training images too, to be cropped.")] = "all",
) -> None:
    """Run a trained network on every image once: predictions, maps, boxes."""
    from pipeline import attend
    from pipeline.disk.cells import Cell

    cell = Cell(dataset, variant, seed, scale, fold)
    attend.run(cell, trained, images, None if split == "all" else split, out)


@command(f"crop birdlets {RAW} {IMAGES} --attended runs/birdlets/attend/ours-0/scale-1 --out /tmp/crop")
def crop(
    dataset: Dataset, raw: Raw, attended: Attended, images: Images, out: Out, variant: Variant = "ours", fold: Fold = 0
) -> None:
    """Cut the attended regions from the originals and zoom them, for the next scale to read."""
    from pipeline import params

    recipe = params.read(dataset, variant).attend
    from pipeline import crop

    crop.run(recipe, raw, attended, images, out, fold)


@command(f"evaluate birdlets 1 2 3 {IMAGES} --attended runs/birdlets/attend --out /tmp/out --metrics /tmp/out.json")
def evaluate(
    dataset: Dataset, scales: Scales, attended: AllAttended, images: Images, out: Out, metrics: FileOut
) -> None:
    """Put the predictions of our scales together and measure them."""
    from pipeline import evaluate, params
    from pipeline.disk.cells import main_line

    folders = [main_line(dataset, scale).below(attended) for scale in scales]
    evaluate.run(dataset, params.read(dataset), folders, images, out, metrics)


@command(f"measure birdlets {IMAGES} --out /tmp/cost.json")
def measure(dataset: Dataset, images: Images, out: FileOut) -> None:
    """Count parameters and operations, and measure speed."""
    from pipeline import measure, params

    measure.run(params.read(dataset), images, out)


@command("compare birdlets --attended runs/birdlets/attend --trained runs/birdlets/train --metrics /tmp/variants.json")
def compare(dataset: Dataset, attended: AllAttended, trained: AllTrained, metrics: FileOut) -> None:
    """Measure the variants of the plan beside ours."""
    from pipeline import compare, trainings

    compare.run(dataset, trainings.read(dataset), attended, trained, metrics)


@command(f"export birdlets 1 2 3 {IMAGES} {METRICS} --trained runs/birdlets/train --out /tmp/model")
def export(dataset: Dataset, scales: Scales, trained: AllTrained, images: Images, metrics: FileIn, out: Out) -> None:
    """Put all that is needed to ask our scales about pictures into one folder."""
    from pipeline import export, params
    from pipeline.disk.cells import main_line

    folders = [main_line(dataset, scale).below(trained) for scale in scales]
    export.run(dataset, params.read(dataset), folders, images, metrics, out)


@command(f"report birdlets 1 2 3 {RESULTS} --data data/birdlets --reports reports --out /tmp/report")
def report(
    dataset: Dataset,
    scales: Scales,
    runs: Annotated[Path, _folder("The dataset's folder of runs.")],
    data: Annotated[Path, _folder("The dataset's folder of image sets.")],
    taken: Annotated[Path, typer.Option(help="What the download took and left out.", exists=True, dir_okay=False)],
    reports: Annotated[Path, _folder("Folder that holds published.yaml and metrics/.")],
    out: Out,
) -> None:
    """Render tables, figures and the page that shows them."""
    from pipeline import params, report
    from pipeline.reporting import results

    report.run(dataset, results.read(dataset, params.read(dataset), scales, runs, data, reports, taken), out)


def words(text: str) -> list[str]:
    """Split what an option lists between commas."""
    return [word.strip() for word in text.split(",") if word.strip()]
