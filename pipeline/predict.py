"""Command: ask an exported model about pictures."""

import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from tqdm import tqdm

from pipeline import recogniser
from pipeline.disk import files
from pipeline.errors import InputError
from pipeline.predicting import asking
from pipeline.predicting.rows import WRITERS, Asked, Row, plain
from pipeline.predicting.sources import Source
from pipeline.recogniser import Answer

PAIRS = 5  # of confused classes that are named


@dataclass
class Tally:
    """What the answers come to; a picture counts as labelled where a folder that it lies in is called like a class."""

    pictures: int = 0
    broken: int = 0
    unsure: int = 0
    labelled: int = 0
    right: int = 0
    confused: Counter = field(default_factory=Counter)  # (class, answer) -> pictures

    def lines(self, threshold: float) -> Iterator[str]:
        """Yield what is worth saying."""
        if self.unsure:
            yield f"{self.unsure:,} of {self.pictures:,} pictures are not answered for, below --threshold {threshold:g}"
        if answered := self.right + self.confused.total():
            share = f"{100 * self.right / answered:.1f}% right: {self.right:,} of {answered:,} answers"
            yield f"{share}, by the names of the folders ({self.labelled:,} pictures lie in folders of classes)"
            for (truth, answer), count in self.confused.most_common(PAIRS):
                yield f"  {count:,} x {plain(truth)} taken for {plain(answer)}"
        if self.broken:
            yield f"{self.broken:,} of {self.pictures:,} pictures could not be answered for: see their rows"


@dataclass(frozen=True)
class Wanted:
    """What a user wants of the answers."""

    top_k: int
    scores: bool
    threshold: float
    format: str  # a key of WRITERS
    overlay: bool
    device: str
    batch: int | None  # pictures of one shape that a network sees at once; None: what suits the device


def run(words: list[str], model: Path | None, out: Path | None, wanted: Wanted) -> int:
    """Write a row for each picture to standard output, or to a file of the new folder ``out``; return the exit status.

    words  files, folders, or '-' for names on standard input
    model  what the export stage wrote; None for the only one below runs/
    """
    if wanted.overlay and out is None:
        raise InputError("--overlay: drawings need a folder: name one with --out")
    asking.check_out(out)
    model = asking.only_model() if model is None else model
    description = recogniser.read(model)
    asked_for, left_out = asking.pictures(words)
    class_names = description.class_names
    top_k = min(wanted.top_k, len(class_names))
    asked = Asked(class_names, len(description.weights), top_k, wanted.scores, wanted.threshold)
    with redirect_stdout(sys.stderr):  # standard output has the rows and nothing else
        ready = asking.load(model, description, wanted.device)
    tally = Tally()
    with _opened(out, wanted.format) as stream:
        line, header = WRITERS[wanted.format]
        stream.write(header(asked))
        for source, answer, error in asking.answers(ready, asked_for, wanted.batch):
            truth = label(source, class_names)
            row = _row(source, answer, error, (out, class_names, truth) if wanted.overlay else None)
            tqdm.write(line(row, asked), stream, end="")
            count(tally, row, asked, truth)
    said = [*tally.lines(wanted.threshold)]
    said += [f"{left_out:,} files are no pictures by their names, or hidden"] if left_out else []
    print("".join(f"{one}\n" for one in said), end="", file=sys.stderr)
    return 1 if tally.broken else 0


def label(source: Source, class_names: list[str]) -> str | None:
    """Return the class whose name the nearest folder has that is called like one."""
    folders = (unicodedata.normalize("NFC", name) for name in source.folders)
    return next((name for name in folders if name in class_names), None)


def count(tally: Tally, row: Row, asked: Asked, truth: str | None) -> None:
    """Add a row to the tally."""
    tally.pictures += 1
    tally.broken += bool(row.error)
    if row.answer is None:
        return
    tally.labelled += truth is not None
    answer = asked.answer(row.answer.probabilities)
    if answer is None:
        tally.unsure += 1
    elif truth == asked.class_names[answer]:
        tally.right += 1
    elif truth is not None:
        tally.confused[truth, asked.class_names[answer]] += 1


def _row(source: Source, answer: Answer | None, error: str, drawn: tuple[Path, list[str], str | None] | None) -> Row:
    """Make a row, and its drawing below the folder of outputs if that is wanted."""
    if answer is None or drawn is None:
        return Row(source.path, answer, error)
    from pipeline.predicting import drawing  # matplotlib is slow to import

    out, class_names, truth = drawn
    try:
        return Row(source.path, answer, "", drawing.save(drawing.draw(answer, class_names, truth), source, out))
    except OSError as failed:
        if files.is_full(failed):
            raise InputError(f"{out}: cannot be written ({failed.strerror}); free some space and run again") from failed
        return Row(source.path, answer, f"its drawing cannot be written ({failed.strerror})")


@contextmanager
def _opened(out: Path | None, kind: str) -> Iterator[TextIO]:
    """Open where the rows go; a file is there when all rows are."""
    if out is None:
        yield sys.stdout
        return
    path = out / f"predictions.{'txt' if kind == 'text' else kind}"
    with files.atomic_write(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
        yield stream
    print(path, file=sys.stderr)
