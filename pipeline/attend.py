"""Stage: look once at every image with one trained scale: predictions, maps, and where the next scale will look."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from model import backbone
from model.boxes import compose, largest_region, tight_box, widen
from model.network import Network
from pipeline import attended, imageset, inference, job, overlay, params, tracking
from pipeline.attended import ATTENDED, NEXT
from pipeline.errors import InputError
from pipeline.imageset import CROP, ImageSet
from pipeline.inference import Seen

N_PICTURES = 8  # logged to MLflow


def run(dataset: str, scale: int, recipe: params.Recipe, trained: Path, images: Path, out: Path) -> None:
    """Look at the folder ``images`` with the weights in ``trained``, in eval mode, training and test images alike.

    Writes to ``out``: predictions.npz (all images), boxes.csv (all images), maps.npz (test images).
    """
    accelerator = job.start(recipe.train.precision)
    data = imageset.read(images)
    network = accelerator.prepare_model(load(recipe.network, len(data.class_names), trained), evaluation_mode=True)
    seen = inference.see(network, data, None, accelerator)
    if accelerator.is_main_process:
        sections = {"network": recipe.network, "attend": recipe.attend}
        with tracking.run(dataset, f"attend-{scale}", sections) as tracker:
            metrics = _write(out, data, seen, recipe.attend)
            tracker.images(data, context="evaluation")
            tracker.metrics(metrics)
            tracker.picture(contact_sheet(data, seen), f"attention-{scale}.png")
            print(f"{dataset}, scale {scale}: " + ", ".join(f"{name} {value:.3g}" for name, value in metrics.items()))
    accelerator.end_training()


def load(recipe: params.Network, n_categories: int, trained: Path) -> nn.Module:
    """Build the network of a recipe with the weights that the train stage wrote."""
    path = trained / "weights.safetensors"
    body = backbone.build(recipe.backbone, "none", recipe.stride)
    network = Network(body, n_categories, recipe.n_classifiers, recipe.attention)
    try:
        network.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise InputError(f"{path}: not the weights of this recipe's network ({error}); run its train stage") from error
    return network.to(memory_format=torch.channels_last)


def boxes(seen: list[Seen], crops: np.ndarray, recipe: params.Attend) -> pd.DataFrame:
    """Say, for every image, what box is attended and what the next scale will see of the original.

    crops  (N, 4)  what this scale saw of the originals, as shares of their sides
    """
    box = torch.cat([_attended_box(one.M_b, recipe.region) for one in seen])  # N 4, shares of what was seen
    outer = torch.from_numpy(crops)
    table = pd.DataFrame(compose(outer, box).numpy(), columns=ATTENDED)
    table[NEXT] = compose(outer, widen(box, recipe.margin, recipe.minimum)).numpy()
    table["attended"] = [one.M_b.mean() for one in seen]
    table["constant"] = [one.constant for one in seen]
    return table


def contact_sheet(data: ImageSet, seen: list[Seen], n: int = N_PICTURES) -> np.ndarray:
    """Put the attention maps of n test images, spread over the classes, side by side: (height, width, 3) uint8."""
    test = [one for one in seen if data.index.split[one.position] == "test"]
    tiles = []
    for one in test[:: max(1, len(test) // n)][:n]:
        with data.open(data.index.id[one.position]) as image:
            tile = Image.fromarray(overlay.heat(np.asarray(image), one.M))
        tiles.append(np.asarray(tile.resize((224, 224))))
    return np.concatenate(tiles, axis=1)


def _attended_box(M_b: np.ndarray, region: str) -> Tensor:
    mask = torch.from_numpy(M_b)[None]
    return tight_box(largest_region(mask) if region == "largest" else mask)


def _write(out: Path, data: ImageSet, seen: list[Seen], recipe: params.Attend) -> dict[str, float]:
    index, predictions = data.index, inference.predictions(seen, data)
    table = boxes(seen, index[CROP].to_numpy(), recipe)
    table.insert(0, "id", index.id)
    test = [one for one in seen if index.split[one.position] == "test"]
    attended.write_predictions(out, predictions)
    attended.write_boxes(out, table)
    attended.write_maps(out, {index.id[one.position]: (one.M, one.M_b) for one in test})
    metrics = predictions.of("test").accuracies()
    metrics |= {"attended": float(table.attended.mean()), "constant": float(table.constant.mean())}
    return metrics
