"""The section 'download' of a recipe, checked by its reader."""

from types import SimpleNamespace
from typing import Literal

import pytest

from pipeline.datasets import sources
from pipeline.disk.sections import Section
from pipeline.errors import InputError


@pytest.mark.parametrize(
    "values, message",
    [
        ({"reader": "imagenet"}, "download.reader: must be one of birdlets, cub, .*, got 'imagenet'"),
        ({}, "download.reader: must be one of birdlets, cub, .*, got None"),
        ({"reader": {}}, "download.reader: must be one of birdlets, cub, .*, got {}"),
        ({"reader": "birdlets", "seed": 0, "training": 2, "test": 1, "colour": "red"}, "download.colour: unknown key"),
        ({"reader": "birdlets", "seed": 0, "training": 0, "test": 1}, "download.training: .*got 0"),
        ({"reader": "cub", "archive": None}, "download.subset: missing"),
        ({"reader": "folder", "root": ""}, "download.root: is empty; name a path"),
        ({"reader": "folder", "root": "a", "boxes": ""}, "download.boxes: is empty"),
        ({"reader": "cub", "archive": "", "subset": True}, "download.archive: is empty"),
        (
            {"reader": "folder", "root": "a", "test_shar": 0.1},
            "test_shar: unknown key; did you mean 'test_share'",
        ),
    ],
)
def test_what_is_wrong_is_named(values, message):
    with pytest.raises(InputError, match=message) as error:
        sources.check("tiny", values)
    assert str(error.value).startswith("params.yaml: recipes.tiny.download.")


def test_every_reader_can_be_asked_for():
    for name, reader in sources.READERS.items():
        assert reader.Source.model_fields["reader"].annotation.__args__ == (name,)
        assert callable(reader.fetch) and callable(reader.read)


def test_a_reader_of_ones_own_is_a_module_and_its_line(project, monkeypatch):
    """As docs/extending.md has it: nothing that other readers or recipes depend on grows with it."""

    class Source(Section):
        reader: Literal["moths"]
        archive: str

    monkeypatch.setitem(sources.READERS, "moths", SimpleNamespace(Source=Source))
    assert sources.files(sources.check("tiny", {"reader": "moths", "archive": "moths.tgz"})) == ["moths.tgz"]
    with pytest.raises(InputError, match=r"recipes.tiny.download.archive: .*got 3"):
        sources.check("tiny", {"reader": "moths", "archive": 3})
