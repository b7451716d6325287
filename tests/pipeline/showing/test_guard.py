"""Which requests come from other pages; connections that say nothing are in test_page.py."""

import pytest
from starlette.datastructures import Headers

from pipeline.showing import guard


@pytest.mark.parametrize(
    "origin, site, foreign",
    [
        (None, None, False),  # a program, such as curl
        ("http://localhost:8000", "same-origin", False),
        ("http://localhost:8000", "none", False),
        ("http://localhost:8001", "same-site", True),  # another server of this machine
        ("https://localhost:8000", None, True),
        ("http://evil.example", "cross-site", True),
        ("http://localhost:8000.evil.example", None, True),
        ("null", None, True),  # a page in a sandbox, or a file
        (None, "cross-site", True),
        (None, "same-site", True),
        ("http://localhost:8000", "cross-site", True),
    ],
)
def test_what_a_browser_sends_for_another_page_is_foreign(origin, site, foreign):
    given = {"host": "localhost:8000", "origin": origin, "sec-fetch-site": site}
    assert guard.is_foreign(Headers({name: value for name, value in given.items() if value is not None})) == foreign


def test_the_policy_lets_nothing_in_from_elsewhere_and_nothing_inline():
    rules = dict(rule.split(" ", 1) for rule in guard.POLICY.split("; "))
    assert rules["default-src"] == "'none'" and rules["script-src"] == rules["style-src"] == "'self'"
    assert "unsafe" not in guard.POLICY and "http" not in guard.POLICY and "*" not in guard.POLICY
