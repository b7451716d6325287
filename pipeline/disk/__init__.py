"""What stages hand one another: files written whole or not at all, packs, image sets, predictions."""
