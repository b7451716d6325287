"""``python -m pipeline``: what ``accelerate launch -m pipeline`` starts."""

from pipeline.cli import app

app(prog_name="pipeline")
