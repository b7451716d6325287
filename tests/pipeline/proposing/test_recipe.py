"""Which recipe suits which pictures and which machine, and that each value of it can be given a reason."""

import pytest

from conftest import ROOT
from pipeline import params
from pipeline.disk import sections
from pipeline.proposing import recipe
from pipeline.proposing.machine import Machine
from pipeline.proposing.survey import Survey

CPU, GPU, ALONE = Machine("", 2, False), Machine("Card", 16, True), Machine("Card", 16, False)
DOWNLOAD = {"reader": "folder", "root": "photos", "test_share": 0.3, "seed": 0, "boxes": None}


def propose(training=42, here=CPU, small=False, short_edge=500):
    found = Survey(3, training, 18, short_edge, 1.0, ())
    proposal = recipe.propose(found, here, DOWNLOAD, small)
    return sections.check(params.Recipe, proposal.values, "gulls."), proposal.reasons


def differing(ours, theirs):
    return {name for name, value in dict(ours.train).items() if value != getattr(theirs.train, name)}


@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize("here", [CPU, GPU, ALONE])
@pytest.mark.parametrize("training", [1, 2, 15, 42, 319, 320, 6000, 1_000_000])
def test_it_is_valid_for_any_number_of_pictures_on_any_machine(training, here, small):
    checked, reasons = propose(training, here, small)
    steps = max(1, training // checked.train.batch) * checked.train.epochs
    assert steps >= recipe.STEPS / (2 if small else 1)
    for field in reasons:
        section, _, key = field.partition(".")
        assert hasattr(getattr(checked, section), key), field
    assert all(reason and "\n" not in reason and len(reason) < 120 for reason in reasons.values())


def test_without_a_gpu_it_is_the_recipe_of_cub10_and_no_network_is_needed():
    ours, _ = propose(training=400)
    theirs = params.read("cub10", path=ROOT / "params.yaml")
    assert ours.network == theirs.network and ours.attend == theirs.attend and ours.prepare == theirs.prepare
    assert differing(ours, theirs) == {"epochs", "test_every", "batch_norm"}, "its own 300 pictures make 90 steps"
    assert ours.train.batch_norm == "train", "frozen statistics learn nothing on cars14"


def test_with_a_gpu_and_many_pictures_it_is_the_papers():
    ours, reasons = propose(training=6000, here=GPU)
    theirs = params.read("cub", path=ROOT / "params.yaml")
    assert ours.network == theirs.network and ours.prepare == theirs.prepare and "Card" in reasons["network.backbone"]
    assert differing(ours, theirs) == {"warmup_epochs", "test_every"}


def test_with_a_gpu_but_no_weights_it_is_the_small_network_whose_weights_are_here():
    ours, reasons = propose(here=ALONE)
    assert ours.network.backbone == "tf_efficientnet_lite0" and ours.train.precision == "bf16"
    assert "resnet50" in reasons["network.backbone"]


def test_few_pictures_get_so_many_epochs_that_something_can_be_learned():
    ours, reasons = propose(training=42)
    assert (ours.train.batch, ours.train.epochs, ours.train.warmup_epochs, ours.train.test_every) == (16, 75, 7, 15)
    assert "150 steps, 2 an epoch" in reasons["train.epochs"]


def test_the_larger_batch_is_cub10s():
    assert recipe.PER_STEP[1] == params.read("cub10", path=ROOT / "params.yaml").train.batch


def test_a_first_look_is_half_as_many_steps_on_smaller_pictures():
    whole, small = propose()[0], propose(small=True)[0]
    assert (small.train.epochs, small.prepare.short_edge) == (38, 160) and whole.prepare.short_edge == 224
    assert propose(6000, GPU, True)[0].train.epochs == 20


@pytest.mark.parametrize("short_edge, pixels", [(500, 224), (224, 224), (223, 192), (100, 160)])
def test_pictures_are_not_enlarged_beyond_what_shows_where_something_is(short_edge, pixels):
    ours, reasons = propose(short_edge=short_edge)
    assert ours.prepare.short_edge == ours.train.crop == pixels
    assert (f"{short_edge:,}" in reasons["prepare.short_edge"]) == (short_edge < 224)


def test_threads_are_the_cores_up_to_where_more_would_wait():
    assert propose(here=CPU)[0].train.threads == 2
    assert propose(here=Machine("", 64, False))[0].train.threads == recipe.MOST_THREADS
    assert propose(here=GPU)[0].train.threads is None
