"""The command line: one command per stage; it parses, and the stage works."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from pipeline.errors import InputError


class Command(TyperCommand):
    """A command that shows what a user can mend as one line."""

    def invoke(self, ctx: typer.Context) -> Any:
        """Run it; exit 1 where the input is at fault."""
        try:
            return super().invoke(ctx)
        except InputError as error:
            sys.stdout.flush()
            typer.secho(f"error: {error}", fg="red", err=True)
            raise typer.Exit(1) from None


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
    """Split a dataset officially and make its images ready for scale 1."""
    from pipeline import params, prepare

    recipe = params.read(dataset)
    prepare.run(recipe.download, recipe.prepare, raw, out)


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
    looked: Annotated[list[Path], _folder("Folders that the attend stages wrote, scale 1 first.")],
    images: Images,
    out: Out,
    metrics: Annotated[Path, typer.Option(help="The JSON file of results to write.", dir_okay=False)],
) -> None:
    """Put the scales' predictions together and measure them."""
    from pipeline import evaluate

    evaluate.run(dataset, looked, images, out, metrics)


@app.command(cls=Command)
def report(
    dataset: Dataset,
    runs: Annotated[Path, _folder("The dataset's folder of runs.")],
    images: Annotated[list[Path], _folder("Folders of images that the scales read, scale 1 first.")],
    metrics: Annotated[Path, typer.Option(help="The JSON file of results.", exists=True, dir_okay=False)],
    out: Out,
) -> None:
    """Render tables, figures and the page that shows them."""
    from pipeline import report

    report.run(dataset, runs, images, metrics, out)
