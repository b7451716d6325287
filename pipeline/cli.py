"""The command line: one command per stage; it parses, and the stage works."""

import atexit
import gc
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from pipeline.errors import InputError, StoppedError

# Torch and MLflow make a million objects that stay. Python's collector would go through them again and again while they
# are imported, and once more at exit: a third of what a stage takes beside its work (make bench).
gc.set_threshold(100_000)
atexit.register(gc.freeze)


class Command(TyperCommand):
    """A command that shows what a user can mend as one line."""

    def invoke(self, ctx: typer.Context) -> Any:
        """Run it; exit 1 where the input is at fault, 130 where it was asked to stop."""
        try:
            return super().invoke(ctx)
        except InputError as error:
            sys.stdout.flush()
            typer.secho(f"error: {error}", fg="red", err=True)
            raise typer.Exit(1) from None
        except StoppedError as stop:
            sys.stdout.flush()
            if str(stop):  # the main process speaks for all
                typer.secho(str(stop), fg="yellow", err=True)
            raise typer.Exit(130) from None


app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Reproduce 'Generating Attention from Classifier Activations for Fine-grained Recognition', stage by stage. "
    "'dvc repro' runs all stages in order, and only what has changed.",
)

Dataset = Annotated[str, typer.Argument(help="A recipe of params.yaml, such as cub.", show_default=False)]
Scale = Annotated[int, typer.Argument(min=1, max=3, help="1: whole images; 2 and 3: crops.", show_default=False)]


def _folder(text: str) -> Any:
    return typer.Option(help=text, exists=True, file_okay=False)


Raw = Annotated[Path, _folder("Folder of the originals.")]
Images = Annotated[Path, _folder("Folder of images that this scale reads.")]
Trained = Annotated[Path, _folder("Folder that the train stage wrote.")]
Looked = Annotated[Path, _folder("Folder that the attend stage wrote.")]
AllImages = Annotated[list[Path], _folder("Folders of images that the scales read, scale 1 first.")]
AllLooked = Annotated[list[Path], _folder("Folders that the attend stages wrote, scale 1 first.")]
Out = Annotated[Path, typer.Option(help="The folder to write.", file_okay=False)]


@app.callback()
def main() -> None:  # noqa: D103  (its docstring would be the help, which stands above)
    pass


@app.command(cls=Command)
def download(dataset: Dataset, out: Out) -> None:
    """Bring a dataset's raw files into a folder."""
    from pipeline import download, params  # in each command, so that --help does not wait for pandas and torch

    download.run(params.read(dataset).download, out)


@app.command(cls=Command)
def prepare(dataset: Dataset, raw: Raw, out: Out) -> None:
    """Make a dataset's pictures ready for scale 1."""
    from pipeline import params, prepare

    prepare.run(params.read(dataset).prepare, raw, out)


@app.command(cls=Command, context_settings={"ignore_unknown_options": True})
def launch(words: Annotated[list[str], typer.Argument(help="A command and its options.", show_default=False)]) -> None:
    """Run train, attend or vary as 'accelerate launch -m pipeline' would: on all GPUs."""
    from pipeline import launch

    launch.run(words)


@app.command(cls=Command)
def train(dataset: Dataset, scale: Scale, images: Images, out: Out) -> None:
    """Train the local and the object-level classifiers of one scale (section 4.4)."""
    from pipeline import params

    recipe = params.read(dataset)
    from pipeline import train

    train.run(dataset, scale, recipe, images, out)


@app.command(cls=Command)
def attend(dataset: Dataset, scale: Scale, trained: Trained, images: Images, out: Out) -> None:
    """Look once at every image with a trained scale: predictions, maps, boxes."""
    from pipeline import params

    recipe = params.read(dataset)
    from pipeline import attend

    attend.run(dataset, scale, recipe, trained, images, out)


