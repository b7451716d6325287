"""Stage: cut the attended boxes from the originals and zoom them, for the next scale to read (section 4.4)."""

from pathlib import Path

from pipeline import images
from pipeline.disk import imageset, predictions


def run(raw: Path, attended: Path, seen: Path, out: Path) -> None:
    """Write the next scale's image set, its images as large as those of the scale before.

    raw       folder of the originals
    attended  folder of the attend stage, which says where to cut
    seen      image set that the attend stage read
    """
    before = imageset.read(seen)
    index = before.index
    boxes = predictions.read_boxes(attended, index.id)[predictions.NEXT]
    _, pictures = imageset.read_originals(raw)
    imageset.write(out, index, images.cut_all(index, pictures, boxes.to_numpy(), before.short_edge))
