"""Settings on folds: whose baseline is whose, and every number of the table counted by hand."""

import numpy as np
import pandas as pd
import pytest

from pipeline.reporting import choices, tables
from pipeline.reporting.choices import Tried


def tried(changes, *folds, seeds=1):
    """A setting that recognises some of the images of each fold, as strings such as '110'; both levels the same."""
    hits = [np.stack([[letter == "1" for letter in fold]] * seeds) for fold in folds]
    return Tried(changes, dict.fromkeys(choices.LEVELS, hits))


SETTINGS = {
    "ours": tried({}, "1100", "1100", "1000"),
    "baseline": tried({"network.n_classifiers": 0}, "1000", "1000", "1000"),
    "logit": tried({"network.attention": "logit"}, "1110", "1100", "1100"),
    "smooth": tried({"train.label_smoothing": 0.1}, "1111", "1111", "1111"),
    "smooth-baseline": tried({"network.n_classifiers": 0, "train.label_smoothing": 0.1}, "1110", "1000", "1000"),
    "slow": tried({"train.lr": 0.1}, "0000", "0000", "0000"),
}


def test_the_numbers_of_a_table():
    found = choices.table(SETTINGS)
    assert found.index.tolist() == ["ours", "logit", "smooth", "slow"], "a row for each setting of ours"
    assert found["answer (%)"].tolist() == pytest.approx([100 * n / 12 for n in (5, 7, 12, 0)])
    assert found["baseline (%)"].tolist() == pytest.approx([25, 25, 100 * 5 / 12, np.nan], nan_ok=True)
    assert found["both (%)"].iloc[2] == pytest.approx((100 + 500 / 12) / 2)
    assert found["minus first"].tolist()[1:] == pytest.approx([200 / 12, 700 / 12, -500 / 12])
    assert found["folds won"].tolist() == ["", "2 of 3", "3 of 3", "0 of 3"], "a tie is no gain"
    assert found["baseline minus first"].tolist()[2] == pytest.approx(200 / 12)
    assert found["ours minus baseline"].tolist()[:3] == pytest.approx([200 / 12, 400 / 12, 700 / 12])
    assert (found["minus first low"].iloc[1:] < found["minus first"].iloc[1:].astype(float)).all()


def test_what_only_local_classifiers_have_leaves_a_setting_its_baseline():
    alone = {"network.readout_cells": "attended", "train.loc_weight": 4.0, "attend.region": "mass"}
    both = {"network.averaging": "log_probabilities", "train.classifier_rate": 5.0}
    assert tried(alone | both, "1").shared == both


def test_the_best_of_each_side_and_how_many_were_tried():
    said = choices.best(SETTINGS)
    assert said.startswith("settings tried: 4 of ours, best smooth 100.0%; 2 of baseline, best smooth-baseline 41.7%;")
    assert "the one minus the other +58.3 [" in said
    assert "baseline" not in choices.best({"ours": SETTINGS["ours"]})


def test_a_table_shows_what_is_missing_and_compares_nothing_with_itself():
    text = tables.to_markdown(choices.table(SETTINGS))
    ours, logit, _, slow = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()[2:]]
    titles = [cell.strip() for cell in text.splitlines()[0].split("|")[1:-1]]
    assert ours[titles.index("minus first")] == "" and slow[titles.index("baseline (%)")] == "not run"
    assert (
        logit[titles.index("minus first")].startswith("+16.7 [") and logit[titles.index("baseline minus first")] == ""
    )


def test_several_seeds_of_equal_answers_are_no_more_images():
    one, three = (
        {
            name: tried(s.changes, *("".join("01"[int(h)] for h in f[0]) for f in s.hits["obj"]), seeds=n)
            for name, s in SETTINGS.items()
        }
        for n in (1, 3)
    )
    columns = ["answer (%)", "minus first"]
    pd.testing.assert_frame_equal(choices.table(one)[columns], choices.table(three)[columns])
    found = three["logit"].minus(three["ours"])
    assert (found.images, found.seeds) == (12, 3)
