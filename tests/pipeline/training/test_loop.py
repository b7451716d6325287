"""The loop and its parts: shares that add up, variants that leave alone what they should."""

import math

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

import command_line
from conftest import TINY, VARIANTS, write_params
from model.losses import local_loss, object_loss
from pipeline import params
from pipeline.errors import InputError
from pipeline.training import accelerator, inference, loop
from pipeline.training.divergence import Divergence

ONE = type("OneProcess", (), {"num_processes": 1, "backward": staticmethod(lambda loss: loss.backward())})


def build(variant, n_categories=4):
    recipe = params.read("tiny", variant)
    return loop.build(recipe, n_categories, accelerator.start(recipe.train.precision, recipe.train.threads))


def test_a_step_of_unequal_shares_adds_up_to_the_batch_mean(project):
    """Two processes with shares of 3 and 1: the mean of their gradients is the gradient of the batch's mean loss."""
    recipe = params.read("tiny")
    job = accelerator.start(recipe.train.precision, recipe.train.threads)
    recipe = recipe.model_copy(update={"train": recipe.train.model_copy(update={"batch_norm": "frozen"})})
    network = loop.build(recipe, 5, job).eval()
    X, t = torch.randint(256, (4, 3, 64, 64), dtype=torch.uint8), torch.tensor([0, 1, 2, 3])
    output = network(X)
    (local_loss(output.attention.A, output.attention.M_b, t) + object_loss(output.logits, t)).mean().backward()
    whole = [p.grad.clone() for p in network.parameters()]
    network.zero_grad()
    pretend = type("TwoProcesses", (), {"num_processes": 2, "backward": staticmethod(lambda loss: loss.backward())})
    for share in (slice(0, 3), slice(3, 4)):
        loop.step(network, loop.Objective(), X[share], t[share], 4, pretend)
    for expected, p in zip(whole, network.parameters(), strict=True):
        torch.testing.assert_close(p.grad / 2, expected, atol=1e-5, rtol=1e-3)


def test_input_errors_are_raised_as_such(project, write_recipe, tiny):
    tiny["network"]["backbone"] = "nobody"
    write_recipe(tiny=tiny)
    with pytest.raises(InputError, match=r"network.backbone: neither torchvision nor timm has 'nobody'"):
        build("ours", 2)


@pytest.mark.parametrize(
    "name, trained, untouched",
    [
        ("ours", {"backbone", "local", "object"}, set()),
        ("local", {"backbone", "local"}, {"object"}),
        ("object", {"backbone", "object"}, {"local"}),
        ("baseline", {"backbone", "object"}, set()),
        ("two-heads", {"backbone", "object", "second"}, set()),
    ],
)
def test_a_variant_trains_what_it_should_and_leaves_the_rest_alone(project, name, trained, untouched):
    network = build(name)
    X, t = torch.randint(256, (4, 3, 64, 64), dtype=torch.uint8), torch.arange(4)
    loop.step(network, loop.Objective.of(params.read("tiny", name).training), X, t, 4, ONE)
    reached = {name.split(".")[0] for name, p in network.named_parameters() if p.grad is not None}
    frozen = {name.split(".")[0] for name, p in network.named_parameters() if not p.requires_grad}
    assert reached == trained and frozen == untouched


def test_all_parameters_that_are_not_frozen_get_a_gradient(project):
    """Else training on several processes would wait for them for ever."""
    for name in VARIANTS:
        network = build(name)
        X, t = torch.randint(256, (4, 3, 64, 64), dtype=torch.uint8), torch.arange(4)
        loop.step(network, loop.Objective.of(params.read("tiny", name).training), X, t, 4, ONE)
        assert all(p.grad is not None for p in network.parameters() if p.requires_grad), name


def test_both_heads_of_a_baseline_are_trained_by_their_mean_loss(project):
    network = build("two-heads").eval()
    X, t = torch.randint(256, (4, 3, 64, 64), dtype=torch.uint8), torch.arange(4)
    output = network(X)
    losses = [torch.nn.functional.cross_entropy(logits, t) for logits in (output.mean_logits, output.logits)]
    sum(losses).backward()
    expected = [p.grad.clone() for p in network.parameters()]
    network.zero_grad()
    sums = loop.step(network, loop.Objective(), X, t, 4, ONE)
    for hand, p in zip(expected, network.parameters(), strict=True):
        torch.testing.assert_close(p.grad, hand)
    assert sums[:2].tolist() == pytest.approx([4 * loss.item() for loss in losses])


