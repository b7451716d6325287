"""The operations and bytes of the paper's whole grid, counted without running it; docs/scaling.md is made of them.

python -m benchmarks.counting
"""

import torch
from ruamel.yaml import YAML
from torch.utils.flop_counter import FlopCounterMode

from model.backbone import build
from model.losses import local_loss, object_loss
from model.network import Network
from pipeline import plan

DATASETS = {"cub": (200, 5_994, 5_794), "cars": (196, 8_144, 8_041), "aircraft": (100, 6_667, 3_333)}  # Table 1
EPOCHS, TESTS, PIXELS, N_CLASSIFIERS = 40, 8, 448, 16
TEST_AREA = 4 / 3  # a whole image of common aspect ratio against the square crop of training


def count(categories: int) -> tuple[float, float, int]:
    """Return the operations of training on an image and of inference on one, and the number of parameters."""
    with torch.device("meta"):
        network = Network(build("resnet50"), categories, N_CLASSIFIERS, "probability")
        X, t = torch.zeros(2, 3, PIXELS, PIXELS, dtype=torch.uint8), torch.zeros(2, dtype=torch.long)
    with FlopCounterMode(display=False) as inferring:
        features = network.backbone(X)
        A = network.local(features).unflatten(1, (N_CLASSIFIERS, categories + 1)).amax(dim=1)
        logits = network.object(features.amax(dim=(2, 3)))
    with FlopCounterMode(display=False) as learning:
        M_b = torch.ones(A.shape[0], *A.shape[2:], dtype=torch.bool, device="meta")
        (local_loss(A, M_b, t) + object_loss(logits, t)).mean().backward()
    forward, backward = (counter.get_total_flops() / 2 for counter in (inferring, learning))
    return forward + backward, forward, sum(p.numel() for p in network.parameters())


def main() -> None:
    """Print the grid's operations by dataset, for one training and for all."""
    total, cells = 0.0, YAML(typ="safe").load(plan.spell(list(DATASETS)))["cells"].values()
    for name, (categories, training, test) in DATASETS.items():
        splits = [cell["split"] for cell in cells if cell["data"] == name]
        trainings, both = len(splits), splits.count("all")  # of them, those whose training images are attended too
        step, inference, parameters = count(categories)
        one = EPOCHS * training * step + TESTS * test * inference * TEST_AREA
        attended = both * training + trainings * test
        whole = trainings * one + attended * inference * TEST_AREA
        total += whole
        print(
            f"{name}: {step / 1e9:.0f} GFLOP a training image, {inference / 1e9:.0f} an inference, "
            f"{parameters / 1e6:.1f} M parameters; {one / 1e15:.1f} PFLOP a training, {whole / 1e18:.2f} EFLOP in all "
            f"({trainings} trainings)"
        )
    print(f"all three: {total / 1e18:.2f} EFLOP")


if __name__ == "__main__":
    main()
