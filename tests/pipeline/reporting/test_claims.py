"""The paper's own numbers make its claims hold; others do not, or cannot be told."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline.reporting import claims
from pipeline.reporting.intervals import Estimate
from pipeline.reporting.verdicts import FAILS, HOLDS, MISSING, OPEN

PUBLISHED = YAML(typ="safe").load(Path(__file__).parents[3] / "reports" / "published.yaml")
PAPERS = ("1", "2", "2, by 2", "3", "4", "5")
OURS = ("1b", "1c", "2b", "3b", "7b")


@pytest.mark.parametrize("dataset", PUBLISHED)
def test_the_papers_claims_hold_on_the_numbers_that_it_prints(dataset):
    """Nothing is invented: what it does not print is not judged."""
    found = {claim.number: claim for claim in claims.judge(claims.printed(PUBLISHED[dataset]), 16)}
    assert {number: found[number].verdict for number in PAPERS} == dict.fromkeys(PAPERS, HOLDS)
    assert found["7"].verdict == (HOLDS if dataset == "cub" else MISSING)
    assert {found[number].verdict for number in (*OURS, "6", "6, flat", "8")} == {MISSING}
    assert all(part.found is None or part.found.interval is None for one in found.values() for part in one.parts)
    assert not claims.to_table([*found.values()])["what would tell"].any()


ABOVE, BELOW, UNSURE = (2.5, 6.0), (-4.0, -1.0), (-1.0, 4.0)


def estimate(low, high):
    return Estimate((low + high) / 2, (low, high), 400, 1, (900.0, 0.0, 0.0))


NAMES = {
    "1": [f"ours ms minus ours {scale}" for scale in "123"],
    "1b": ["ours ms minus ours ensemble"],
    "1c": ["ours ms minus centred ms"],
    "2": ["ours ms minus baseline ms"],
    "2b": ["ours ms minus two-heads ms"],
    "3": ["baseline ms minus baseline 1"],
    "3b": ["baseline ms minus baseline ensemble"],
    "4": ["ours 1 minus local 1", "ours 1 minus baseline 1"],
    "5": [f"avg {scale} minus {kind} {scale}" for scale in ("1", "2", "3", "ms") for kind in ("loc", "obj")],
    "6": ["ours 1 minus n-1 1"],
    "6, flat": ["n-4 1 minus half of ours and n-1"],
    "7": ["IoU 1"],
    "7b": ["IoU 1 minus centred box", "IoU 1 minus whole image"],
    "8": ["area 1 minus area 2", "area 2 minus area 3"],
}
TOGETHER = {"2": {"2", "2, by 2"}, "6": {"6", "6, flat"}}  # the second verdict needs what the first one does


@pytest.fixture
def found():
    """Results on which all claims hold."""
    return {name: estimate(*ABOVE) for names in NAMES.values() for name in names}


def others(found):
    return {claim.number: claim.verdict for claim in claims.judge(found, 16) if claim.verdict != HOLDS}


def test_all_hold(found):
    assert others(found) == {}


@pytest.mark.parametrize("number", NAMES)
@pytest.mark.parametrize("side, verdict", [(BELOW, FAILS), (UNSURE, OPEN)])
def test_a_claim_falls_with_any_of_its_numbers_and_no_other_with_it(found, number, side, verdict):
    for name in NAMES[number][:: 7 if number == "5" else 1]:  # one scale of four is not most
        changed = found | {name: estimate(*side)}
        together = (TOGETHER | {"5": set()}).get(number, {number})
        assert others(changed) == dict.fromkeys(together, verdict), name


def test_averaging_at_half_of_the_scales_is_not_most(found):
    for name in ("avg 1 minus loc 1", "avg 2 minus obj 2"):
        found[name] = estimate(*BELOW)
    assert others(found) == {"5": FAILS}


@pytest.mark.parametrize("number", NAMES)
def test_what_was_not_run_is_not_judged(found, number):
    for name in NAMES[number]:
        del found[name]
    together = TOGETHER.get(number, {number})
    assert others(found) == dict.fromkeys(together, MISSING)


def test_more_than_two_points_is_a_verdict_of_its_own(found):
    found["ours ms minus baseline ms"] = estimate(0.5, 5.0)
    assert others(found) == {"2, by 2": OPEN}


def test_single_losses_and_classifiers_are_judged_at_the_last_scale_that_all_have(found):
    found |= {"ours ms minus local ms": estimate(*BELOW), "ours ms minus n-1 ms": estimate(*BELOW)}
    assert others(found) == {"4": FAILS}  # the baseline has 'ms'; nothing between n = 1 and ours has
    judged = {claim.number: claim for claim in claims.judge(found, 16)}
    assert judged["4"].text.endswith("over all scales") and judged["6"].text.endswith("at scale 1")
    del found["n-4 1 minus half of ours and n-1"]
    assert others(found)["6"] == FAILS, "n = 1 alone can refute it"


def test_more_classifiers_than_ours_are_no_step_to_ours(found):
    found["n-32 1 minus half of ours and n-1"] = estimate(*BELOW)
    assert others(found) == {}


def test_the_literal_mask_and_scale_1_are_printed_beside(found):
    found["ours 1 minus object 1"] = estimate(*BELOW)
    judged = {claim.number: claim for claim in claims.judge(found, 16)}
    assert "object with its literal mask: -2.5 [-4.0, -1.0]" in judged["4"].figures and judged["4"].verdict == HOLDS
    assert "at scale 1 +4.2 [+2.5, +6.0]" in judged["2"].figures


def test_boxes_of_whole_pictures_say_nothing_of_attention():
    record = {"what": "IoU 1", "points": 1.0, "interval": [1.0, 1.0], "images": 3, "seeds": 1, "variance": [0, 0, 0]}
    assert claims.measured({"judged": [record], "iou": {"whole image": 0.5}}, {}) != {}
    assert claims.measured({"judged": [record], "iou": {"whole image": 1.0}}, {}) == {}


def test_results_of_older_versions_are_not_judged():
    assert {claim.verdict for claim in claims.judge(claims.measured({}, {}), 16)} == {MISSING}


def test_the_table_says_what_would_tell_only_where_it_cannot_be_told(found):
    found["ours ms minus ours ensemble"] = estimate(*UNSURE)
    found["ours ms minus centred ms"] = Estimate(4.0, (1.0, 7.0), 400, 3, (900.0, 0.0, 0.0))
    table = claims.to_table(claims.judge(found, 16), claims.judge(claims.printed(PUBLISHED["cub"]), 16))
    assert table["what would tell"].to_dict() == {**dict.fromkeys(table.index, ""), "1b": "about 2,000 test images"}
    assert table.iloc[:, -1]["1"] == HOLDS and table.iloc[:, -1]["8"] == ""
    assert table.loc["1c"].iloc[2] == "+4.0 [+1.0, +7.0] (3 seeds)"
    found["ours 1 minus baseline 1"] = Estimate(4.0, (1.0, 7.0), 400, 3, (900.0, 0.0, 0.0))
    row = claims.to_table(claims.judge(found, 16)).loc["2"].iloc[2]
    assert row == "+4.2 [+2.5, +6.0]; at scale 1 +4.0 [+1.0, +7.0] (3 seeds)"


def test_the_lead_answers_a_newcomers_questions(found):
    found["ours ms minus ours ensemble"] = estimate(*UNSURE)
    found["ours 1 minus n-1 1"] = estimate(*BELOW)
    found["IoU 1 minus centred box"] = estimate(0.01, 0.05)
    said = claims.lead(claims.judge(found, 16))
    for words in (
        "Three scales beat one: +4.2 [+2.5, +6.0] points over scale 1 alone.",
        "Whether zooming helps, or only having more networks, cannot be told: +1.5 [-1.0, +4.0] points over as many "
        "networks without crops; "
        "about 2,000 test images would tell.",
        "More local classifiers do not beat one: n=16 minus n=1 -2.5 [-4.0, -1.0] points.",
        "Attention overlaps objects better than a box in the middle: +0.030 [+0.010, +0.050] of IoU over the best",
        "Its crops are recognised better: +4.2 [+2.5, +6.0] points over centred crops of the same mean area.",
    ):
        assert words in said
    del found["ours ms minus ours ensemble"]
    assert "more networks" not in claims.lead(claims.judge(found, 16))
    assert claims.lead(claims.judge({}, 16)) == ""


def test_a_row_that_shares_no_scale_is_passed_over():
    accuracy = {"ours": {"1": 80.0, "ms": 87.9}, "n-1": {"ms": 80.0}, "n-8": {"4": 80.0}, "n-4-smooth": {"1": 80.0}}
    assert claims.by_n(accuracy, 16) == ("ms", {1: 80.0, 16: 87.9})
