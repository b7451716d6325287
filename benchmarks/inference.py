"""Inference on whole images (decode, network, Otsu, predictions) against the bare backbone on the same shapes."""

import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.timing import Row, at_least, side_by_side
from model.backbone import build
from model.network import Network
from pipeline.disk import imageset
from pipeline.disk.pack import create
from pipeline.images import to_jpeg
from pipeline.training import accelerator, inference
from pipeline.training.batches import load_whole, test_batches

BACKBONE, SHAPES, PICTURES = "resnet50", [(448, 448), (448, 576), (576, 448)], 12


def rows() -> list[Row]:
    """Measure with ResNet-50 at 448 pixels, in bf16 on a GPU."""
    return measure("bf16" if torch.cuda.is_available() else "fp32")


def measure(precision: str) -> list[Row]:
    """Measure both in one precision."""
    job = accelerator.start(precision)
    with tempfile.TemporaryDirectory() as folder:
        data = draw(Path(folder))
        network = Network(build(BACKBONE), 200, 16, "probability").to(memory_format=torch.channels_last)
        bare = network.backbone
        network = job.prepare_model(network, evaluation_mode=True).eval()
        batches = test_batches(data, np.arange(PICTURES))
        X = [x for _, x in load_whole(data, batches, torch.device("cpu"))]

        @torch.inference_mode()
        def backbone() -> None:
            for x in X:
                with job.autocast():
                    bare(x.to(job.device)).sum().item()

        seconds = side_by_side(lambda: inference.infer(network, data, None, job), backbone)
    rates = PICTURES / seconds[0], PICTURES / seconds[1]
    return [at_least(f"inference on images of 448 px, ResNet-50, {job.device.type.upper()}", rates, 0.8)]


def draw(folder: Path) -> imageset.ImageSet:
    """Make prepared images of a few shapes."""
    import pandas as pd

    rows = []
    with create(folder / imageset.IMAGES) as add:
        for n in range(PICTURES):
            height, width = SHAPES[n % len(SHAPES)]
            add(f"{n}.jpg", to_jpeg(Image.merge("RGB", [Image.effect_noise((width, height), 60) for _ in range(3)])))
            rows.append([str(n), 0, "a", "test", width, height])
    columns = ["id", "label", "class_name", "split", "width", "height"]
    return imageset.ImageSet(folder, pd.DataFrame(rows, columns=columns))
