"""Variants by name."""

import pytest

from pipeline import variants
from pipeline.errors import InputError


def test_names():
    for name in ("ours", "baseline", "local", "object", "n-16"):
        assert variants.parse(name).name == name


@pytest.mark.parametrize("name", ["n-0", "n--1", "n-two", "n-1.5", "global", ""])
def test_what_is_no_variant(name):
    with pytest.raises(InputError, match=r"unknown; there are ours, baseline, local, object and n-1, n-2"):
        variants.parse(name)


def test_the_baseline_has_no_local_classifiers_and_the_ablations_do():
    assert not variants.BASELINE.attention
    assert all(variants.parse(name).attention for name in ("local", "object", "n-1"))
