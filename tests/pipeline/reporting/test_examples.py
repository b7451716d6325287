"""Images to show, picked by rule."""

from pathlib import Path

import pandas as pd
from PIL import Image

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


class Pictures:
    """Pictures whose pixels are their number."""

    def __init__(self, split):
        self.index = pd.DataFrame({"id": list("0123456"), "class_name": list("aaabbbb"), "split": split})

    def open(self, identity):
        return Image.new("L", (2, 2), int(identity))


def test_a_pair_shows_the_surest_mistakes_beside_recognised_pictures_of_the_other_class():
    answers = pd.DataFrame({"id": list("012345"), "true": list("aaabbb"), "ms": list("bbbabb")})
    answers["confidence"] = [0.2, 0.9, 0.5, 0.9, 0.3, 0.8]
    pair = examples.pair("a", "b", answers, Pictures(["test"] * 6 + ["train"]))
    assert [pixels[0, 0] for pixels in pair.mistaken] == [1, 2, 0]
    assert [pixels[0, 0] for pixels in pair.others] == [5, 4, 3]  # the one that is mistaken itself comes last


def test_a_class_that_is_only_an_answer_is_shown_by_training_images():
    answers = pd.DataFrame({"id": list("012"), "true": list("aaa"), "ms": list("aab"), "confidence": 0.5})
    pair = examples.pair("a", "b", answers, Pictures(["test"] * 3 + ["train"] * 4))
    assert [pixels[0, 0] for pixels in pair.mistaken] == [2]
    assert [pixels[0, 0] for pixels in pair.others] == [3, 4, 5]
