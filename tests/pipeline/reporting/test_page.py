"""The page: one file that is whole wherever it is opened."""

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from conftest import ROOT
from pipeline.reporting import page as page_module
from pipeline.reporting.page import Page, embed, thumbnail

VOID = ("meta", "img", "br")


class Opened(HTMLParser):
    """The page as a browser would see it: which elements there are, and inside of what."""

    def __init__(self, html):
        super().__init__()
        self.inside, self.found = [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.found.append((tag, attributes, [a.get("class") for _, a in self.inside]))
        if tag not in VOID:
            self.inside.append((tag, attributes))

    def handle_endtag(self, tag):
        assert self.inside.pop()[0] == tag

    def all(self, tag):
        return [(attributes, around) for name, attributes, around in self.found if name == tag]


def text(folder):
    return (folder / "index.html").read_text()


@pytest.fixture
def page(tmp_path):
    return Page("A <title>", "of <script>", tmp_path, "reports/<b>")


@pytest.fixture
def filled(page, tmp_path):
    """A page with all that a page can have, its names chosen badly."""
    page.section("<i>Numbers</i>", "a <em>note</em>")
    page.table(pd.DataFrame({"1": [1.0], "ms": [2.0]}, index=["a"]), "numbers", best=True)
    words = {"<x>": [1.0, 2.0], "m & s": ["<script>alert(1)</script>", "words" * 90]}
    page.table(pd.DataFrame(words, index=["<b>", "b & c"]), "words", pictures=[np.zeros((300, 200, 3), np.uint8)] * 2)
    page.table(pd.DataFrame({"n": [1, 2, 3]}, index=["first", "second", "third"]), "long", rows=2)
    page.listing(pd.DataFrame({"of": ["<u>"]}, index=['"onclick="']), ["javascript<:"])
    page.section("Pictures")
    page.picture(Figure((16, 4)), "x", 'what "it" <shows>', "y.csv")
    page.write()
    return tmp_path


def test_what_a_page_shows_and_what_lies_beside_it(filled):
    html = text(filled)
    assert html.count("<b>") == 1 and "<b>2.0</b>" in html and "<em>note</em>" in html
    assert "second" in html and "third" not in html and "third" in (filled / "long.md").read_text()
    linked = {attributes["href"] for attributes, _ in Opened(html).all("a")} - {"#part-1", "#part-2", "javascript<:"}
    assert linked == {path.name for path in filled.iterdir()} - {"index.html"} | {"y.csv"}


def test_names_are_text(filled):
    html, opened = text(filled), Opened(text(filled))
    assert {tag for tag, _, _ in opened.found} & {"script", "i", "u", "x", "shows"} == set()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html and "<th>b &amp; c</th>" in html
    assert all(set(attributes) <= {"src", "alt", "class", "width", "style"} for attributes, _ in opened.all("img"))
    assert not any("onclick" in attributes for _, attributes, _ in opened.found)


def test_a_page_is_one_file_without_scripts(filled):
    opened = Opened(text(filled))
    assert all(attributes["src"].startswith("data:image/") for attributes, _ in opened.all("img"))
    assert len(opened.all("img")) == 3 and not opened.all("link") and not opened.all("script")
    assert "url(" not in text(filled) and "@import" not in text(filled)


def test_on_a_phone_what_is_wide_scrolls_inside_its_own_box(filled):
    opened, style = Opened(text(filled)), re.search("<style>(.*)</style>", text(filled), re.DOTALL)[1]
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in [a for a, _ in opened.all("meta")]
    for tag in ("table", "img"):
        assert opened.all(tag) and all("box" in around for _, around in opened.all(tag))
    assert ".box { overflow-x: auto;" in style and "overflow-wrap: anywhere" in style
    outside = re.sub(r"(?m)^.*\b(td|th|table)\b.*$", "", style)
    assert not re.search(r"(?<!max-)width: *[\d.]+(px|rem)", outside)


def test_on_a_phone_a_table_of_words_is_a_list_that_names_its_columns(page, tmp_path):
    page.section("Claims")
    page.table(pd.DataFrame({"claim": ["<b>"], "verdict & why": ["holds"], "more": ["x"]}, index=["1"]), "claims")
    page.table(pd.DataFrame({"claim": ["a"], "verdict": ["b"], "number": [1.0]}, index=["1"]), "numbers")
    page.table(pd.DataFrame({"1": [80.0], "1 low": [75.0], "1 high": [85.0], "ms": [1.0]}, index=["Acc"]), "intervals")
    page.table(pd.DataFrame({str(n): [1.0] for n in range(6)}, index=["many"]), "many")
    page.write()
    opened = Opened(text(tmp_path))
    assert [one.get("class") for one, _ in opened.all("table")] == ["stacked", None, "stacked", "stacked"]
    cells = [attributes.get("data-column") for attributes, _ in opened.all("td")]
    # The first words of a row say themselves what they are; a number does not.
    assert cells == [None, "verdict & why", "more", None, None, None, "1", "ms", *"012345"]
    style = re.search("<style>(.*)</style>", text(tmp_path), re.DOTALL)[1]
    narrow = style[style.index("@media (max-width: 40rem)") :]
    assert ".stacked thead { display: none }" in narrow and "attr(data-column)" in narrow


def test_the_same_results_give_the_same_bytes(filled, page):
    before = text(filled)
    page.write()
    assert text(filled) == before


def test_pictures_are_reduced_until_they_fit(tmp_path, monkeypatch):
    noise = np.random.default_rng(0).integers(0, 255, (200, 2000, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "photo.png")
    Image.new("RGB", (100, 50), "red").save(tmp_path / "drawing.png")
    pictures = {name: tmp_path / f"{name}.png" for name in ("photo", "drawing")}
    width, whole = embed(pictures)
    assert width == 1600 and opened(whole["photo"]).size == (1600, 160) and opened(whole["photo"]).format == "JPEG"
    assert (
        opened(whole["drawing"]).format == "PNG" and opened(whole["drawing"]).convert("RGB").getpixel((5, 5))[0] == 255
    )
    monkeypatch.setattr(page_module, "LARGEST", sum(map(len, whole.values())) - 1)
    width, less = embed(pictures)
    assert width == 1200 and opened(less["photo"]).size == (1200, 120) and less["drawing"] == whole["drawing"]
    monkeypatch.setattr(page_module, "LARGEST", 1)
    assert embed(pictures)[0] == min(page_module.WIDTHS)


def opened(uri):
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))


def test_a_thumbnail_keeps_its_shape():
    assert opened(thumbnail(np.zeros((400, 600, 3), np.uint8))).size == (192, 128)


def test_dvc_sees_the_template():
    """It decides what the report stage writes, as code does; the ending is one that .dvcignore lets through."""
    assert (ROOT / "pipeline/reporting/page.html.j2").is_file()
    assert "!/pipeline/**/*.j2" in (ROOT / ".dvcignore").read_text().splitlines()
