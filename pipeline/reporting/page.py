"""The report: one HTML page of figures and tables, without scripts and without internet access."""

from html import escape
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from pipeline.disk import files
from pipeline.reporting import figures, tables

STYLE = """
body { font: 16px/1.55 system-ui, sans-serif; max-width: 74rem; margin: 2rem auto; padding: 0 1.2rem; color: #1c1c1c; }
h1 { font-size: 1.7rem; margin-bottom: .2rem } h2 { font-size: 1.2rem; margin-top: 2.2rem }
.lead { color: #555; margin-top: 0 } img { max-width: 100%; height: auto }
table { border-collapse: collapse; margin: .8rem 0 } th, td { padding: .32rem .95rem; text-align: right }
thead th { border-bottom: 2px solid #444 } tbody tr:nth-child(even) { background: #f5f5f2 }
tbody th { text-align: left; font-weight: 600 }
.note { color: #555; font-size: .92rem; max-width: 52rem } code { background: #f1f1ee; padding: 0 .25em }
.words td, .words th { text-align: left; vertical-align: top }
.key { display: inline-block; width: .9em; height: .9em; border: 3px solid; vertical-align: -.1em }
.key { margin: 0 .15em 0 .6em }
"""


class Page:
    """A page that grows from top to bottom; ``folder`` gets it and the files of what it shows."""

    def __init__(self, title: str, lead: str, folder: Path) -> None:
        self.title, self.folder = title, folder
        self.parts = [f"<h1>{escape(title)}</h1>", f'<p class="lead">{escape(lead)}</p>']

    def section(self, title: str, note: str = "") -> None:
        """Begin a section; the note may hold HTML."""
        self.parts.append(f"<h2>{escape(title)}</h2>")
        if note:
            self.parts.append(f'<p class="note">{note}</p>')

    def table(
        self, table: pd.DataFrame, name: str, best: bool = False, words: bool = False, rows: int | None = None
    ) -> None:
        """Write a table in all formats, and show its first ``rows``.

        best   the highest numbers of each row are bold
        words  cells are aligned to the left, as prose
        """
        tables.write(table, self.folder / name)
        cells = tables.render(table[:rows]).map(escape)
        if best:
            cells = cells.mask(tables.highest(table), "<b>" + cells + "</b>")
        cells = cells.rename(index=escape, columns=escape)
        self.parts.append(cells.to_html(escape=False, border=0, classes="words" if words else None))

    def picture(self, figure: Figure, name: str, alternative: str) -> None:
        """Write a figure in all formats, and show it."""
        figures.save(figure, self.folder / name)
        self.parts.append(f'<img src="{escape(name)}.png" alt="{escape(alternative)}">')

    def write(self) -> None:
        """Write the page."""
        head = f'<meta charset="utf-8"><title>{escape(self.title)}</title><style>{STYLE}</style>'
        body = "\n".join(self.parts)
        with files.atomic_write(self.folder / "index.html") as temporary:
            page = f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{body}\n</body></html>\n'
            temporary.write_text(page, encoding="utf-8")
