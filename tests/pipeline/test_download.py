"""The first stage."""

import pytest

import command_line
from pipeline import originals
from pipeline.errors import InputError


def test_raw_files_arrive_whole(finished):
    index, pictures = originals.read(finished / "data" / "raw")
    assert len(index) == 30
    assert all(pictures.read(file).startswith(b"BM") for file in index.file)
    assert sorted(path.name for path in (finished / "data" / "raw").iterdir()) == ["index.csv", "pictures.zip"]


def test_a_source_that_fails_leaves_nothing_behind(project, monkeypatch):
    def fail(source, raw):
        (raw / "half").mkdir(parents=True)
        raise InputError("no")

    monkeypatch.setattr("pipeline.datasets.birdlets.fetch", fail)
    with pytest.raises(AssertionError, match="error: no"):
        command_line.run("download", "tiny", "--out", "raw")
    assert not (project / "raw").exists() and not list(project.glob(".raw*"))
