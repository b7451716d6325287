"""What others have published, from reports/published.yaml: to stand beside ours, never to be mistaken for ours."""

from pathlib import Path

from pipeline import params


def read(path: Path, source: params.Source) -> dict | None:
    """Return the published numbers of a source; None for a dataset nobody published on, a subset included."""
    from ruamel.yaml import YAML

    if getattr(source, "subset", False):
        return None
    return YAML(typ="safe").load(path).get(source.reader)
