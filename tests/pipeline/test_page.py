"""The page."""

import pandas as pd

from pipeline.page import Page


def test_page(tmp_path):
    page = Page("A <title>", "lead")
    page.section("Numbers", "a <em>note</em>")
    page.table(pd.DataFrame({"1": [1.0, "x"], "ms": [2.0, 1.0]}, index=["a", "b & c"]), best=True)
    page.picture("x.png", "what it shows")
    page.write(tmp_path / "index.html")
    html = (tmp_path / "index.html").read_text()
    assert "A &lt;title&gt;" in html and "<em>note</em>" in html and "b &amp; c" in html
    assert html.count('class="best"') == 2 and '<td class="best">2.0</td>' in html
    assert '<img src="x.png" alt="what it shows">' in html
