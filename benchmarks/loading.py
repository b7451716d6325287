"""The training loader on prepared images, against torchvision's ImageFolder and transforms on the originals."""

import io
import tempfile
from pathlib import Path

import pandas as pd
from PIL import Image, ImageFilter
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

from benchmarks.timing import Row, at_least, side_by_side
from pipeline import params, prepare
from pipeline.disk import imageset
from pipeline.training import accelerator
from pipeline.training.batches import TrainingBatches

PICTURES, EDGE, BATCH = 96, 448, 32
ORIGINALS = {"CUB's size": (500, 375), "Aircraft's size": (1024, 695)}


def rows() -> list[Row]:
    """Measure both on originals of two sizes."""
    return [row for name, size in ORIGINALS.items() for row in _rows(name, size)]


def _rows(name: str, original: tuple[int, int]) -> list[Row]:
    """Measure both up to a batch of normalised floats, and ours up to bytes as well."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        index = draw(root / "originals", original)
        raw = root / "raw"
        raw.mkdir()
        imageset.write_originals(raw, index, root / "originals", {})
        prepare.run(params.Prepare(short_edge=EDGE), raw, root / "scale-1")
        data = imageset.read(root / "scale-1")
        size = (root / "scale-1" / imageset.IMAGES).stat().st_size / PICTURES
        jpegs = [data.read(identity) for identity in index.id]
        ways = (
            lambda: ours(data, True),
            lambda: ours(data, False),
            lambda: [decode(jpeg) for jpeg in jpegs],
            lambda: reference(root / "originals"),
        )
        floats, as_bytes, decoded, theirs = (PICTURES / s for s in side_by_side(*ways))
    bound = f"decoding them and nothing else: {decoded / theirs:.1f} times"
    what = f"training images of {EDGE} px ({size / 1e3:.0f} kB each on disk; {bound}) from originals of {name}"
    return [
        at_least(f"{what}, to normalised floats", (floats, theirs), 4),
        at_least(f"{what}, to bytes (the network normalises)", (as_bytes, theirs), 4),
    ]


def decode(jpeg: bytes) -> None:
    """Decode one prepared image."""
    with Image.open(io.BytesIO(jpeg)) as image:
        image.load()


def draw(root: Path, size: tuple[int, int]) -> pd.DataFrame:
    """Make photographs' stand-ins: as large, as detailed and as compressed; return their index."""
    rows = []
    for n in range(PICTURES):
        file = f"{n % 2}/{n}.jpg"
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        noise = Image.merge("RGB", [Image.effect_noise(size, 60) for _ in range(3)])
        noise.filter(ImageFilter.GaussianBlur(1.5)).save(root / file, quality=90)
        rows.append([str(n), file, n % 2, str(n % 2), "train"])
    index = pd.DataFrame(rows, columns=["id", "file", "label", "class_name", "split"])
    return index.assign(**dict.fromkeys(imageset.BOX, float("nan")))


def ours(data: imageset.ImageSet, floats: bool) -> None:
    """Load every picture once."""
    batches = TrainingBatches(data, BATCH, EDGE, seed=0)
    for X, _ in batches.loader(range(1), accelerator.start()):
        if floats:
            (X - 116.0).div_(58.0)


def reference(root: Path) -> None:
    """Load every picture once, as torchvision's own training script would; without workers, as ours on a CPU."""
    steps = [
        transforms.Resize(EDGE),
        transforms.RandomCrop(EDGE),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ]
    folder = ImageFolder(str(root), transforms.Compose(steps))
    for _ in DataLoader(folder, batch_size=BATCH, shuffle=True):
        pass
