"""The first stage."""

import pytest

import command_line
from pipeline.errors import InputError


def test_raw_files_arrive_whole(finished):
    assert len(list((finished / "data" / "raw" / "images").iterdir())) == 30


def test_a_source_that_fails_leaves_nothing_behind(project, monkeypatch):
    def fail(source, raw):
        (raw / "half").mkdir(parents=True)
        raise InputError("no")

    monkeypatch.setattr("pipeline.datasets.birdlets.fetch", fail)
    with pytest.raises(AssertionError, match="error: no"):
        command_line.run("download", "tiny", "--out", "raw")
    assert not (project / "raw").exists() and not list(project.glob(".raw*"))