@app.command(cls=Command)
def crop(dataset: Dataset, raw: Raw, looked: Looked, images: Images, out: Out) -> None:
    """Cut the attended boxes from the originals and zoom them, for the next scale to read."""
    from pipeline import crop, params

    crop.run(params.read(dataset).prepare, raw, looked, images, out)


@app.command(cls=Command)
def evaluate(
    dataset: Dataset,
    looked: AllLooked,
    images: Images,
    out: Out,
    metrics: Annotated[Path, typer.Option(help="The JSON file of results to write.", dir_okay=False)],
) -> None:
    """Put the scales' predictions together and measure them."""
    from pipeline import evaluate, params

    evaluate.run(dataset, params.read(dataset), looked, images, out, metrics)


@app.command(cls=Command)
def vary(
    dataset: Dataset,
    variant: Annotated[str, typer.Argument(help="baseline, local, object, n-4, ...", show_default=False)],
    images: AllImages,
    out: Out,
    seed: Annotated[int, typer.Option(min=0, help="Added to the recipe's own seed.")] = 0,
) -> None:
    """Train a baseline or an ablation on the same images as ours (sections 5.3 and 5.6)."""
    from pipeline import params

    recipe = params.read(dataset)
    from pipeline import vary

    vary.run(dataset, variant, seed, recipe, images, out)


@app.command(cls=Command)
def measure(
    dataset: Dataset, images: Images, out: Annotated[Path, typer.Option(help="The JSON file to write.")]
) -> None:
    """Count parameters and operations, and measure speed."""
    from pipeline import measure, params

    measure.run(params.read(dataset), images, out)


@app.command(cls=Command)
def compare(
    dataset: Dataset,
    looked: AllLooked,
    varied: Annotated[Path, typer.Option(help="Folder of the vary stages.", file_okay=False)],
    metrics: Annotated[Path, typer.Option(help="The JSON file of results to write.", dir_okay=False)],
) -> None:
    """Measure the variants beside the main line."""
    from pipeline import compare

    compare.run(dataset, looked, varied, metrics)


@app.command(cls=Command)
def report(
    dataset: Dataset,
    runs: Annotated[Path, _folder("The dataset's folder of runs.")],
    images: AllImages,
    reports: Annotated[Path, _folder("Folder that holds published.yaml and metrics/.")],
    out: Out,
) -> None:
    """Render tables, figures and the page that shows them."""
    from pipeline import params, report

    report.run(dataset, params.read(dataset), runs, images, reports, out)


@app.command(cls=Command)
def ablate(
    dataset: Annotated[list[str] | None, typer.Option(help="Where; without it, on all that are run.")] = None,
    n_classifiers: Annotated[str, typer.Option(help="Numbers of local classifiers, such as 1,2,4,8,16.")] = "",
    loss: Annotated[str, typer.Option(help="Losses to train alone, such as local,object.")] = "",
) -> None:
    """Train what is missing of some ablations, through DVC, and show them (section 5.6, Figure 8)."""
    from pipeline import ablate

    ablate.run(dataset or [], _words(n_classifiers), _words(loss))


@app.command(cls=Command)
def check(
    dataset: Annotated[list[str] | None, typer.Option(help="What; without it, all datasets that have floors.")] = None,
    update: Annotated[bool, typer.Option("--update", help="Write the floors anew, from the current results.")] = False,
    tolerance: Annotated[float, typer.Option(min=0, help="With --update: points that a metric may lose.")] = 3.0,
    reports: Annotated[Path, typer.Option(help="Folder that holds expected.yaml and metrics/.")] = Path("reports"),
) -> None:
    """Compare results with the floors in git: exit 1 if one has fallen below, 2 if one is missing."""
    from pipeline import check

    raise typer.Exit(check.run(dataset or [], reports, tolerance if update else None))


@app.command(cls=Command)
def send() -> None:
    """Send to MLflow's store what it did not get while it did not answer."""
    from pipeline import tracking

    raise typer.Exit(1 if tracking.send() else 0)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
