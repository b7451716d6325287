"""The forward pass, against the functions it is made of and against what the paper says of gradients."""

import pytest
import torch
from torch import nn

from model.backbone import Backbone
from model.losses import local_loss, object_loss
from model.network import Baseline, Network, object_feature


@pytest.fixture
def network():
    body = nn.Sequential(nn.Conv2d(3, 8, 4, stride=4), nn.ReLU())
    return Network(Backbone(body, 8, (0.5,) * 3, (0.5,) * 3), n_categories=5, n_classifiers=3, attention="probability")


@pytest.mark.parametrize("B, height, width", [(2, 16, 16), (1, 21, 34), (1, 4, 4)], ids=["square", "odd", "one cell"])
def test_shapes(network, B, height, width):
    output = network(torch.randint(256, (B, 3, height, width), dtype=torch.uint8))
    H, W = height // 4, width // 4
    assert output.attention.A.shape == (B, 6, H, W)
    assert output.attention.M.shape == output.attention.M_b.shape == (B, H, W)
    assert output.logits.shape == (B, 5) and output.attention.constant.shape == (B,)


def test_one_classifier_and_two_categories():
    body = nn.Conv2d(3, 4, 4, stride=4)
    network = Network(Backbone(body, 4, (0.5,) * 3, (0.5,) * 3), n_categories=2, n_classifiers=1, attention="logit")
    assert network(torch.zeros(1, 3, 8, 8, dtype=torch.uint8)).attention.A.shape == (1, 3, 2, 2)


@pytest.mark.parametrize("second_head", [False, True])
def test_a_baseline_pools_by_the_maximum_and_its_second_head_by_the_mean(second_head):
    body = nn.Sequential(nn.Conv2d(3, 8, 4, stride=4), nn.ReLU())
    network = Baseline(Backbone(body, 8, (0.5,) * 3, (0.5,) * 3), n_categories=5, second_head=second_head)
    X = torch.randint(256, (2, 3, 16, 20), dtype=torch.uint8)
    output, cells = network(X), network.backbone(X).flatten(2)  # B C HW
    by_hand = torch.stack([cells[b, c].max() for b in range(2) for c in range(8)]).view(2, 8)
    torch.testing.assert_close(output.logits, by_hand @ network.object.weight.T + network.object.bias)
    assert output.attention is None and (output.mean_logits is not None) == second_head
    if second_head:
        by_hand = torch.stack([cells[b, c].sum() / 20 for b in range(2) for c in range(8)]).view(2, 8)
        torch.testing.assert_close(output.mean_logits, by_hand @ network.second.weight.T + network.second.bias)


def test_activations_are_those_of_n_separate_classifiers(network):
    X = torch.randint(256, (2, 3, 16, 16), dtype=torch.uint8)
    features, weight, bias = network.backbone(X), network.local.weight, network.local.bias
    each = [nn.functional.conv2d(features, weight[6 * i : 6 * i + 6], bias[6 * i : 6 * i + 6]) for i in range(3)]
    torch.testing.assert_close(network(X).attention.A, torch.stack(each).amax(0))


def test_object_feature_is_the_maximum_of_the_masked_features():
    features, M_b = torch.rand(3, 6, 4, 5), torch.rand(3, 4, 5) < 0.3
    M_b[:, 0, 0] = True
    expected = (features * M_b[:, None]).amax(dim=(2, 3))  # section 4.4.2, after a ReLU
    assert torch.equal(object_feature(features, M_b), expected)


def test_object_feature_never_comes_from_outside_the_mask():
    features = -torch.rand(1, 6, 4, 5) - 1  # a product with the mask would put zeros outside, and the zeros would win
    M_b = torch.zeros(1, 4, 5, dtype=torch.bool)
    M_b[0, 2, 3] = True
    assert torch.equal(object_feature(features, M_b), features[:, :, 2, 3])


def test_no_gradient_flows_through_the_mask(network):
    """With the mask given as a constant, the gradients are the same."""
    X, t = torch.randint(256, (4, 3, 16, 16), dtype=torch.uint8), torch.tensor([0, 1, 2, 3])
    output = network(X)
    (local_loss(output.attention.A, output.attention.M_b, t) + object_loss(output.logits, t)).sum().backward()
    ours = [p.grad.clone() for p in network.parameters()]
    network.zero_grad()
    constant = output.attention.M_b.clone()
    features = network.backbone(X)
    A = network.local(features).unflatten(1, (3, 6)).max(dim=1).values
    logits = network.object(object_feature(features, constant))
    (local_loss(A, constant, t) + object_loss(logits, t)).sum().backward()
    for grad, p in zip(ours, network.parameters(), strict=True):
        torch.testing.assert_close(grad, p.grad)


def test_masks_are_the_same_under_bfloat16_autocast_for_the_same_features(network, monkeypatch):
    X = torch.randint(256, (4, 3, 32, 32), dtype=torch.uint8)
    features = network.backbone(X)
    monkeypatch.setattr(network.backbone, "forward", lambda _: features)
    plain = network(X)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = network(X)
    assert mixed.attention.A.dtype == mixed.logits.dtype == torch.float32
    assert torch.equal(plain.attention.M_b, mixed.attention.M_b) and torch.equal(plain.attention.A, mixed.attention.A)


@pytest.mark.gpu
def test_masks_on_a_gpu_equal_those_on_the_cpu(network):
    from model.otsu import binarise

    maps = torch.randn(500, 14, 14)
    assert torch.equal(binarise(maps.cuda())[0].cpu(), binarise(maps)[0])