@pytest.mark.parametrize("variant", ["ours", "baseline"])
def test_a_row_says_how_many_attended_cells_are_right_where_there_are_local_classifiers(project, variant):
    network = build(variant)
    X, t = torch.randint(256, (4, 3, 64, 96), dtype=torch.uint8), torch.arange(4)
    row = loop._means(loop.step(network, loop.Objective(), X, t, 4, ONE), 4, loop.Objective())
    assert all(map(math.isfinite, row.values()))
    if variant == "baseline":
        assert "cells_right" not in row
        return
    found, shares = network(X).attention, []
    for A, M_b, true in zip(found.A, found.M_b, t.tolist(), strict=True):
        cells = [A[:4, y, x].tolist() for y, x in M_b.nonzero().tolist()]
        shares.append(sum(cell.index(max(cell)) == true for cell in cells) / len(cells))
    assert row["cells_right"] == pytest.approx(100 * sum(shares) / 4) and 0 < row["cells_right"] < 100


@pytest.mark.parametrize(
    "changes, weights",
    [
        ({}, (1, 1)),
        ({"train.loc_weight": 4.0}, (4, 1)),
        ({"train.loc_weight": 4.0, "network.n_classifiers": 0}, (1, 1)),  # max pooling has no l_loc
        ({"train.loc_weight": 4.0, "network.n_classifiers": 0, "network.second_head": True}, (1, 1)),
        ({"train.loss": "object"}, (0, 1)),
    ],
)
def test_what_is_minimised_is_the_weighted_sum_of_the_losses(project, changes, weights):
    write_params(project, {"tiny": TINY}, variants={"ours": {}, "other": changes | {"train.label_smoothing": 0.2}})
    objective = loop.Objective.of(params.read("tiny", "other").training)
    assert (objective.w_loc, objective.w_obj) == weights
    network = build("other").eval()
    X, t = torch.randint(256, (4, 3, 64, 64), dtype=torch.uint8), torch.arange(4)
    output = network(X)
    l_obj = object_loss(output.logits, t, 0.2)
    l_loc = torch.zeros(4) if output.mean_logits is None else object_loss(output.mean_logits, t, 0.2)
    if output.attention:
        l_loc = local_loss(output.attention.A, output.attention.M_b, t, 0.2)
    (weights[0] * l_loc + weights[1] * l_obj).mean().backward()
    expected = [p.grad.clone() if p.grad is not None else None for p in network.parameters()]
    network.zero_grad()
    sums = loop.step(network, objective, X, t, 4, ONE)
    for hand, p in zip(expected, network.parameters(), strict=True):
        if p.requires_grad:
            torch.testing.assert_close(p.grad, hand)
    shown = loop._means(sums, 4, objective)
    w_loc = weights[0] or 1
    assert shown["loss"] == pytest.approx(w_loc * l_loc.mean().item() + l_obj.mean().item(), rel=1e-5)


def test_classifiers_have_a_rate_of_their_own(project):
    write_params(project, {"tiny": TINY}, variants={"ours": {}, "quick": {"train.classifier_rate": 5.0}})
    network, recipe = build("quick"), params.read("tiny", "quick").train
    optimizer = loop._optimizer(network, recipe)
    assert loop.set_rate(optimizer, recipe, 1) == recipe.lr, "that of the backbone is shown"
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    for name, p in network.named_parameters():
        assert rates[id(p)] == pytest.approx(recipe.lr * (1 if name.startswith("backbone.") else 5))
    order = [id(p) for group in optimizer.param_groups for p in group["params"]]
    assert order == [id(p) for p in network.parameters()], "in which a checkpoint numbers them"


def test_training_accuracy_follows_the_averaging(project):
    network, X, t = build("ours").eval(), torch.randint(256, (64, 3, 64, 64), dtype=torch.uint8), torch.arange(64) % 4
    with torch.no_grad():
        network.object.weight.mul_(30)  # both are sure, and of different classes, so that the two means differ
        network.local.weight.mul_(30)
        loc, obj = inference.predict(network(X))
        expected = [int((both.argmax(1) == t).sum()) for both in (loc + obj, loc.log() + obj.log())]
    assert expected[0] != expected[1]
    found = []
    for averaging in ("probabilities", "log_probabilities"):
        sums = loop.step(network, loop.Objective(averaging=averaging), X, t, 64, ONE)
        found.append(int(sums[loop.SUMS.index("acc_avg")]))
    assert found == expected


def test_number_of_classifiers(project):
    assert build("n-1").n == 1 and build("ours").n == params.read("tiny").network.n_classifiers == 2


