"""What a change reruns, and what it does not, read from DVC's own graph with two datasets in it."""

from pathlib import Path

import networkx
import pytest
from dvc.dependency.param import ParamsDependency
from dvc.repo import Repo
from ruamel.yaml import YAML

from conftest import ROOT, VARIANTS, checkout, write_params

PLAN = {
    "main": {"variants": ["ours", "baseline"], "seeds": [0], "scales": [1, 2, 3]},
    "repeated": {"variants": ["ours"], "seeds": [1], "scales": [1]},
    "figure-8": {"variants": ["n-1"], "seeds": [0], "scales": [1, 2]},
}
SCALE_1 = {"ours-0-1", "baseline-0-1", "ours-1-1", "n-1-0-1"}
CELLS = SCALE_1 | {"ours-0-2", "ours-0-3", "baseline-0-2", "baseline-0-3", "n-1-0-2"}
TRAINED, ATTENDED = ({f"{stage}-{cell}" for cell in CELLS} for stage in ("train", "attend"))
LATER = {f"train-{cell}" for cell in CELLS - SCALE_1}  # the trainings that see crops
CROPS = {"crop-ours-0-2", "crop-ours-0-3", "crop-n-1-0-2"}
LAST = {"evaluate", "compare", "report", "export"}
CUT = CROPS | LATER | {f"attend-{cell}" for cell in CELLS - SCALE_1} | LAST  # what a change of the crops reruns
WHOLE = {"download", "prepare", "measure"} | TRAINED | ATTENDED | CROPS | LAST
ALL = WHOLE | {"weights-ours"}


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    folder = tmp_path_factory.mktemp("graph")
    recipes = YAML(typ="safe").load(ROOT / "params.yaml")["recipes"]
    write_params(folder, {name: recipes[name] for name in ("birdlets", "cub")}, PLAN, VARIANTS)
    checkout(folder)
    return Repo.init(str(folder), no_scm=True).index


def short(stage):
    """'train@cub-ours-0-1' -> ('cub', 'train-ours-0-1')."""
    name, _, item = stage.name.partition("@")
    dataset, _, cell = item.partition("-")
    return dataset, f"{name}-{cell}" if cell else name


def reruns(index, changed):
    """List the stages that may run again when ``changed`` (a predicate on dependencies) has changed."""
    touched = {stage for stage in index.stages if any(changed(dep) for dep in stage.deps)}
    found = {short(s) for stage in touched for s in {stage} | networkx.ancestors(index.graph, stage)}
    return found - {("", "plan")}


def section(name):
    return lambda dep: isinstance(dep, ParamsDependency) and name in dep.params


def code(name):
    """Whether a dependency is a file of code, or a folder that it lies in and where DVC does not ignore it."""
    return lambda dep: dep.def_path == name or (name != "model/boxes.py" and name.startswith(f"{dep.def_path}/"))


def on_both(stages):
    return {(dataset, stage) for dataset in ("birdlets", "cub") for stage in stages}


def test_the_stages_of_a_dataset(index):
    assert {short(stage) for stage in index.stages} == on_both(ALL) | {("", "plan")}


@pytest.mark.parametrize(
    "values, stages",
    [
        ("recipes.birdlets.download", WHOLE),
        ("recipes.birdlets.prepare", WHOLE - {"download"}),
        ("recipes.birdlets.network", ALL - {"download", "prepare"}),
        ("recipes.birdlets.train", WHOLE - {"download", "prepare"}),
        ("recipes.birdlets.attend", CUT),
        ("recipes.birdlets", {"evaluate", "export", "report"}),  # what its calibration changes
        ("plan.birdlets", {"compare", "report"}),
        ("datasets", set()),
    ],
)
def test_a_value_reruns_what_depends_on_it_and_nothing_of_another_dataset(index, values, stages):
    assert reruns(index, section(values)) == {("birdlets", stage) for stage in stages}


@pytest.mark.parametrize(
    "variant, own",
    [
        ("n-1", {"train-n-1-0-1", "train-n-1-0-2", "attend-n-1-0-1", "attend-n-1-0-2", "crop-n-1-0-2"}),
        ("baseline", {f"{stage}-baseline-0-{scale}" for stage in ("train", "attend") for scale in (1, 2, 3)}),
    ],
)
def test_a_variants_values_rerun_its_own_trainings_and_the_comparison(index, variant, own):
    assert reruns(index, section(f"variants.{variant}")) == on_both(own | {"compare", "report"})


def test_plots_are_titled_by_dataset_and_scale(index):
    """Else all would have one title where 'dvc plots show' puts them side by side."""
    plots = {out.def_path: out.plot["title"] for stage in index.stages for out in stage.outs if out.plot}
    assert len(set(plots.values())) == len(plots) == 2 * (len(CELLS) + 3)
    for path, title in plots.items():
        words = title.replace(",", " ").split()
        assert Path(path).parts[1] in words and ("scale" in words or words[-4:] == ["scales", "1", "2", "3"]), title


