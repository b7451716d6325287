"""Nothing of a user's lies where stages delete, links in the folder of pictures included."""

from pathlib import Path

import pytest
from PIL import Image

import command_line
from conftest import TINY
from pipeline import plan
from pipeline.datasets import apart
from pipeline.errors import InputError


@pytest.mark.parametrize("target", ["runs/owl", "reports/tiny/owl", "data/raw/owl", "data/tiny/owl", ".", "runs/a.png"])
def test_links_that_lead_to_where_stages_delete(project, write_recipe, tiny, target):
    """DVC sees the folder that the recipe names, and would delete what its links lead to."""
    tiny["download"] = {"reader": "folder", "root": "mine", "test_share": 0.5, "seed": 0, "boxes": None}
    write_recipe(tiny=tiny)
    for name in ("gull/0.png", "gull/1.png", "tern/0.png", "tern/1.png"):
        Path("mine", name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 20), "red").save(Path("mine", name))
    if target.endswith(".png"):
        Path("runs").mkdir()
        Path("mine/gull/0.png").rename(target)
    else:
        Path(target).mkdir(parents=True, exist_ok=True)
    Path("mine/gull/2.png" if target.endswith(".png") else "mine/owl").symlink_to(Path(target).resolve())
    with pytest.raises(AssertionError, match=r"error: mine\S*: a link: \S+ (lies in|holds) \S+/, which stages delete"):
        command_line.run("download", "tiny", "--out", "data/raw/tiny")


def test_a_link_that_leads_to_itself(project):
    Path("loop").symlink_to("loop")
    apart.keep_apart("here", "loop", apart.replaced())
    with pytest.raises(InputError, match=r"^here: data holds data/raw/, which stages delete"):
        apart.keep_apart("here", "data", apart.replaced())


def test_a_shells_word_for_a_home_is_no_path(project, write_recipe, tiny):
    """DVC watches the path as it stands in the recipe, and knows no '~'."""
    way_out = "only shells know what '~' stands for: write the whole path"
    tiny["download"] = {"reader": "folder", "root": "~/birds", "test_share": 0.5, "seed": 0, "boxes": None}
    write_recipe(tiny=tiny)
    with pytest.raises(InputError, match=f"^params.yaml: recipes.tiny.download: ~/birds: {way_out}"):
        plan.run([], checked=False)
    tiny["download"], tiny["network"]["weights"] = TINY["download"], "~/a.pth"
    write_recipe(tiny=tiny)
    with pytest.raises(InputError, match=f"^params.yaml: recipes.tiny.network.weights: ~/a.pth: {way_out}"):
        plan.run([], checked=False)


@pytest.mark.parametrize("path", ["pipeline/birds", "model", "linked"])
def test_a_folder_of_which_dvc_sees_the_code_alone(project, path):
    Path("pipeline/birds").mkdir(parents=True)
    Path("model").mkdir()
    Path("linked").symlink_to("pipeline/birds")
    with pytest.raises(InputError, match=rf"^here: {path} lies in (pipeline|model)/, of which DVC sees the code alone"):
        apart.keep_apart("here", path, apart.replaced())
