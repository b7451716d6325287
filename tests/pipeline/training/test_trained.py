"""A trained network comes back from disk as it was, with its own recipe, whatever params.yaml says by then."""

import pytest
import torch
from safetensors.torch import save_file

from pipeline import params
from pipeline.errors import InputError
from pipeline.training import accelerator, loop, trained


@pytest.fixture
def network(project):
    recipe = params.read("tiny", "n-1", seed=3)
    network = loop.build(recipe, 4, accelerator.start("fp32", 1)).eval()
    trained.write(project / "run", network, recipe.training)
    return network


def test_the_network_that_is_read_answers_as_the_one_that_was_written(project, network):
    recipe = trained.read_recipe(project / "run")
    again = trained.read(project / "run", recipe.network, 4).eval()
    X = torch.randint(256, (2, 3, 64, 96), dtype=torch.uint8)
    torch.testing.assert_close(again(X).logits, network(X).logits, rtol=0, atol=0)


def test_the_recipe_is_that_of_the_training(project, network, write_recipe, tiny):
    tiny["network"]["n_classifiers"] = 7
    tiny["train"] |= {"epochs": 9, "loss": "both"}
    write_recipe(tiny=tiny)
    recipe = trained.read_recipe(project / "run")
    assert (recipe.network.n_classifiers, recipe.train.epochs, recipe.train.seed) == (1, 2, 3)


def test_the_same_network_is_written_as_the_same_bytes(project, network):
    trained.write(project / "again", network, params.read("tiny", "n-1", seed=3).training)
    first, second = (project / name / trained.WEIGHTS for name in ("run", "again"))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("content", [None, b"", b"damaged", {"w": torch.ones(2)}])
def test_weights_that_no_training_wrote(project, content):
    (project / "run").mkdir()
    if isinstance(content, bytes):
        (project / "run" / trained.WEIGHTS).write_bytes(content)
    elif content is not None:
        save_file(content, project / "run" / trained.WEIGHTS)
    with pytest.raises(InputError, match=r"run/weights.safetensors: missing, or not written by the train stage"):
        trained.read_recipe(project / "run")


def test_images_of_other_categories(project, network):
    recipe = trained.read_recipe(project / "run")
    with pytest.raises(InputError, match="not trained on images of 5 categories") as caught:
        trained.read(project / "run", recipe.network, 5)
    assert "\n" not in str(caught.value)
