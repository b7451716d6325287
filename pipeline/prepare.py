"""Stage: split a dataset officially and make its images ready for scale 1, which sees them whole."""

from pathlib import Path

import numpy as np

from pipeline import datasets, params, zoom


def run(source: params.Source, recipe: params.Prepare, raw: Path, out: Path) -> None:
    """Write the images of ``raw``, whole, and their index to ``out``."""
    index = datasets.read(source, raw)
    whole = np.tile([0.0, 0.0, 1.0, 1.0], (len(index), 1))
    zoom.write(index, raw, whole, recipe.short_edge, out)
