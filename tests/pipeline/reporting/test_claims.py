"""The paper's own numbers make its claims hold; others do not."""

from copy import deepcopy
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline.reporting import claims

PUBLISHED = YAML(typ="safe").load(Path(__file__).parents[3] / "reports" / "published.yaml")


@pytest.fixture
def measured():
    """What the stages would have written had they measured what the paper printed for CUB."""
    cub = deepcopy(PUBLISHED["cub"])
    metrics = {
        **cub["table_6"],
        "iou": {"1": 0.54, "centred box": 0.5, "whole image": 0.3},
        "attended_of_original": {"1": 0.5, "2": 0.3, "3": 0.2},
    }
    interval = [1.0, 4.0]
    comparison = {
        "accuracy": {
            "ours": cub["table_6"]["acc_avg"],
            "baseline": cub["baseline"],
            "local": {"ms": 83.9},
            "object": {"ms": 85.6},
            "n-1": {"ms": 80.0},
            "n-8": {"ms": 87.5},
        },
        "minus_baseline": {"1": {"points": 2.1, "interval": interval}, "ms": {"points": 2.8, "interval": interval}},
        "seeds": {},
    }
    return metrics, comparison


def verdicts(metrics, comparison):
    return [claim.holds for claim in claims.judge(metrics, comparison, 16)]


def test_the_papers_numbers(measured):
    assert verdicts(*measured) == [True] * 8


@pytest.mark.parametrize(
    "claim, change",
    [
        (1, lambda m, c: m["acc_avg"].update({"2": 90.0})),
        (2, lambda m, c: c["minus_baseline"]["1"].update(points=1.5)),
        (3, lambda m, c: c["accuracy"]["baseline"].update(ms=83.0)),
        (4, lambda m, c: c["accuracy"]["object"].update(ms=88.0)),
        (5, lambda m, c: m["acc_obj"].update({"1": 90.0, "2": 90.0})),
        (6, lambda m, c: c["accuracy"]["n-1"].update(ms=88.0)),
        (6, lambda m, c: c["accuracy"]["n-8"].update(ms=80.0)),
        (7, lambda m, c: m["iou"].update({"centred box": 0.6})),
        (8, lambda m, c: m["attended_of_original"].update({"3": 0.4})),
    ],
)
def test_a_claim_that_does_not_hold_says_so_and_no_other_with_it(measured, claim, change):
    change(*measured)
    fell = [number for number, holds in enumerate(verdicts(*measured), start=1) if not holds]
    assert fell == [claim]


@pytest.mark.parametrize("name, claim", [("baseline", 3), ("local", 4), ("object", 4), ("n-1", 6)])
def test_what_was_not_run_is_not_judged(measured, name, claim):
    metrics, comparison = measured
    del comparison["accuracy"][name]
    assert claims.judge(metrics, comparison, 16)[claim - 1].holds is None
    assert claims.to_table(claims.judge(metrics, comparison, 16)).verdict[claim] == "not measured"


def test_boxes_of_whole_pictures_say_nothing_of_attention(measured):
    metrics, comparison = measured
    metrics["iou"]["whole image"] = 1.0
    assert verdicts(metrics, comparison)[6] is None


def test_seeds_are_told_where_there_are_some(measured):
    metrics, comparison = measured
    comparison["seeds"] = {name: {"1": {"mean": 85.0, "std": 0.4, "n": 3}} for name in ("ours", "baseline")}
    assert "over 3 seeds at scale 1: ours 85.0 ± 0.4" in claims.judge(metrics, comparison, 16)[1].figures


@pytest.mark.parametrize("scales, unjudged", [(["1"], [1, 2, 3, 8]), (["1", "2"], [1, 2, 3])])
def test_fewer_scales_leave_claims_on_several_unjudged(measured, scales, unjudged):
    metrics, comparison = measured
    rows = [*metrics.values(), *comparison["accuracy"].values(), comparison["minus_baseline"]]
    for row in rows:
        for scale in {"1", "2", "3", "ms"} - {*scales}:
            row.pop(scale, None)
    for name in ("local", "object", "n-1", "n-8"):
        comparison["accuracy"][name] = {"1": 80.0}
    judged = claims.judge(metrics, comparison, 16)
    assert [number for number, claim in enumerate(judged, start=1) if claim.holds is None] == unjudged
    assert judged[4].figures == f"at {len(scales)} of {len(scales)} ({' and '.join(f'scale {s}' for s in scales)})"


@pytest.mark.parametrize(
    "lose",
    [
        lambda m, c: m.pop("acc_loc"),
        lambda m, c: m.pop("attended_of_original"),
        lambda m, c: m["iou"].pop("centred box"),
        lambda m, c: c.pop("minus_baseline"),
        lambda m, c: c["minus_baseline"]["ms"].pop("points"),
    ],
)
def test_what_is_always_measured_and_missing_is_a_bug(measured, lose):
    lose(*measured)
    with pytest.raises(KeyError):
        claims.judge(*measured, 16)


def test_a_misspelt_figure_is_a_bug():
    with pytest.raises(KeyError):
        claims._figure({"baseline": 80.0}, "base line")


def test_a_row_that_shares_no_scale_is_passed_over(measured):
    metrics, comparison = measured
    accuracy = comparison["accuracy"]
    accuracy["local"], accuracy["n-8"], accuracy["n-4-smooth"] = {}, {"4": 80.0}, {"1": 80.0}
    assert claims.by_n(accuracy, 16) == ("ms", {1: 80.0, 16: 87.9})
    assert verdicts(metrics, comparison)[3] is None
