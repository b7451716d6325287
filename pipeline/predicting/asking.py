"""An exported model as commands ask it: which one, loaded how, about which pictures, or one that arrives as bytes."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

import torch
from PIL import Image
from tqdm import tqdm

from pipeline import images, recogniser
from pipeline.errors import InputError
from pipeline.predicting import sources
from pipeline.predicting.rows import plain
from pipeline.predicting.sources import Source
from pipeline.recogniser import Answer, Description, Recogniser
from pipeline.training import accelerator
from pipeline.training.batches import TEST_BATCH

AT_ONCE = 8  # batches of pictures that are held together, so that most batches of one shape are full
CPU_BATCH = 8  # images; of more, the holes that batches of many shapes leave in the heap grow with each new shape


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


def check_out(out: Path | None) -> None:
    """Raise InputError where ``out`` is no new or empty folder: nothing of the user's is ever replaced there."""
    try:
        if out is None or not out.exists() or (out.is_dir() and not any(out.iterdir())):
            return
    except OSError as error:
        raise InputError(f"--out: {out}: cannot be looked into ({error.strerror})") from error
    raise InputError(f"--out: {out}: is there already and is no empty folder; name a new one")


def pictures(words: list[str]) -> tuple[list[Source], int]:
    """List the pictures of files, folders and, for '-', standard input, as ``sources.find``; there must be one."""
    found, left_out = sources.find(words, sys.stdin.buffer)
    if not found:
        raise InputError(
            f"{' '.join(map(plain, words))}: no pictures there ({left_out:,} files are none by their names)"
        )
    return found, left_out


def usual_batch(device: torch.device) -> int:
    """Return how many pictures of one shape a network sees at once where the user does not say."""
    return CPU_BATCH if device.type == "cpu" else TEST_BATCH


def answers(
    ready: Recogniser, asked_for: list[Source], batch: int | None = None
) -> Iterator[tuple[Source, Answer | None, str]]:
    """Ask about pictures part by part, so that many take no more memory than a few; yield what is wrong as text.

    batch  pictures of one shape that a network sees at once; None for what suits the device
    """
    batch = batch or usual_batch(ready.device)
    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # what is too large is an error
    with tqdm(total=len(asked_for), desc="ask", unit=" pictures", disable=None) as bar:
        for part in sources.parts(asked_for, AT_ONCE * batch):
            for source, (answer, error) in zip(part, _ask(ready, part, batch), strict=True):
                yield source, answer, error
                bar.update()
            accelerator.give_back_memory()


def answer(ready: Recogniser, content: bytes) -> Answer:
    """Ask about the bytes of a picture's file; raise InputError, which calls it 'picture', where they are none."""
    return ready.answer([images.open_rgb(content, "picture")])[0]


def _ask(ready: Recogniser, part: list[Source], batch: int) -> list[tuple[Answer | None, str]]:
    """Ask about a few pictures; when this returns, their originals are not held any more."""
    read = list(images.in_threads(sources.read, [(source,) for source in part]))
    with redirect_stdout(sys.stderr):
        answered = iter(ready.answer([one for one in read if not isinstance(one, InputError)], batch))
    return [(None, str(one)) if isinstance(one, InputError) else (next(answered), "") for one in read]
