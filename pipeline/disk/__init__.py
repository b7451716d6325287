"""The files that stages write for one another: atomic writes, packs, image sets, predictions."""
