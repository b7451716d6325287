"""Backbones: their shapes, and what a wrong name says."""

import pytest
import torch

from model.backbone import build

LITE0 = "tf_efficientnet_lite0"


@pytest.mark.parametrize("name, channels", [("resnet18", 512), ("resnet50", 2048), ("mobilenetv3_small_050", 288)])
def test_features_before_the_last_pooling(name, channels):
    backbone = build(name).eval()
    features = backbone(torch.zeros(1, 3, 64, 96, dtype=torch.uint8))
    assert features.shape == (1, channels, 2, 3) and backbone.channels == channels


@pytest.mark.parametrize("name", ["resnet50", LITE0])
def test_stride_16_has_four_times_the_cells(name):
    backbone = build(name, stride=16).eval()
    assert backbone(torch.zeros(1, 3, 64, 64, dtype=torch.uint8)).shape[2:] == (4, 4)


@pytest.mark.parametrize("name, channels", [("resnet18", 256), ("resnet50", 1024), (LITE0, 112), ("vgg11", 512)])
def test_without_the_last_block_the_maps_are_what_it_would_read(name, channels):
    whole, cut = build(name).eval(), build(name, 16, "left_out").eval()
    cut.body.load_state_dict({key: whole.body.state_dict()[key] for key in cut.body.state_dict()})
    read = []
    block = {"resnet18": "layer4", "resnet50": "layer4", LITE0: "network.blocks.5", "vgg11": "network.features.20"}
    whole.body.get_submodule(block[name]).register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
    X = torch.randint(256, (1, 3, 64, 96), dtype=torch.uint8)
    whole(X)
    features = cut(X)
    assert features.shape == (1, channels, 4, 6) and cut.channels == channels
    assert torch.equal(features, read[0])


def test_where_no_last_block_can_be_left_out():
    with pytest.raises(ValueError, match="last_block: left_out needs stride 16"):
        build("resnet18", 32, "left_out")
    with pytest.raises(ValueError, match="last_block: timm does not say where convmixer_768_32 has maps of stride 16"):
        build("convmixer_768_32", 16, "left_out")
    with pytest.raises(ValueError, match="swin_tiny_patch4_window7_224 gives no B C H W feature maps"):
        build("swin_tiny_patch4_window7_224", 16, "left_out")
    with pytest.raises(ValueError, match="hrnet_w18_small gives no B C H W feature maps alone"):
        build("hrnet_w18_small", 16, "left_out")


def test_normalisation_is_that_of_the_weights():
    backbone = build(LITE0)
    backbone.body = torch.nn.Identity()
    assert backbone(torch.tensor([0, 255]).view(1, 1, 1, 2).expand(1, 3, 1, 2)).unique().tolist() == [-1, 1]


def test_unknown_name_suggests_others():
    with pytest.raises(ValueError, match="backbone: neither torchvision nor timm has 'resnet_fifty'; perhaps one of"):
        build("resnet_fifty")


def test_a_backbone_without_feature_maps_is_refused():
    with pytest.raises(ValueError, match="vit_tiny_patch16_224 gives no B C H W feature maps"):
        build("vit_tiny_patch16_224")


def test_what_features_do_not_come_from_is_frozen():
    backbone = build("mobilenetv3_small_050")
    frozen = {name.split(".")[2] for name, p in backbone.named_parameters() if not p.requires_grad}
    assert frozen == {"conv_head"}
    backbone(torch.zeros(2, 3, 64, 64, dtype=torch.uint8)).sum().backward()
    assert all((p.grad is not None) == p.requires_grad for p in backbone.parameters())


def test_resnet18_cannot_be_dilated():
    with pytest.raises(ValueError, match=r"stride: resnet18 cannot be built with stride 16"):
        build("resnet18", stride=16)


def test_parts_keep_the_names_of_their_library():
    """So that a file of weights is read by name, whoever wrote it."""
    from torchvision.models import resnet18

    theirs = set(resnet18().state_dict()) - {"fc.weight", "fc.bias"}
    assert set(build("resnet18").body.state_dict()) == theirs


@pytest.mark.parametrize("name", ["densenet121", "vgg11"])
def test_a_model_that_cannot_be_dilated(name):
    with pytest.raises(ValueError, match=rf"stride: {name} cannot be built with stride 16.*; try 32"):
        build(name, stride=16)


def test_a_tag_that_timm_does_not_know():
    with pytest.raises(ValueError, match=r"backbone: timm cannot build 'resnet50.nobody'"):
        build("resnet50.nobody")
