"""Images to show, picked by rule."""

import pandas as pd

from pipeline import examples
from pipeline.figures import NEXT_BOX, TRUE_BOX


def test_examples_are_picked_evenly_and_not_by_hand():
    table = pd.DataFrame({"id": list("abcdefgh"), "true": ["x"] * 8, "ms": ["x", "y"] * 4})
    assert examples.choose(table, True, 2).id.tolist() == ["a", "g"]
    assert examples.choose(table, False, 10).id.tolist() == ["b", "d", "f", "h"]
    assert examples.choose(table.assign(ms="x"), False, 4).empty


def test_an_example_has_what_every_scale_saw(finished):
    scales = [examples.read(finished / "data" / f"scale-{n}", finished / "runs" / f"attend-{n}") for n in (1, 2, 3)]
    row = pd.read_csv(finished / "runs" / "evaluate" / "predictions.csv", dtype={"id": str}).iloc[0]
    example = examples.gather(row, scales)
    assert example.truth == row.true and [view.prediction for view in example.views] == row[2:5].tolist()
    assert [NEXT_BOX in view.boxes for view in example.views] == [True, True, False]
    first = example.views[0]
    assert first.pixels.shape[0] >= 64 and first.M.shape == first.M_b.shape
    true = scales[0].images.index.set_index("id").loc[row.id, ["x0", "y0", "x1", "y1"]]
    assert first.boxes[TRUE_BOX].tolist() == true.tolist()