@pytest.mark.parametrize(
    "name, stages",
    [
        ("pipeline/reporting/page.py", {"report"}),
        ("pipeline/reporting/intervals.py", {"evaluate", "compare", "export", "report"}),
        ("pipeline/reporting/failures.py", {"report"}),
        ("pipeline/reporting/calibration.py", {"evaluate", "export", "report"}),
        ("pipeline/evaluate.py", {"evaluate", "export", "report"}),
        ("pipeline/recogniser.py", {"export"}),
        ("pipeline/export.py", {"export"}),
        ("pipeline/overlay.py", ATTENDED | CROPS | LATER | LAST),
        ("pipeline/train.py", TRAINED | ATTENDED | CROPS | LAST),
        ("pipeline/crop.py", CUT),
        ("pipeline/datasets/cub.py", WHOLE),
        ("pipeline/images.py", WHOLE),
        ("pipeline/weights.py", ALL - {"download", "prepare", "measure"}),
        ("model/losses.py", WHOLE - {"download", "prepare"}),
        ("model/boxes.py", ATTENDED | CROPS | LATER | LAST),
    ],
)
def test_code_reruns_the_stages_that_use_it(index, name, stages):
    assert reruns(index, code(name)) == on_both(stages)


@pytest.mark.parametrize(
    "name",
    [
        "pipeline/tracking/run.py",
        "pipeline/tracking/mlflow_store.py",
        "pipeline/errors.py",
        "pipeline/cli.py",
        "pipeline/launch.py",
        "pipeline/ablate.py",
        "pipeline/check.py",
        "pipeline/index.py",
        "pipeline/cli_stages.py",
        "pipeline/predict.py",
        "pipeline/predicting/sources.py",
    ],
)
def test_code_that_reruns_nothing(index, name):
    assert not reruns(index, code(name))


def test_reports_rerun_no_training(index):
    for name in ("pipeline/reporting/tables.py", "pipeline/report.py", "pipeline/compare.py", "pipeline/plan.py"):
        assert not {stage for _, stage in reruns(index, code(name))} & (TRAINED | ATTENDED), name


def test_how_a_crop_is_cut_retrains_no_scale_1(index):
    for change in (section("recipes.cub.attend"), code("model/boxes.py"), code("pipeline/crop.py")):
        assert not {stage for _, stage in reruns(index, change)} & {f"train-{cell}" for cell in SCALE_1}


def test_every_recipe_has_an_artifact_that_is_what_export_writes(index):
    """But those of a user's own folders, which 'pipeline new' adds."""
    recipes = YAML(typ="safe").load(ROOT / "params.yaml")["recipes"]
    recipes = [name for name, recipe in recipes.items() if recipe["download"]["reader"] != "folder"]
    (artifacts,) = index._artifacts.values()
    assert {name: one["path"] for name, one in artifacts.items()} == {name: f"runs/{name}/model" for name in recipes}
    outs = {short(stage)[0]: out.def_path for stage in index.stages for out in stage.outs if "export@" in stage.name}
    assert outs == {name: artifacts[name]["path"] for name in ("birdlets", "cub")}


def test_no_stage_depends_on_a_whole_package_or_on_all_recipes(index):
    for stage in index.stages:
        assert "pipeline" not in {dep.def_path for dep in stage.deps}
        for dep in stage.deps:
            if isinstance(dep, ParamsDependency) and stage.name != "plan":
                assert all(name.count(".") >= 1 for name in dep.params)


def test_a_new_cell_leaves_the_others_as_they_are(index, tmp_path):
    """What DVC compares of the stages that were there, their commands, dependencies and outputs, stays the same."""
    recipes = YAML(typ="safe").load(ROOT / "params.yaml")["recipes"]
    more = PLAN | {"more": {"variants": ["local"], "seeds": [0, 1], "scales": [1]}}
    write_params(tmp_path, {name: recipes[name] for name in ("birdlets", "cub")}, more, VARIANTS)
    checkout(tmp_path)
    grown = {stage.name: stage for stage in Repo.init(str(tmp_path), no_scm=True).index.stages}
    for stage in index.stages:
        other = grown.pop(stage.name)
        assert other.cmd == stage.cmd and [d.def_path for d in other.deps] == [d.def_path for d in stage.deps]
    assert {name.partition("@")[0] for name in grown} == {"train", "attend"} and len(grown) == 8


def test_the_plan_is_looked_at_before_anything_runs(index):
    assert next(networkx.dfs_postorder_nodes(index.graph)).name == "plan"


def test_dvc_reads_its_files_in_c():
    """It reads params.yaml once a stage: in Python that is a third of a 'dvc repro' with nothing to do."""
    assert "_ruamel_yaml" in YAML(typ="safe").Parser.__module__
