"""What tests of behaviour share."""

import pytest

import made_up
from pipeline.tracking import run as tracking


@pytest.fixture(scope="module")
def made_up_project(tmp_path_factory):
    return made_up.make(tmp_path_factory.mktemp("project"))


@pytest.fixture
def here(made_up_project, monkeypatch):
    """Stand in a project whose results are made up, and which logs nothing."""
    monkeypatch.chdir(made_up_project)
    monkeypatch.setattr(tracking, "run", made_up.untracked)
