"""Floors are read strictly, and written as they are read."""

import pytest

from pipeline.errors import InputError
from pipeline.reporting import floors
from pipeline.reporting.floors import Floors


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "expected.yaml"
    written = {
        "birds": Floors({"acc_avg.1": 80.5, "minus_baseline.ms": -2.0}, "why: not"),
        "cars": Floors({"iou.1": 0.1}),
    }
    floors.write(path, written)
    assert floors.read(path) == written and path.read_text().startswith("# Floors of 'pipeline check'")


@pytest.mark.parametrize("why", ["3", "[a]", "true", "{a: b}"])
def test_a_reason_is_text(tmp_path, why):
    (tmp_path / "expected.yaml").write_text(f"birds: {{why: {why}, acc_avg.1: 80}}\n")
    with pytest.raises(InputError, match=r"birds.why: must be a line of text, got "):
        floors.read(tmp_path / "expected.yaml")


def test_a_folder_without_git(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="'HEAD': git knows no such commit here"):
        floors.read_at("HEAD", tmp_path / "expected.yaml")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match="because there is no git"):
        floors.read_at("HEAD", tmp_path / "expected.yaml")
