"""Whether a network trained on birdlets needs what an encoder does to pictures: their grain is to be a camera's."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from conftest import ROOT
from pipeline import images, params, prepare, weights
from pipeline.datasets import sources
from pipeline.datasets.account import Account
from pipeline.disk import imageset
from pipeline.tracking import run as tracking
from pipeline.training import accelerator, inference, loop
from pipeline.training.checkpoint import Checkpoint

pytestmark = pytest.mark.long
SEED, TEST = 1, 30  # of the drawing: not the committed one; test pictures a species
POINTS = 3.0  # that another encoding may cost


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Originals, the image set of scale 1 and the network of the committed recipe, as on another drawing."""
    folder = tmp_path_factory.mktemp("encoding")
    recipe = params.read("birdlets", path=ROOT / "params.yaml")
    source = sources.check("birdlets", recipe.download | {"seed": SEED, "test": TEST})
    (folder / "raw").mkdir()
    raw = sources.fetch(source, folder / "unpacked")
    imageset.write_originals(folder / "raw", sources.read(source, raw, Account()), raw, {"said": []})
    prepare.run(recipe.prepare, folder / "raw", folder / "scale-1")
    data, job = imageset.read(folder / "scale-1"), accelerator.start_for(recipe.train)
    checkpoint = Checkpoint(folder / "checkpoint.safetensors", {})
    network = loop.train(recipe, data, job, tracking.Run(), checkpoint, weights.read(recipe.network))
    return folder / "raw", data, network.eval()


def accuracy(network, data, open_one):
    """Percent of the test pictures that are answered right when ``open_one`` makes their pixels."""
    test, right = data.index[data.index.split == "test"], 0
    for row in test.itertuples():
        X = torch.from_numpy(np.array(open_one(row))).permute(2, 0, 1)[None]
        with torch.inference_mode():
            loc, obj = inference.predict(network(X))
        right += int((loc + obj).argmax()) == row.label
    return 100 * right / len(test)


def test_another_encoding_costs_at_most_three_points(trained):
    raw, data, network = trained
    _, pictures = imageset.read_originals(raw)

    def coarser(row):
        content = io.BytesIO()
        data.open(row.id).save(content, "JPEG", quality=75)
        return Image.open(content)

    def never_encoded(row):
        original = images.open_rgb(pictures.read(row.file), row.file)
        return original.resize((row.width, row.height), images.RESAMPLING, reducing_gap=images.REDUCING_GAP)

    as_prepared, *others = (accuracy(network, data, way) for way in (lambda r: data.open(r.id), coarser, never_encoded))
    print(f"accuracy as prepared {as_prepared:.1f}%, at quality 75 and not encoded {others}")
    assert as_prepared > 50, "else it would say little"
    assert min(others) >= as_prepared - POINTS
