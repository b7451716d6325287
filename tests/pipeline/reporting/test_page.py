"""The page."""

import pandas as pd

from pipeline.reporting.page import Page


def test_page(tmp_path):
    page = Page("A <title>", "lead")
    page.section("Numbers", "a <em>note</em>")
    text = pd.DataFrame({"1": ["1.0", "<x>"], "m & s": ["2.0", "words" * 30]}, index=["a", "b & c"])
    page.table(text, pd.DataFrame({"1": [False] * 2, "m & s": [True, False]}, index=text.index))
    page.table(text, words=True)
    page.picture("x.png", "what it shows")
    page.write(tmp_path / "index.html")
    html = (tmp_path / "index.html").read_text()
    assert "A &lt;title&gt;" in html and "<em>note</em>" in html
    assert "<th>b &amp; c</th>" in html and "<th>m &amp; s</th>" in html and "<td>&lt;x&gt;</td>" in html
    assert html.count("<b>") == 1 and "<td><b>2.0</b></td>" in html
    assert html.count('words"') == 1 and html.count("words" * 30) == 2
    assert '<img src="x.png" alt="what it shows">' in html
