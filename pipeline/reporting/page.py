"""A page of tables and pictures: one HTML file that needs no other, without scripts; the template is page.html.j2."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure
from pandas.api.types import is_numeric_dtype
from PIL import Image

from pipeline.disk import files
from pipeline.reporting import figures, tables

LARGEST = 4_500_000  # bytes of all pictures in a page: with its text it stays below 5 MB, which mail takes
WIDTHS = (1600, 1200, 900, 600)  # that pictures are reduced to, pixels, until they fit
QUALITY = 85  # of JPEG
DRAWN = 4096  # colours that a drawing has at most, with the shades of its edges
THUMBNAIL = 128  # pixels in height, shown at half of that
WIDE = 5  # columns of numbers that a phone has room for
SCROLLED = 1.9  # to its width divided by this a picture shrinks with the screen; below it scrolls, inside its own box


class Page:
    """A page that grows from top to bottom; its folder gets it and the files of what it shows."""

    def __init__(self, title: str, lead: str, folder: Path, place: str = "") -> None:
        """Begin a page; ``place`` names the folder for readers, as it may be a temporary one."""
        self.title, self.lead, self.folder, self.place = title, lead, folder, place or folder.as_posix()
        self.sections: list[dict[str, Any]] = []

    def section(self, title: str, note: str = "") -> None:
        """Begin a section; the note may hold HTML, all other text is escaped."""
        self.sections.append({"title": title, "note": Markup(note), "parts": []})  # callers escape names

    def table(
        self,
        table: pd.DataFrame,
        name: str,
        best: bool = False,
        rows: int | None = None,
        pictures: Sequence[np.ndarray] = (),
    ) -> None:
        """Write a table in all formats, and show it.

        best      the highest numbers of each row are bold
        rows      how many are shown; without it all
        pictures  (height, width, 3) uint8, one for each row that is shown
        """
        tables.write(table, self.folder / name)
        bold = tables.highest(table) if best else None
        part = self._show(table[:rows], bold)
        part["files"] = [f"{name}.{kind}" for kind in ("csv", "tex", "md")]
        part["thumbnails"] = [thumbnail(pixels) for pixels in pictures]

    def listing(self, table: pd.DataFrame, links: Sequence[str] = ()) -> None:
        """Show a table without writing it; ``links`` are where the names of its rows lead."""
        self._show(table)["links"] = list(links)

    def picture(self, figure: Figure, name: str, alternative: str, *more: str) -> None:
        """Write a figure in all formats, and show it; ``more`` are other files about it."""
        figures.save(figure, self.folder / name)
        with Image.open(self.folder / f"{name}.png") as image:
            width = image.width
        part = {"picture": name, "alternative": alternative, "width": width, "least": round(width / SCROLLED)}
        self.sections[-1]["parts"].append(part | {"files": [f"{name}.svg", f"{name}.png", *more]})

    def write(self) -> None:
        """Write the page."""
        here = FileSystemLoader(Path(__file__).parent)
        environment = Environment(
            loader=here, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        names = [part["picture"] for section in self.sections for part in section["parts"] if part.get("picture")]
        width, pictures = embed({name: self.folder / f"{name}.png" for name in names})
        text = environment.get_template("page.html.j2").render(
            title=self.title,
            lead=self.lead,
            place=self.place,
            sections=self.sections,
            pictures=pictures,
            width=width,
        )
        with files.atomic_write(self.folder / "index.html") as temporary:
            temporary.write_text(text, encoding="utf-8")

    def _show(self, table: pd.DataFrame, bold: pd.DataFrame | None = None) -> dict[str, Any]:
        text = tables.render(table)
        rows = [
            {"name": name, "cells": [(c, row[c], bold is not None and bool(bold.loc[name, c])) for c in text]}
            for name, row in text.iterrows()
        ]
        words = {name for name in text if not is_numeric_dtype(table[name])}
        wide = len(words) > 2 or (text.shape[1] > 1 and text.map(lambda cell: "[" in cell).to_numpy().any())
        stacked = wide or text.shape[1] > WIDE  # on a phone each row is a list
        part = {"picture": "", "columns": list(text), "words": words, "rows": rows, "stacked": stacked}
        self.sections[-1]["parts"].append(part | {"files": [], "links": [], "thumbnails": []})
        return self.sections[-1]["parts"][-1]


def embed(pictures: dict[str, Path]) -> tuple[int, dict[str, str]]:
    """Return pictures as data URIs, and the largest of ``WIDTHS`` at which all together are small enough."""
    found: dict[str, str] = {}
    for width in WIDTHS:
        found = {name: _reduced(path, width) for name, path in pictures.items()}
        if sum(map(len, found.values())) <= LARGEST:
            break
    return width, found


def thumbnail(pixels: np.ndarray) -> str:
    """Return a small picture of an image as a data URI."""
    image = Image.fromarray(pixels)
    image.thumbnail((4 * THUMBNAIL, THUMBNAIL))
    return _encoded(image)


def _reduced(path: Path, width: int) -> str:
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    if image.width > width:
        image = image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)
    return _encoded(image)


def _encoded(image: Image.Image) -> str:
    """Return an image as a data URI: a drawing, which has few colours, as PNG, a photo as JPEG."""
    content = io.BytesIO()
    if image.getcolors(DRAWN):
        kind = "png"
        image.quantize(256, dither=Image.Dither.NONE).save(content, "PNG", optimize=True)
    else:
        kind = "jpeg"
        image.save(content, "JPEG", quality=QUALITY, optimize=True)
    return f"data:image/{kind};base64,{base64.b64encode(content.getvalue()).decode()}"
