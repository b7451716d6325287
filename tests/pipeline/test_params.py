"""Recipes: what is right is read, what is wrong is named, with its file and field and the way out."""

from pathlib import Path

import pytest

from conftest import ROOT, TINY, write_params
from pipeline import params
from pipeline.datasets import sources
from pipeline.disk import sections
from pipeline.errors import InputError

FILE = ROOT / "params.yaml"
PAPER = ("cub", "cars", "aircraft")


def test_every_recipe_of_the_project_is_valid():
    for dataset in params.load(FILE)["recipes"]:
        sources.check(dataset, params.read(dataset, path=FILE).download)


def test_every_variant_of_the_project_is_valid_on_every_recipe():
    for dataset in params.load(FILE)["recipes"]:
        for variant in params.load(FILE)["variants"]:
            params.read(dataset, variant, path=FILE)


@pytest.mark.parametrize("dataset", PAPER)
def test_the_papers_recipes_are_the_papers(dataset):
    """Section 5.2, whatever the others do."""
    recipe = params.read(dataset, path=FILE)
    stated = recipe.network.backbone, recipe.prepare.short_edge, recipe.train.crop, recipe.network.n_classifiers
    assert stated == ("resnet50", 448, 448, 16)
    assert (recipe.train.epochs, recipe.train.lr, recipe.train.loss) == (40, 1e-4, "both")
    assert recipe.network.stride == 32, "ResNet-50's own"


def test_the_papers_recipes_differ_in_their_pictures_alone():
    """They are spelled out, because YAML anchors would lose DVC's overrides: a value is changed in all three."""
    cub, *others = ({k: v for k, v in params.load(FILE)["recipes"][name].items() if k != "download"} for name in PAPER)
    assert all(other == cub for other in others)


@pytest.mark.parametrize(
    "override",
    ["recipes.birdlets.train.epochs=7", "recipes.cub.train.threads=3", "plan.birdlets.table-5.seeds=[0,1]"],
)
def test_the_file_has_the_form_in_which_dvc_writes_it(tmp_path, override):
    """So that 'dvc exp run -S' changes one line, and the diff shows the experiment."""
    from dvc.utils.hydra import apply_overrides

    (tmp_path / "params.yaml").write_text(FILE.read_text())
    apply_overrides(tmp_path / "params.yaml", [override])
    pairs = zip(FILE.read_text().splitlines(), (tmp_path / "params.yaml").read_text().splitlines(), strict=True)
    assert sum(before != after for before, after in pairs) == 1


def test_our_own_edits_change_no_other_line(tmp_path):
    (tmp_path / "params.yaml").write_text(FILE.read_text())
    with params.edit(tmp_path / "params.yaml"):
        pass
    assert (tmp_path / "params.yaml").read_text() == FILE.read_text()


def test_numbers_in_scientific_notation_are_numbers(project):
    text = Path("params.yaml").read_text().replace("lr: 0.001", "lr: 1e-3")
    Path("params.yaml").write_text(text)
    assert params.read("tiny").train.lr == 0.001


