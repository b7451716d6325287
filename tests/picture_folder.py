"""A folder of pictures in classes, and what its reader makes of it."""

from PIL import Image

from pipeline.datasets import folder, sources
from pipeline.datasets.account import Account

SOURCE = {"reader": "folder", "test_share": 0.3, "seed": 0, "boxes": None}
TEN = [f"{c}/{n}.png" for c in ("big gull", "small gull") for n in range(10)]


def put(tmp_path, *paths):
    """Put pictures of 40 x 20 pixels at some paths; return their folder."""
    for path in paths:
        target = tmp_path / "mine" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 20), "red").save(target)
    return tmp_path / "mine"


def account_for(root, tmp_path, **changes):
    """Return the index, and the account of what was taken."""
    source = folder.Source(**SOURCE | {"root": str(root)} | changes)
    raw, account = sources.fetch(source, tmp_path / "raw"), Account()
    return sources.read(source, raw, account), account


def read(root, tmp_path, **changes):
    return account_for(root, tmp_path, **changes)[0]
