"""The page."""

import pandas as pd
from matplotlib.figure import Figure

from pipeline.reporting.page import Page


def test_page(tmp_path):
    page = Page("A <title>", "lead", tmp_path)
    page.section("Numbers", "a <em>note</em>")
    table = pd.DataFrame({"1": [1.0, "<x>"], "m & s": [2.0, "words" * 30]}, index=["a", "b & c"])
    page.table(pd.DataFrame({"1": [1.0], "ms": [2.0]}, index=["a"]), "numbers", best=True)
    page.table(table, "words", words=True)
    page.table(pd.DataFrame({"n": [1, 2, 3]}, index=["first", "second", "third"]), "long", rows=2)
    page.picture(Figure(), "x", "what it shows")
    page.write()
    html = (tmp_path / "index.html").read_text()
    assert "A &lt;title&gt;" in html and "<em>note</em>" in html
    assert "<th>b &amp; c</th>" in html and "<th>m &amp; s</th>" in html and "<td>&lt;x&gt;</td>" in html
    assert html.count("<b>") == 1 and "<td><b>2.0</b></td>" in html
    assert html.count('words"') == 1 and html.count("words" * 30) == 1
    assert '<img src="x.png" alt="what it shows">' in html and (tmp_path / "x.svg").is_file()
    assert "second" in html and "third" not in html and "third" in (tmp_path / "long.md").read_text()