def test_the_optimiser_takes_gradients_however_they_lie_in_memory(project):
    """Against AdamW written out (Loshchilov and Hutter), on a channels_last weight with a contiguous gradient."""
    recipe = params.read("tiny").train
    network = torch.nn.ModuleList([torch.nn.Conv2d(8, 6, 3), torch.nn.Linear(4, 2)])
    network = network.to(memory_format=torch.channels_last)
    optimizer = loop._optimizer(network, recipe)
    expected = {name: p.detach().clone() for name, p in network.named_parameters()}
    m = {name: torch.zeros_like(p) for name, p in expected.items()}
    v = {name: torch.zeros_like(p) for name, p in expected.items()}
    for step in range(1, 4):
        for name, p in network.named_parameters():
            p.grad = torch.randn(p.shape)
            m[name] = 0.9 * m[name] + 0.1 * p.grad
            v[name] = 0.999 * v[name] + 0.001 * p.grad**2
            expected[name] *= 1 - recipe.lr * recipe.weight_decay
            expected[name] -= recipe.lr * m[name] / (1 - 0.9**step) / ((v[name] / (1 - 0.999**step)).sqrt() + 1e-8)
        optimizer.step()
    for name, p in network.named_parameters():
        torch.testing.assert_close(p.detach(), expected[name])


@pytest.mark.gpu
def test_a_step_never_makes_the_host_wait_for_the_gpu(project, tmp_path):
    """Torch raises at any operation that synchronises; the first step may, while libraries choose their kernels."""
    recipe = params.read("tiny")
    job = accelerator.start(recipe.train.precision, recipe.train.threads)
    network = loop.build(recipe, 4, job)
    network, optimizer = job.prepare(network, torch.optim.AdamW(network.parameters()))
    X, t = torch.randint(256, (4, 3, 64, 64), dtype=torch.uint8).cuda(), torch.arange(4).cuda()
    total, divergence = torch.zeros(len(loop.SUMS), device="cuda"), Divergence(1, tmp_path / "kept")
    try:
        for number in range(3):
            torch.cuda.set_sync_debug_mode("error" if number else "default")
            sums = loop.step(network, loop.Objective(), X, t, 4, job)
            optimizer.step()
            optimizer.zero_grad()
            divergence.add(sums[:2].sum(), number + 1, 0.001)
            total += sums
    finally:
        torch.cuda.set_sync_debug_mode("default")
    divergence.finish()
    assert total.isfinite().all()


def test_the_optimiser_is_fused_on_gpus_alone(project):
    recipe = params.read("tiny").train
    assert not loop._optimizer(torch.nn.Linear(3, 2), recipe).defaults["fused"]
    with FakeTensorMode(), torch.device("cuda"):
        assert loop._optimizer(torch.nn.Linear(3, 2), recipe).defaults["fused"]


@pytest.mark.gpu
def test_the_fused_optimiser_takes_the_same_step_to_rounding(project):
    recipe = params.read("tiny")
    job = accelerator.start(recipe.train.precision, recipe.train.threads, "none")
    ours = loop.build(recipe, 4, job)
    other = loop.build(recipe, 4, job)
    X, t = torch.randint(256, (4, 3, 64, 64), dtype=torch.uint8).cuda(), torch.arange(4).cuda()
    fused = loop._optimizer(ours, recipe.train)
    plain = torch.optim.AdamW(other.parameters(), lr=recipe.train.lr, weight_decay=recipe.train.weight_decay)
    loop.step(ours, loop.Objective(), X.contiguous(memory_format=torch.channels_last), t, 4, job)
    for one, two in zip(ours.parameters(), other.parameters(), strict=True):
        two.grad = one.grad.clone()
    fused.step()
    plain.step()
    for one, two in zip(ours.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one, two)


def test_kernels_are_tried_out_in_training_alone(project, monkeypatch):
    """All crops have one shape; whole images have many, and each would be tried out."""
    seen = {}
    forward = loop.Network.forward

    def watched(network, X):
        seen.setdefault(network.training, set()).add(torch.backends.cudnn.benchmark)
        return forward(network, X)

    monkeypatch.setattr(loop.Network, "forward", watched)
    command_line.run("download", "tiny", "--out", "data/raw")
    command_line.run("prepare", "tiny", "--raw", "data/raw", "--out", "data/scale-1")
    command_line.run("train", "tiny", "--images", "data/scale-1", "--out", "runs/a")
    assert seen == {True: {True}, False: {False}}
