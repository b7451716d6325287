"""Asking about pictures (decode, cut, zoom, encode, three networks) against what ``attend`` does for three scales."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image

from benchmarks.timing import Row, at_least, side_by_side
from model.backbone import build
from model.network import Network
from pipeline import images, params
from pipeline.disk import imageset
from pipeline.disk.imageset import ImageSet
from pipeline.predicting import asking, sources
from pipeline.predicting.sources import Source
from pipeline.recogniser import Recogniser, Used
from pipeline.training import accelerator, inference

BACKBONE, EDGE, CLASSES, PICTURES = "tf_efficientnet_lite0", 224, 200, 64
SIZES = [(500, 375), (375, 500), (500, 333)]  # of the originals, as CUB's
TRAIN = {"epochs": 2, "batch": 32, "lr": 0.001, "weight_decay": 0.01, "warmup_epochs": 1, "test_every": 1, "seed": 0}
RECIPE = {
    "network": {"backbone": BACKBONE, "weights": "none", "stride": 32, "n_classifiers": 16, "attention": "logit"},
    "train": {**TRAIN, "batch_norm": "frozen", "precision": "fp32", "threads": None},
    "attend": {"region": "all", "margin": 0.15, "minimum": 0.5},
}


def rows() -> list[Row]:
    """Measure on originals of CUB's sizes."""
    job = accelerator.start("bf16" if torch.cuda.is_available() else "fp32")
    with tempfile.TemporaryDirectory() as folder:
        pictures = [draw(Path(folder) / f"{number}.jpg", SIZES[number % len(SIZES)]) for number in range(PICTURES)]
        networks = [Network(build(BACKBONE), CLASSES, 16, "logit") for _ in range(3)]
        networks = [
            job.prepare_model(network.to(memory_format=torch.channels_last), evaluation_mode=True)
            for network in networks
        ]
        train = params.Train(**RECIPE["train"] | {"crop": EDGE})
        recipe = {"prepare": params.Prepare(short_edge=EDGE), "train": train}
        recipe |= {"network": params.Network(**RECIPE["network"]), "attend": params.Attend(**RECIPE["attend"])}
        ready = Recogniser(networks, Used(**recipe), job.device)
        originals = [sources.read(picture) for picture in pictures]
        crops = list(zip(*([view.crop for view in answer.views] for answer in ready.answer(originals)), strict=True))
        seen = [prepare(Path(folder) / f"scale-{s}", originals, scale) for s, scale in enumerate(crops, start=1)]

        def attend() -> None:
            for network, one in zip(networks, seen, strict=True):
                inference.infer(network, one, None, job)

        def cut() -> None:
            for scale in crops:
                tasks = [(original, crop, EDGE) for original, crop in zip(originals, scale, strict=True)]
                list(images.in_threads(images.prepare, tasks))

        seconds = side_by_side(
            lambda: ready.answer(read(pictures), asking.usual_batch(job.device)),
            attend,
            lambda: read(pictures),
            cut,
        )
    ours, reference, decoding, cutting = seconds
    shares = [f"{name} {part / ours:.0%}" for name, part in (("decode", decoding), ("cut, zoom, encode", cutting))]
    shares += [f"look with three networks {reference / ours:.0%}"]
    what = f"predict, {BACKBONE}, three scales of {EDGE} px, {job.device.type.upper()} ({', '.join(shares)})"
    return [at_least(what, (PICTURES / ours, PICTURES / reference), 0.8, "pictures/s")]


def read(pictures: list[Source]) -> list[Image.Image]:
    """Decode the originals as 'pipeline predict' does."""
    return list(images.in_threads(sources.read, [(picture,) for picture in pictures]))


def draw(path: Path, size: tuple[int, int]) -> Source:
    """Write an original with the grain of a photo."""
    Image.merge("RGB", [Image.effect_noise(size, 30) for _ in range(3)]).save(path, quality=90)
    return Source(str(path))


def prepare(folder: Path, originals: list[Image.Image], crops: Sequence[Sequence[float]]) -> ImageSet:
    """Write the image set that attend reads at a scale: crops differ in shape, and few of one shape are looked at."""
    index = pd.DataFrame({"id": np.arange(len(originals)).astype(str), "split": "test", "label": 0, "class_name": "a"})
    made = [images.prepare(original, crop, EDGE) for original, crop in zip(originals, crops, strict=True)]
    values = [[*o.size, *crop, *size, ""] for o, crop, (_, size) in zip(originals, crops, made, strict=True)]
    rows = zip([jpeg for jpeg, _ in made], values, strict=True)
    imageset.write(folder, index, rows)
    table = index.join(pd.DataFrame(values, columns=list(imageset.ADDED)))
    return ImageSet(folder, table)
