"""Stage: cut the attended boxes from the originals and zoom them, for the next scale to read (section 4.4)."""

from pathlib import Path

from pipeline import attended, imageset, originals, params, zoom


def run(recipe: params.Prepare, raw: Path, looked: Path, images: Path, out: Path) -> None:
    """Write the next scale's images.

    raw     folder of the originals
    looked  folder of the attend stage, which says where to cut
    images  folder that the attended scale read
    """
    index = imageset.read(images).index
    boxes = attended.read_boxes(looked).loc[index.id, attended.NEXT]
    _, pictures = originals.read(raw)
    zoom.write(index, pictures, boxes.to_numpy(), recipe.short_edge, out)