@pytest.mark.parametrize(
    "section, key, value, message",
    [
        ("train", "epoch", 3, r"recipes.tiny.train.epoch: unknown key; did you mean 'epochs'\?"),
        ("trian", None, {}, r"recipes.tiny.trian: unknown key; did you mean 'train'\?"),
        ("network", "n_classifiers", -1, "network.n_classifiers: .*greater than or equal to 0, got -1"),
        ("network", "n_classifiers", 0, "n_classifiers 0, single losses and crops .* are for 'variants'"),
        ("attend", "crops", "true_box", "crops by centre or true_box are for 'variants'"),
        ("network", "n_classifiers", 2.5, "network.n_classifiers: .*integer.*, got 2.5"),
        ("network", "attention", "prob", "network.attention: .*'probability' or 'logit', got 'prob'"),
        ("network", "stride", 8, "network.stride: .*16 or 32, got 8"),
        ("network", "last_block", "left_out", "network.last_block: 'left_out' needs stride 16, not 32"),
        ("prepare", "short_edge", 450, "prepare.short_edge: must be a multiple of 32.*448 is, got 450"),
        ("train", "lr", "fast", "train.lr: .*number, got 'fast'"),
        ("train", "crop", 128, "train.crop: 128 is more than prepare.short_edge, 64"),
        ("train", "epochs", None, "train.epochs: missing"),
        ("train", "warmup_epochs", 2, "train.warmup_epochs: 2 must be less than train.epochs, 2"),
        ("train", "threads", 0, "train.threads: .*greater than or equal to 1, got 0"),
        ("train", "loss", "none", "train.loss: .*'both', 'local' or 'object', got 'none'"),
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
        params.read("cub", path=tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text("a: [1")
    with pytest.raises(InputError, match="not valid YAML"):
        params.read("cub", path=tmp_path / "params.yaml")


def test_a_variant_is_the_recipe_with_its_values_changed(project):
    ours, one, baseline = (params.read("tiny", name) for name in ("ours", "n-1", "baseline"))
    assert one.network.n_classifiers == 1 and baseline.network.n_classifiers == 0
    assert one.train == ours.train and one.network.model_copy(update={"n_classifiers": 2}) == ours.network
    assert params.read("tiny", "local").train.loss == "local"


def test_a_variant_of_ones_own_needs_no_code(project):
    write_params(project, {"tiny": TINY}, variants={"ours": {}, "smooth": {"train.weight_decay": 0.05}})
    assert params.read("tiny", "smooth").train.weight_decay == 0.05
    assert params.read("tiny").train.weight_decay == 0.01


@pytest.mark.parametrize("seed", [0, 2])
def test_seeds_are_added_to_the_recipes_own(project, write_recipe, tiny, seed):
    tiny["train"]["seed"] = 5
    write_recipe(tiny=tiny)
    assert params.read("tiny", "local", seed).train.seed == 5 + seed


@pytest.mark.parametrize(
    "name, answer, attends",
    [
        ("ours", "avg", True),
        ("n-1", "avg", True),
        ("baseline", "obj", False),
        ("two-heads", "avg", False),
        ("local", "loc", False),
        ("object", "obj", False),
    ],
)
def test_what_a_variant_answers_by_and_whether_it_attends(project, name, answer, attends):
    recipe = params.read("tiny", name)
    assert (recipe.training.answer, recipe.attends) == (answer, attends)


@pytest.mark.parametrize(
    "name, values, message",
    [
        (
            "x",
            {"train.weight_deca": 1.0},
            r"variants.x, on tiny: train.weight_deca: unknown key; did you mean 'weight_decay'",
        ),
        ("x", {"train.lr": "fast"}, "variants.x, on tiny: train.lr: .*number, got 'fast'"),
        ("x", {"train.crop": 128}, "variants.x, on tiny: train.crop: 128 is more than prepare.short_edge, 64"),
        (
            "x",
            {"prepare.short_edge": 32},
            "variants.x.prepare.short_edge: a variant changes values of network, train, attend",
        ),
        ("x", {"lr": 1.0}, "variants.x.lr: a variant changes values of"),
        ("x", {"train.lr.x": 1.0}, "variants.x.train.lr.x: a variant changes values of"),
        ("x", 3, "variants.x: must be recipe values, such as"),
        ("x", {"network.n_classifiers": 0, "train.loss": "local"}, "train.loss: 'local' is for local classifiers"),
        ("n-4", {"network.n_classifiers": 5}, r"variants.n-4: is Figure 8's name of"),
        ("n-4", {"network.n_classifiers": 4, "train.lr": 1.0}, r"variants.n-4: is Figure 8's name of"),
        ("n-0", {"network.n_classifiers": 0}, r"variants.n-0: is Figure 8's name of"),
        ("n-08", {"network.n_classifiers": 8}, r"variants.n-08: is Figure 8's name of"),
        ("baseline", {"train.lr": 1.0}, r"variants.baseline: tables call {'network.n_classifiers': 0} so"),
        ("ours", {"train.lr": 1.0}, "variants.ours: is the recipe itself, so it must be {}"),
        ("centred", {}, r"variants.centred: tables call {'attend.crops': 'centre'} so"),
        ("x", {"network.second_head": True}, "variants.x, on tiny: network.second_head: is for the baseline"),
        ("x", {"attend.crops": "nose"}, "variants.x, on tiny: attend.crops: .*'true_box', got 'nose'"),
    ],
)
def test_what_is_wrong_with_a_variant_is_named(project, name, values, message):
    write_params(project, {"tiny": TINY}, variants={"ours": {}, name: values})
    with pytest.raises(InputError, match=message) as error:
        params.read("tiny", name)
    assert str(error.value).startswith("params.yaml: variants.")


def test_unknown_variant(project):
    with pytest.raises(
        InputError, match="no variant 'n-3'; variants: ours, baseline, local, object, centred, two-heads, n-1"
    ):
        params.read("tiny", "n-3")


@pytest.mark.parametrize("text", ["- a list", "just text", "3"])
def test_a_file_of_something_else(tmp_path, text):
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(InputError, match="must hold 'datasets', 'variants', 'plan' and 'recipes'"):
        params.read("tiny", path=tmp_path / "params.yaml")


def test_no_value_has_a_name_that_dvcs_run_cache_overlooks(project):
    """DVC leaves 'size' and 'nfiles' out of a stage's key, however deep: changing such a value would change nothing."""
    from dvc.stage.cache import _get_cache_hash

    assert _get_cache_hash({"params": {"size": 1}}) == _get_cache_hash({"params": {"size": 2}}), "DVC has mended it"
    names = set(params.load(FILE)) | set(params.load(FILE)["variants"]) | set(params.load(FILE)["plan"])
    for model in sections.Section.__subclasses__():
        names |= set(model.model_fields)
    assert not names & {"size", "nfiles"}


BAD_FILES = {
    "merge marks": (
        b"recipes:\n<<<<<<< HEAD\n  a: 1\n=======\n>>>>>>> other\n",
        "holds the marks of a git merge (line 2)",
    ),
    "a tab": (b"recipes:\n\ta: 1\n", "not valid YAML: line 2: found character"),
    "twice": (b"recipes: {}\nrecipes: {}\n", "not valid YAML: line 2: found duplicate key"),
    "a date": (b"recipes: 2024-13-45\n", "not valid YAML: month must be in 1..12"),
    "Latin-1": ("# é\nrecipes: {}\n".encode("latin-1"), "not UTF-8 (invalid continuation byte at byte 2)"),
    "UTF-16": ("recipes: {}\n".encode("utf-16"), "not UTF-8"),
}


@pytest.mark.parametrize("content, reason", BAD_FILES.values(), ids=BAD_FILES)
def test_a_damaged_file_is_named_in_a_line(tmp_path, content, reason):
    (tmp_path / "params.yaml").write_bytes(content)
    with pytest.raises(InputError) as raised:
        params.load(tmp_path / "params.yaml")
    assert str(raised.value).startswith(f"{tmp_path / 'params.yaml'}: {reason}") and "\n" not in str(raised.value)


def test_an_editor_may_have_written_a_byte_order_mark(project):
    text = (project / "params.yaml").read_text("utf-8")
    (project / "params.yaml").write_text(f"\ufeff{text}", "utf-8")
    assert params.read("tiny").train.epochs == 2


@pytest.mark.parametrize("name", [2024, True, None, 1.5])
def test_a_recipe_that_yaml_does_not_read_as_text(write_recipe, tiny, name):
    write_recipe(**{"tiny": tiny})
    with params.edit() as values:
        values["recipes"] = {name: tiny}
    with pytest.raises(
        InputError, match=rf"recipes.{name}: to YAML this is no text; choose a name such as data-{name}"
    ):
        params.read(str(name))
    with pytest.raises(InputError, match=rf"there is no recipe for 'gulls'; recipes: {name}"):
        params.read("gulls")
