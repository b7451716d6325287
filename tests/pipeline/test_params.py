"""Recipes: what is right is read, what is wrong is named, with its file and field and the way out."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline import params
from pipeline.errors import InputError

ROOT = Path(__file__).parents[2]


def test_every_recipe_of_the_project_is_valid():
    for dataset in YAML(typ="safe").load(ROOT / "params.yaml")["recipes"]:
        params.read(dataset, ROOT / "params.yaml")


def test_the_papers_recipe_is_the_papers():
    recipe = params.read("cub", ROOT / "params.yaml")
    stated = recipe.network.backbone, recipe.prepare.short_edge, recipe.network.n_classifiers
    assert stated == ("resnet50", 448, 16)
    assert (recipe.train.epochs, recipe.train.lr) == (40, 1e-4)


def test_numbers_in_scientific_notation_are_numbers(project):
    text = Path("params.yaml").read_text().replace("lr: 0.001", "lr: 1e-3")
    Path("params.yaml").write_text(text)
    assert params.read("tiny").train.lr == 0.001


@pytest.mark.parametrize(
    "section, key, value, message",
    [
        ("train", "epoch", 3, r"recipes.tiny.train.epoch: unknown key; did you mean 'epochs'\?"),
        ("trian", None, {}, r"recipes.tiny.trian: unknown key; did you mean 'train'\?"),
        ("network", "n_classifiers", 0, "network.n_classifiers: .*greater than or equal to 1, got 0"),
        ("network", "n_classifiers", 2.5, "network.n_classifiers: .*integer.*, got 2.5"),
        ("network", "attention", "prob", "network.attention: .*'probability' or 'logit', got 'prob'"),
        ("network", "stride", 8, "network.stride: .*16 or 32, got 8"),
        ("prepare", "short_edge", 450, "prepare.short_edge: must be a multiple of 32.*448 is, got 450"),
        ("train", "lr", "fast", "train.lr: .*number, got 'fast'"),
        ("train", "crop", 128, "train.crop: 128 is more than prepare.short_edge, 64"),
        ("train", "epochs", None, "train.epochs: missing"),
        ("train", "warmup_epochs", 2, "train.warmup_epochs: 2 must be less than train.epochs, 2"),
        ("download", "reader", "imagenet", "download: .*'birdlets', 'cub'"),
        ("download", "colour", "red", "download.colour: unknown key"),
    ],
)
def test_errors_name_the_field(write_recipe, tiny, section, key, value, message):
    if key is None:
        tiny[section] = value
    elif value is None:
        del tiny[section][key]
    else:
        tiny[section][key] = value
    write_recipe(tiny=tiny)
    with pytest.raises(InputError, match=message) as error:
        params.read("tiny")
    assert str(error.value).startswith("params.yaml: recipes.tiny")


def test_all_errors_at_once(write_recipe, tiny):
    tiny["train"] |= {"lr": -1.0, "epochs": 0}
    write_recipe(tiny=tiny)
    with pytest.raises(InputError) as error:
        params.read("tiny")
    assert len(str(error.value).splitlines()) == 2


def test_unknown_dataset(project):
    with pytest.raises(InputError, match="no recipe for 'cob'; recipes: tiny"):
        params.read("cob")


def test_no_file_and_no_yaml(tmp_path):
    with pytest.raises(InputError, match=r"params.yaml: not found; run this from the project's root"):
        params.read("cub", tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text("a: [1")
    with pytest.raises(InputError, match="not valid YAML"):
        params.read("cub", tmp_path / "params.yaml")


def test_flatten(project):
    flat = params.flatten(params.read("tiny"))
    assert flat["train.lr"] == 0.001 and flat["download.reader"] == "birdlets"


def test_no_value_has_a_name_that_dvcs_run_cache_overlooks(project):
    """DVC leaves 'size' and 'nfiles' out of a stage's key, however deep: changing such a value would change nothing."""
    from dvc.stage.cache import _get_cache_hash

    assert _get_cache_hash({"params": {"size": 1}}) == _get_cache_hash({"params": {"size": 2}}), "DVC has mended it"
    names = {name.split(".")[-1] for name in params.flatten(params.read("tiny"))}
    for model in params.Section.__subclasses__():
        names |= set(model.model_fields)
    assert not names & {"size", "nfiles"}
