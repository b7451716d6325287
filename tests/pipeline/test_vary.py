"""Variants: where they are trained, and on what."""

import pytest

import command_line
from pipeline import params, variants, vary


@pytest.mark.parametrize(
    "name, seed, expected", [("baseline", 0, [1, 2, 3]), ("baseline", 1, [1]), ("n-1", 0, [1]), ("ours", 2, [1])]
)
def test_scales(project, name, seed, expected):
    assert vary.scales(variants.parse(name), seed, params.read("tiny")) == expected


def test_seeds_start_from_the_recipes_own(project, write_recipe, tiny):
    tiny["train"]["seed"] = 5
    write_recipe(tiny=tiny)
    recipe = params.read("tiny")
    assert vary.with_seed(recipe, 0) == recipe and vary.with_seed(recipe, 2).train.seed == 7


def test_what_is_written(finished):
    folder = finished / "runs" / "vary" / "baseline-seed-0"
    assert sorted(path.name for path in folder.iterdir()) == ["1", "2", "3"]
    assert sorted(path.name for path in (folder / "2").iterdir()) == ["history.csv", "predictions.npz"]


def test_unknown_variant(project):
    (project / "images").mkdir()
    with pytest.raises(AssertionError, match="error: variant 'n-0': unknown"):
        command_line.run("vary", "tiny", "n-0", "--images", "images", "--out", "x")
