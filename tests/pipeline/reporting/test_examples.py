"""Images to show, picked by rule."""

from pathlib import Path

import pandas as pd

from pipeline import params
from pipeline.reporting import examples, results


def test_examples_are_picked_evenly_and_not_by_hand():
    table = pd.DataFrame({"id": list("abcdefgh"), "true": ["x"] * 8, "ms": ["x", "y"] * 4})
    assert examples.choose(table, True, 2).id.tolist() == ["a", "g"]
    assert examples.choose(table, False, 10).id.tolist() == ["b", "d", "f", "h"]
    assert examples.choose(table.assign(ms="x"), False, 4).empty


def test_an_example_has_what_every_scale_saw(finished, monkeypatch):
    monkeypatch.chdir(finished)
    folders = [Path(name) for name in ("runs/tiny", "data/tiny", "reports", "data/raw/tiny/taken.json")]
    found = results.read("tiny", params.read("tiny"), [1, 2, 3], *folders)
    row = found.predictions.iloc[0]
    example = examples.gather(row, found.scales)
    assert example.truth == row.true and [view.prediction for view in example.views] == row[2:5].tolist()
    assert [set(view.boxes) for view in example.views] == [{"true", "attended", "next"}] * 2 + [{"true", "attended"}]
    first = example.views[0]
    assert first.pixels.shape[0] >= 64 and first.M.shape == first.M_b.shape
    true = found.scales[0].images.index.set_index("id").loc[row.id, ["x0", "y0", "x1", "y1"]]
    assert first.boxes["true"].tolist() == true.tolist()
