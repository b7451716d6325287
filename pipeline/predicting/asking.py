"""An exported model as commands ask it: which one, loaded how, and about a picture that arrives as bytes."""

from pathlib import Path

from pipeline import images, recogniser
from pipeline.errors import InputError
from pipeline.recogniser import Answer, Description, Recogniser
from pipeline.training import accelerator


def only_model() -> Path:
    """Return the only model below runs/."""
    found = sorted(path.parent for path in Path("runs").glob(f"*/model/{recogniser.DESCRIPTION}"))
    if len(found) != 1:
        there = f"there are {', '.join(map(str, found))}" if found else "there is none in runs/*/model"
        raise InputError(f"--model: name the folder of an exported model; {there}")
    return found[0]


def load(model: Path, description: Description, device: str) -> Recogniser:
    """Load a model with the precision and the number of threads that it was trained and evaluated with."""
    train = description.recipe.train
    job = accelerator.start_for(train, device)
    if job.num_processes > 1:
        raise InputError(f"a model is asked in one process, and {job.num_processes} were started")
    return recogniser.load(model, description, job)


def answer(ready: Recogniser, content: bytes) -> Answer:
    """Ask about the bytes of a picture's file; raise InputError, which calls it 'picture', where they are none."""
    return ready.answer([images.open_rgb(content, "picture")])[0]
