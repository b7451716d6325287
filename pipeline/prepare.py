"""Stage: make the pictures ready for scale 1, which sees them whole (section 5.2)."""

from pathlib import Path

import numpy as np

from pipeline import originals, params, zoom


def run(recipe: params.Prepare, raw: Path, out: Path) -> None:
    """Write the pictures of ``raw``, whole, and their index to ``out``."""
    index, pictures = originals.read(raw)
    whole = np.tile([0.0, 0.0, 1.0, 1.0], (len(index), 1))
    zoom.write(index, pictures, whole, recipe.short_edge, out)
