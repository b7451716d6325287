"""The whole command line: to those of the stages it adds the commands around them, which people call by hand."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from pipeline.cli_stages import Dataset, app, command, words  # noqa: F401  (app: this is where all of it is)

Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE", help="Pictures, folders of them, or - for names on standard input.", show_default=False
    ),
]
Model = Annotated[
    Path | None,
    typer.Option(help="The folder that 'pipeline export' wrote; without it, the only runs/*/model."),
]
TopK = Annotated[int, typer.Option(min=1, help="How many classes are named.")]
Scores = Annotated[bool, typer.Option("--scores", help="Also each scale's and level's probabilities of these classes.")]
NewFolder = Annotated[Path | None, typer.Option(help="A new folder for the rows, and for drawings.", file_okay=False)]
Overlay = Annotated[bool, typer.Option("--overlay", help="With --out: draw where each scale looked.")]
Format = Annotated[Literal["text", "csv", "jsonl"], typer.Option(help="How rows are written.")]
Threshold = Annotated[float, typer.Option(min=0, max=1, help="A less probable answer is none.")]
Device = Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="Where the networks run.")]
Batch = Annotated[
    int | None, typer.Option(min=1, help="Pictures of one shape that a network sees at once: 32 on a GPU, 8 on a CPU.")
]
Name = Annotated[str, typer.Argument(help="What to call the dataset, such as gulls.", show_default=False)]
Folder = Annotated[Path, typer.Argument(help="Your pictures, a folder for each class.", show_default=False)]
Small = Annotated[bool, typer.Option("--small", help="A first look: fewer epochs, smaller pictures.")]
WithBaseline = Annotated[bool, typer.Option("--baseline", help="Also train the paper's baseline, to compare.")]
Boxes = Annotated[Path | None, typer.Option(help="A table of file,x0,y0,x1,y1: true boxes.", exists=True)]
Split = Annotated[Path | None, typer.Option(help="A table of file,split or file,group.", exists=True)]
Broken = Annotated[Literal["stop", "leave-out"], typer.Option(help="What pictures that do not decode do.")]
Jobs = Annotated[str, typer.Option("--jobs", "-j", help="How many stages at once; auto: the GPUs or cores.")]
KeepGoing = Annotated[bool, typer.Option("--keep-going", "-k", help="Go on with what no failure touches.")]
Dry = Annotated[bool, typer.Option("--dry", help="Print what would run, and how long it took before.")]
Retries = Annotated[int, typer.Option(min=0, help="Times that a stage ended by a signal is started again.")]
Through = Annotated[str, typer.Option(help="A cluster's launcher for trainings, such as 'srun -n1 -c8'.")]


@command("new gulls ~/photos/gulls --small")
def new(
    name: Name,
    folder: Folder,
    small: Small = False,
    baseline: WithBaseline = False,
    boxes: Boxes = None,
    split: Split = None,
    broken: Broken = "stop",
) -> None:
    """Begin with your own pictures: write a recipe and a plan that suit them and this machine."""
    from pipeline import new

    new.run(name, folder, new.Wanted(small, baseline, boxes, split, broken))


@command("repro --jobs 4 --keep-going")
def repro(
    stages: Annotated[list[str] | None, typer.Argument(help="Stages; without any, all.", show_default=False)] = None,
    jobs: Jobs = "auto",
    keep_going: KeepGoing = False,
    dry: Dry = False,
    retries: Retries = 0,
    through: Through = "",
) -> None:
    """Run what is out of date as 'dvc repro' does, several stages at once."""
    from pipeline import index, repro

    options = _options(jobs, keep_going, retries, through)
    if dry:
        raise typer.Exit(repro.dry(stages or []))
    if status := repro.run(stages or [], options):
        raise typer.Exit(status)
    index.update()


def _options(jobs: str, keep_going: bool, retries: int, through: str) -> Any:
    from pipeline.scheduling.coordinator import Options

    if jobs != "auto" and (not jobs.isdecimal() or int(jobs) < 1):
        raise typer.BadParameter(f"must be 1 or more, or auto, got {jobs!r}", param_hint="--jobs")
    if through and jobs == "auto":
        raise typer.BadParameter("--through: say how many at once the cluster should run, such as -j 8")
    return Options(None if jobs == "auto" else int(jobs), keep_going, retries, through)


@command("ablate --n-classifiers 1,2,4,8,16 --dataset birdlets")
def ablate(
    dataset: Annotated[list[str] | None, typer.Option(help="Where; without it, on all that are run.")] = None,
    n_classifiers: Annotated[str, typer.Option(help="Numbers of local classifiers, such as 1,2,4,8,16.")] = "",
    loss: Annotated[str, typer.Option(help="Losses to train alone, such as local,object.")] = "",
    variant: Annotated[str, typer.Option(help="Other variants of params.yaml, such as smooth.")] = "",
    jobs: Jobs = "auto",
    keep_going: KeepGoing = False,
    dry: Dry = False,
    retries: Retries = 0,
    through: Through = "",
) -> None:
    """Train what is missing of some ablations, through DVC, and show them (section 5.6, Figure 8)."""
    from pipeline import ablate

    options = _options(jobs, keep_going, retries, through)
    asked = dataset or [], words(n_classifiers), words(loss), words(variant)
    if dry:
        ablate.dry(*asked)
    else:
        ablate.run(*asked, options)


@command("choose birdlets --variant baseline,n-4")
def choose(
    dataset: Dataset,
    variant: Annotated[str, typer.Option(help="Settings to try: variants of params.yaml, such as smooth,n-4.")] = "",
    out: Annotated[Path | None, typer.Option(help="A Markdown file for the table.", dir_okay=False)] = None,
    jobs: Jobs = "auto",
    keep_going: KeepGoing = False,
    dry: Dry = False,
    retries: Retries = 0,
    through: Through = "",
) -> None:
    """Try settings on folds of the training split, without a look at the test split, and show what they do."""
    from pipeline import choose

    options = _options(jobs, keep_going, retries, through)
    if dry:
        choose.dry(dataset, words(variant))
    else:
        choose.run(dataset, words(variant), out, options)


@command("calibrate birdlets --jobs 2")
def calibrate(
    dataset: Dataset,
    fold: Annotated[int, typer.Option(min=1, max=3, help="Of the training split; trained on are the others.")] = 1,
    jobs: Jobs = "auto",
    keep_going: KeepGoing = False,
    dry: Dry = False,
    retries: Retries = 0,
    through: Through = "",
) -> None:
    """Fit, on a fold of the training split, how sure the final answer may be; write it into the recipe."""
    from pipeline import calibrate

    options = _options(jobs, keep_going, retries, through)
    if dry:
        calibrate.dry(dataset, fold)
    else:
        calibrate.run(dataset, fold, options)


@command("check --base main")
def check(
    dataset: Annotated[list[str] | None, typer.Option(help="What; without it, all with floors or results.")] = None,
    update: Annotated[bool, typer.Option("--update", help="Write the floors anew, from the current results.")] = False,
    tolerance: Annotated[float, typer.Option(min=0, help="With --update: points that a metric may lose.")] = 3.0,
    why: Annotated[str, typer.Option(help="With --update: why floors fall, in a line.")] = "",
    base: Annotated[str | None, typer.Option(help="A commit; a floor lower than there needs a new line 'why'.")] = None,
    committed: Annotated[bool, typer.Option("--committed", help="Fail where git has other results.")] = False,
    reports: Annotated[Path, typer.Option(help="Folder that holds expected.yaml and metrics/.")] = Path("reports"),
) -> None:
    """Compare results with the floors in git: exit 1 if one has fallen below, 2 if anything is missing or damaged."""
    from pipeline import check

    if (update and (base or committed)) or (why and not update):
        raise typer.BadParameter("--update writes floors, --base and --committed judge them; --why is for --update")
    if update:
        raise typer.Exit(check.update(dataset or [], reports, tolerance, why))
    raise typer.Exit(check.run(dataset or [], reports, base, committed))


@command("index")
def index() -> None:
    """Write reports/index.html, which leads to the reports of all datasets; 'pipeline repro' does so at its end."""
    from pipeline import index

    index.run()


@command("predict photos --model runs/birdlets/model --top-k 3")
def predict(
    source: Sources,
    model: Model = None,
    top_k: TopK = 5,
    scores: Scores = False,
    out: NewFolder = None,
    overlay: Overlay = False,
    format: Format = "text",
    threshold: Threshold = 0.0,
    device: Device = "auto",
    batch: Batch = None,
) -> None:
    """Ask a trained model about pictures: what they show, and where it looked; exit 1 if any could not be read."""
    from pipeline import predict

    wanted = predict.Wanted(top_k, scores, threshold, format, overlay, device, batch)
    raise typer.Exit(predict.run(source, model, out, wanted))


@command("register birdlets --alias champion")
def register(
    dataset: Dataset,
    alias: Annotated[str, typer.Option(help="What the version is called, until another is.")] = "champion",
) -> None:
    """Register a trained model with MLflow, which serves and loads it by its name: models:/DATASET@ALIAS."""
    from pipeline import register

    register.run(dataset, alias)


@command("send")
def send() -> None:
    """Send to MLflow's store what it did not get while it did not answer."""
    from pipeline.tracking import outbox

    raise typer.Exit(1 if outbox.send_all() else 0)


@command("show --model runs/birdlets/model --port 8000")
def show(
    model: Model = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where; 0: any that is free.")] = 0,
) -> None:
    """Serve a page, on this machine alone, that answers for a picture and shows where each scale looked."""
    from pipeline import show

    show.run(model, port)


@command("strangers photos/others --model runs/birdlets/model")
def strangers(
    source: Sources,
    model: Model = None,
    evaluated: Annotated[
        Path | None, typer.Option(help="What 'pipeline evaluate' wrote of it; without it, 'evaluate' beside the model.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="A new folder for table and figure.", file_okay=False)] = None,
    device: Device = "auto",
    batch: Batch = None,
) -> None:
    """Ask a trained model about pictures of no class: what 'predict --threshold' does to them and to right answers."""
    from pipeline import strangers

    raise typer.Exit(strangers.run(source, model, evaluated, strangers.Wanted(out, device, batch)))
