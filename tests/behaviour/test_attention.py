"""What a trained network does: the box follows the bird, a mirror mirrors the map, the telling mark tells.

A small network is trained here for a minute on birdlets of two species that a crown tells apart.
"""

import numpy as np
import pytest
import torch
from PIL import Image

from conftest import ROOT
from model.backbone import build
from model.boxes import tight_box
from model.losses import local_loss, object_loss
from model.network import Network
from model.prediction import local_prediction, object_prediction
from pipeline import params, weights
from pipeline.datasets.birdlets import draw

pytestmark = pytest.mark.slow
SPECIES = ["red_crowned", "white_winged", "black_tailed"]
SIZE = 128


def picture(species, n):
    """One bird, squeezed to a square, and its box."""
    pixels, boxes = draw(species, f"behaviour {species} {n}")
    box = [pick(side) for pick, side in zip((min, min, max, max), zip(*boxes, strict=True), strict=True)]
    image = Image.fromarray(pixels).resize((SIZE, SIZE), Image.Resampling.BILINEAR)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1), torch.tensor(box)


@pytest.fixture(scope="module")
def network():
    recipe = params.read("birdlets", path=ROOT / "params.yaml").network
    recipe = recipe.model_copy(update={"last_block": "kept"})  # dilated, it learns from fewer pictures
    pretrained = weights.read(recipe)
    torch.manual_seed(0)
    body = build(recipe.backbone, recipe.stride, recipe.last_block)
    body.body.load_state_dict(pretrained)
    network = Network(body, len(SPECIES), n_classifiers=4, attention="probability")
    network.to(memory_format=torch.channels_last).train()
    X = torch.stack([picture(species, n)[0] for n in range(24) for species in SPECIES])
    t = torch.arange(len(SPECIES)).repeat(24)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    for epoch in range(8):
        for rows in torch.randperm(len(X), generator=torch.Generator().manual_seed(epoch)).split(12):
            output = network(X[rows])
            loss = (
                local_loss(output.attention.A, output.attention.M_b, t[rows]) + object_loss(output.logits, t[rows])
            ).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return network.eval()


@torch.inference_mode()
def look(network, X):
    output = network(X)
    return output, (local_prediction(output.attention.A) + object_prediction(output.logits)) / 2


@pytest.fixture(scope="module")
def unseen():
    pictures = [picture(species, n) for n in range(100, 110) for species in SPECIES]
    return torch.stack([X for X, _ in pictures]), torch.stack([box for _, box in pictures])


def test_it_tells_unseen_birds_apart(network, unseen):
    _, p = look(network, unseen[0])
    assert (p.argmax(1) == torch.arange(len(SPECIES)).repeat(10)).float().mean() > 0.6


def test_the_box_follows_the_bird(network, unseen):
    """Centres of attended boxes move with those of true boxes, over birds in all places."""
    output, _ = look(network, unseen[0])
    found, true = tight_box(output.attention.M_b).float(), unseen[1]
    for low, high in ((0, 2), (1, 3)):  # across, down
        centres = torch.stack([(box[:, low] + box[:, high]) / 2 for box in (found, true)])
        assert torch.corrcoef(centres)[0, 1] > 0.4


def test_a_mirrored_picture_has_a_mirrored_map(network, unseen):
    (straight, _), (mirrored, _) = look(network, unseen[0]), look(network, unseen[0].flip(3))
    same = torch.corrcoef(torch.stack([straight.attention.M.flatten(), mirrored.attention.M.flip(2).flatten()]))[0, 1]
    other = torch.corrcoef(torch.stack([straight.attention.M.flatten(), mirrored.attention.M.flatten()]))[0, 1]
    assert same > 0.5 and same > other


def test_more_is_attended_inside_the_true_box_than_outside(network, unseen):
    output, _ = look(network, unseen[0])
    _, H, W = output.attention.M.shape
    y, x = ((torch.arange(n) + 0.5) / n for n in (H, W))
    x0, y0, x1, y1 = (side[:, None, None] for side in unseen[1].T)
    inside = (x >= x0) & (x < x1) & (y[:, None] >= y0) & (y[:, None] < y1)
    assert output.attention.M_b[inside].float().mean() > output.attention.M_b[~inside].float().mean() + 0.2


def test_hiding_the_bird_takes_the_certainty(network, unseen):
    X, boxes = unseen
    hidden = X.clone()
    for picture, box in zip(hidden, (boxes * SIZE).int(), strict=True):
        x0, y0, x1, y1 = box.tolist()
        picture[:, y0:y1, x0:x1] = 110
    _, seen = look(network, X)
    _, blind = look(network, hidden)
    right = torch.arange(len(SPECIES)).repeat(10)
    assert blind[range(30), right].mean() < seen[range(30), right].mean() - 0.15
