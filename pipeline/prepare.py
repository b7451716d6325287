"""Stage: make the pictures ready for scale 1, which reads them whole (section 5.2)."""

from pathlib import Path

import numpy as np

from pipeline import images, params
from pipeline.disk import imageset


def run(recipe: params.Prepare, raw: Path, out: Path) -> None:
    """Write the pictures of ``raw``, whole, and their index to ``out``."""
    index, pictures = imageset.read_originals(raw)
    whole = np.tile([0.0, 0.0, 1.0, 1.0], (len(index), 1))
    objects = imageset.read_objects(raw)
    imageset.write(out, index, images.cut_all(index, pictures, whole, recipe.short_edge), objects)
