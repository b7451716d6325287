"""Three verdicts, and what would tell."""

import numpy as np
import pytest

from pipeline.reporting import intervals, verdicts
from pipeline.reporting.intervals import HITS_APART, Estimate
from pipeline.reporting.verdicts import FAILS, HOLDS, MISSING, OPEN, Part


def part(low, high, boundary=0.0, what="a minus b"):
    return Part("x", what, Estimate((low + high) / 2, (low, high), 100, 1, (900.0, 0, 0)), boundary)


@pytest.mark.parametrize(
    "low, high, boundary, verdict",
    [
        (0.1, 3, 0, HOLDS),
        (-3, -0.1, 0, FAILS),
        (-1, 3, 0, OPEN),
        (0.1, 3, 2, OPEN),
        (2.1, 3, 2, HOLDS),
        (0, 3, 0, OPEN),
    ],
)
def test_a_number_is_judged_by_its_interval(low, high, boundary, verdict):
    assert part(low, high, boundary).verdict == verdict


@pytest.mark.parametrize("points, verdict", [(0.1, HOLDS), (0.0, FAILS), (-0.1, FAILS)])
def test_a_printed_number_is_judged_by_points(points, verdict):
    one = Part("", "a minus b", Estimate(points), 0.0)
    assert one.verdict == verdict and one.figures == f"{points:+.1f}" and not one.needed


def test_what_was_not_measured_has_no_words():
    one = Part("x", "a minus b", None)
    assert (one.verdict, one.figures, one.needed) == (MISSING, "", "")


def test_numbers_have_their_units():
    assert part(-1, 4).figures == "x +1.5 [-1.0, +4.0]"
    assert part(-0.25, 0.5, what="IoU 1 minus centred box").figures == "x +0.125 [-0.250, +0.500]"
    assert part(0.25, 0.5, what="IoU 1").figures == "x 0.375 [0.250, 0.500]"


def test_what_rounds_to_zero_has_no_minus():
    assert Part("", "ours ms minus x", Estimate(-0.04, (-0.01, 1.0))).figures == "+0.0 [+0.0, +1.0]"
    assert Part("", "area 1 minus area 2", Estimate(-0.0004, (-0.0, 1.0))).figures == "+0.000 [+0.000, +1.000]"


def test_what_would_tell():
    assert part(-4.5, 7.5).needed == "about 2,000 test images"  # 1.5 points of a deviation of 30: (1.96 * 30 / 1.5)^2
    assert part(-3, 3).needed == "no number would: it is on the boundary"
    assert part(-5, 5.01).needed == "over 1,000,000 test images" and part(1, 3).needed == ""
    values = np.zeros((3, 1000))
    values[0, :60] = values[1, :10] = values[2, :35] = 1.0
    assert Part("", "a minus b", intervals.estimate(values, ends=HITS_APART)).needed in (
        "about 4 seeds",
        "about 5 seeds",
    )


YES, NO, PERHAPS, NOTHING = part(1, 3), part(-3, -1), part(-1, 2), Part("x", "a minus b", None)


@pytest.mark.parametrize(
    "parts, verdict",
    [
        ([YES, YES], HOLDS),
        ([YES, PERHAPS], OPEN),
        ([PERHAPS, NO], FAILS),
        ([YES, NOTHING], MISSING),
        ([NO, NOTHING], FAILS),
        ([], MISSING),
    ],
)
def test_a_claim_needs_all_of_its_parts(parts, verdict):
    assert verdicts.all_of(parts) == verdict


@pytest.mark.parametrize(
    "groups, verdict",
    [
        ([[YES], [YES], [YES], [NO]], HOLDS),
        ([[YES], [YES], [NO], [NO]], FAILS),
        ([[YES], [YES], [PERHAPS], [NO]], OPEN),
        ([[YES, PERHAPS], [YES, NO], [NO], [YES]], FAILS),
        ([[YES]], HOLDS),
        ([[NOTHING]], MISSING),
        ([], MISSING),
    ],
)
def test_a_claim_about_most_scales(groups, verdict):
    assert verdicts.most_of(groups) == verdict


def test_the_part_that_needs_most_is_told():
    assert verdicts.would_tell([YES, part(-4.5, 7.5), part(-3.6, 5.6)]) == "about 4,000 test images"
    assert verdicts.would_tell([part(-4.5, 7.5), part(-3, 3)]) == "no number would: it is on the boundary"
    assert verdicts.would_tell([YES]) == ""


def test_most_scales_are_told_when_the_easier_ones_are():
    easy, hard = part(-4.5, 7.5), part(-3.6, 5.6)
    assert verdicts.most_would_tell([[YES], [YES, hard], [easy], [part(-3, 3)]]) == "about 4,000 test images"
    assert verdicts.most_would_tell([[YES], [YES], [NO, YES], [easy]]) == ""
    assert verdicts.most_would_tell([]) == ""
