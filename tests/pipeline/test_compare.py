"""Variants beside the main line, on the same images."""

import numpy as np
import pytest

import command_line
from pipeline import attended, compare, files


def test_multi_scale_only_where_there_are_three_scales():
    right, wrong, labels = np.array([[0.9, 0.1]]), np.array([[0.2, 0.8]]), np.array([0])
    assert list(compare.hits([right], labels)) == ["1"]
    assert {s: h.tolist() for s, h in compare.hits([right, wrong, right], labels).items()} == {
        "1": [1],
        "2": [0],
        "3": [1],
        "ms": [1],
    }
    assert list(compare.hits([right], labels, [2])) == ["2"]


def test_spread_over_seeds():
    by_seed = {0: {"1": np.array([1.0, 1]), "2": np.array([1.0, 1])}, 1: {"1": np.array([1.0, 0])}}
    assert compare.spread(by_seed) == {"1": {"mean": 75, "std": pytest.approx(np.std([100, 50], ddof=1)), "n": 2}}


def test_differences_are_paired():
    ours, baseline = {"1": np.array([1.0, 1, 0])}, {"1": np.array([1.0, 0, 0])}
    result = compare.differences({"ours": {0: ours}, "baseline": {0: baseline}})
    assert result["1"]["points"] == pytest.approx(100 / 3) and result["1"]["interval"][0] >= 0
    assert compare.differences({"ours": {0: ours}}) == {}


def test_results(finished):
    results = files.read_json(finished / "reports" / "metrics" / "tiny.variants.json")
    assert set(results["accuracy"]) == {"ours", "baseline", "local", "object", "n-1"}
    assert set(results["accuracy"]["baseline"]) == {"1", "2", "3", "ms"} and set(results["accuracy"]["local"]) == {"1"}
    assert results["accuracy"]["ours"] == files.read_json(finished / "reports" / "metrics" / "tiny.json")["acc_avg"]
    assert set(results["seeds"]) == {"ours", "baseline"} and results["seeds"]["ours"]["1"]["n"] == 2
    for name, row in results["accuracy"].items():
        for scale, value in row.items():
            low, high = results["interval"][name][scale]
            assert low <= value <= high


def test_each_variant_is_measured_by_what_it_trains(finished):
    results = files.read_json(finished / "reports" / "metrics" / "tiny.variants.json")["accuracy"]
    for name, kind in {"baseline": "obj", "local": "loc", "object": "obj", "n-1": "avg"}.items():
        predictions = attended.read_predictions(finished / "runs" / "vary" / f"{name}-seed-0" / "1")
        assert results[name]["1"] == attended.accuracy(getattr(predictions, kind), predictions.label)


def test_variants_of_other_images_are_refused(finished, tmp_path, project):
    predictions = attended.read_predictions(finished / "runs" / "attend-1").of("train")
    attended.write_predictions(tmp_path / "vary" / "n-1-seed-0" / "1", predictions)
    looked = [word for n in (1, 2, 3) for word in ("--looked", str(finished / "runs" / f"attend-{n}"))]
    with pytest.raises(AssertionError, match="its test images are not those of the main line"):
        command_line.run("compare", "tiny", *looked, "--varied", str(tmp_path / "vary"), "--metrics", "m.json")
