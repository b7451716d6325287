"""A trained network taken apart: which of its local classifiers are used, and how one picture gets its attention."""
