r"""What was answered for a picture, as a line of text, of CSV or of JSON: always one picture a line.

CSV and text write characters that would break a line or steer a terminal as escapes such as ``\x0a``, and a backslash
as two; JSON lines keep every name, with JSON's own escapes.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline import images
from pipeline.recogniser import Answer, View

DIGITS = 6  # of probabilities; masks and so answers are the same on one machine, last digits need not be
LEVELS = {"local": "loc", "object": "obj", "mean": "avg"}
CORNERS = ("x0", "y0", "x1", "y1")
STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True)
class Asked:
    """What was wanted of each answer."""

    class_names: list[str]
    n_scales: int
    top_k: int  # classes that are named
    scores: bool  # whether each scale's and level's probabilities of these classes are too
    threshold: float  # a picture whose highest probability is below is not answered for

    def top(self, probabilities: np.ndarray) -> list[int]:
        """Return the most likely classes, the most likely first; of equally likely ones, in the classes' order."""
        return np.argsort(-probabilities, kind="stable")[: self.top_k].tolist()

    def answer(self, probabilities: np.ndarray) -> int | None:
        """Return the class that is the answer; None below the threshold."""
        best = int(probabilities.argmax())
        return best if probabilities[best] >= self.threshold else None


@dataclass(frozen=True)
class Row:
    """One picture: what was answered, or what is wrong with it."""

    path: str
    answer: Answer | None
    error: str = ""
    overlay: str = ""  # its drawing, below the folder of outputs


def jsonl(row: Row, asked: Asked) -> str:
    """Return a row as an object of JSON."""
    answered = {} if row.answer is None else said(row.answer, asked)
    drawn, wrong = {"overlay": row.overlay} if row.overlay else {}, {"error": row.error} if row.error else {}
    text = json.dumps({"path": row.path} | answered | drawn | wrong, ensure_ascii=False)
    return STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"


def csv_line(row: Row, asked: Asked) -> str:
    """Return a row as a line of CSV, with the columns of ``csv_header``."""
    cells = {"path": row.path, "error": row.error} | dict(_cells(row, row.answer, asked) if row.answer else ())
    return _csv_line(cells.get(name, "") for name in columns(asked))


def csv_header(asked: Asked) -> str:
    """Return the line of CSV before all rows."""
    return _csv_line(columns(asked))


def text(row: Row, asked: Asked) -> str:
    """Return a row for people: path, answer and other likely classes, boxes; fields are separated by tabs."""
    if row.answer is None:
        return "\t".join([plain(row.path), f"error: {plain(row.error)}"]) + "\n"
    p = row.answer.probabilities
    named = ", ".join(f"{plain(asked.class_names[c])} {p[c]:.1%}" for c in asked.top(p))
    fields = [plain(row.path), named if asked.answer(p) is not None else f"not sure: {named}"]
    for scale, view in enumerate(row.answer.views, start=1):
        crop, attended = (",".join(map(str, box)) for box in _boxes(row.answer, view))
        fields.append(f"scale {scale}: sees {crop} attends {attended}")
        if asked.scores:
            scores = [
                f"{level} {' '.join(f'{getattr(view, name)[c]:.1%}' for c in asked.top(p))}"
                for level, name in LEVELS.items()
            ]
            fields[-1] += f" ({', '.join(scores)})"
    return "\t".join([*fields, *([plain(row.overlay)] if row.overlay else [])]) + "\n"


def plain(words: str) -> str:
    r"""Escape what would break a line or steer a terminal, so that nothing is lost.

    >>> plain("gull\n.jpg"), plain("a\\b")
    ('gull\\x0a.jpg', 'a\\\\b')
    """
    return STEERING.sub(_escape, words.replace("\\", "\\\\"))


def columns(asked: Asked) -> list[str]:
    """Return the columns of CSV."""
    scales = range(1, asked.n_scales + 1)
    ranks = range(1, asked.top_k + 1)
    names = ["path", "error", "answer", "width", "height"]
    names += [name for rank in ranks for name in (f"class_{rank}", f"probability_{rank}")]
    names += [f"scale_{s}_{what}_{corner}" for s in scales for what in ("crop", "attended") for corner in CORNERS]
    if asked.scores:
        names += [f"scale_{s}_{level}_{rank}" for s in scales for level in LEVELS for rank in ranks]
    return [*names, "overlay"]


WRITERS: dict[str, tuple[Callable[[Row, Asked], str], Callable[[Asked], str]]] = {
    "text": (text, lambda _: ""),
    "csv": (csv_line, csv_header),
    "jsonl": (jsonl, lambda _: ""),
}


def said(answer: Answer, asked: Asked) -> dict[str, Any]:
    """Return an answer as JSON has it: boxes are x0, y0, x1, y1 in pixels of the upright picture."""
    p = answer.probabilities
    top, best = asked.top(p), asked.answer(p)
    views = []
    for scale, view in enumerate(answer.views, start=1):
        crop, attended = _boxes(answer, view)
        one: dict[str, Any] = {"scale": scale, "crop": crop, "attended": attended}
        if asked.scores:
            one["scores"] = {level: [_rounded(getattr(view, name)[c]) for c in top] for level, name in LEVELS.items()}
        views.append(one)
    return {
        "answer": None if best is None else asked.class_names[best],
        "width": answer.size[0],
        "height": answer.size[1],
        "top": [{"class": asked.class_names[c], "probability": _rounded(p[c])} for c in top],
        "scales": views,
    }


def _cells(row: Row, answer: Answer, asked: Asked) -> Iterator[tuple[str, Any]]:
    answered = said(answer, asked)
    yield from (("answer", answered["answer"] or ""), ("width", answered["width"]), ("height", answered["height"]))
    for rank, one in enumerate(answered["top"], start=1):
        yield from ((f"class_{rank}", one["class"]), (f"probability_{rank}", one["probability"]))
    for view in answered["scales"]:
        for what in ("crop", "attended"):
            yield from ((f"scale_{view['scale']}_{what}_{c}", v) for c, v in zip(CORNERS, view[what], strict=True))
        for level, values in view.get("scores", {}).items():
            yield from ((f"scale_{view['scale']}_{level}_{rank}", v) for rank, v in enumerate(values, start=1))
    yield "overlay", row.overlay


def _boxes(answer: Answer, view: View) -> list[list[int]]:
    """Return what a scale sees and where it attends, in pixels of the upright picture."""
    return [list(images.to_pixels(box, *answer.size)) for box in (view.crop, view.attended)]


def _escape(found: re.Match) -> str:
    number = ord(found[0])
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"


def _rounded(probability: float) -> float:
    return round(float(probability), DIGITS)


def _csv_line(cells: Sequence[Any] | Iterator[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(plain(c) if isinstance(c, str) else c for c in cells)
    return line.getvalue()
