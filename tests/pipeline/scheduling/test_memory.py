"""What is kept for the next coordinator survives what can happen to it."""

import json
from pathlib import Path

import pytest

from pipeline.scheduling import memory

WHOLE = "schema: '2.0'\nstages:\n  a:\n    cmd: 'true'\n  b@c:\n    cmd: 'true'\n"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(".dvc/tmp").mkdir(parents=True)


def test_times_are_kept():
    memory.write_times({"b": 2.04, "a": 1.0})
    assert memory.read_times() == {"a": 1.0, "b": 2.0}


@pytest.mark.parametrize("content", ["", "[]", "{", '{"a": "long"}', '{"a": null}', "null"])
def test_damaged_times_are_none(content):
    memory.FOLDER.mkdir()
    (memory.FOLDER / "times.json").write_text(content)
    assert memory.read_times() == {}


@pytest.mark.parametrize("cut", [0, 1, 15, 25, 40, len(WHOLE) - 2])
def test_a_lock_that_is_cut_short_is_not_copied_and_comes_back_if_dvc_cannot_read_it(cut):
    memory.LOCK.write_text(WHOLE)
    memory.keep_lock()
    memory.LOCK.write_text(WHOLE[:cut])
    memory.keep_lock()
    assert (memory.FOLDER / "dvc.lock").read_text() == WHOLE
    restored = memory.restore_lock()
    assert restored == (memory.LOCK.read_text() == WHOLE)
    assert restored or "stages:\n  a:" in WHOLE[:cut], "else it was not YAML, or had no stages"


def test_a_lock_with_more_stages_is_copied_and_one_with_fewer_if_dvc_has_read_it():
    for content, whole, kept in ((WHOLE, False, WHOLE), (WHOLE[:38], False, WHOLE), (WHOLE[:38], True, WHOLE[:38])):
        memory.LOCK.write_text(content)
        memory.keep_lock(whole)
        assert (memory.FOLDER / "dvc.lock").read_text() == kept


def test_nothing_is_restored_where_nothing_is_wrong_or_kept():
    assert not memory.restore_lock()
    memory.LOCK.write_text("")
    assert not memory.restore_lock() and memory.LOCK.read_text() == ""
    memory.keep_lock(whole=True)
    assert not memory.FOLDER.exists()


@pytest.mark.parametrize(
    "content, stays", [("", False), ('{"write": {', False), ('{"write": {}}', True), ("[]", False)]
)
def test_dvcs_list_of_files_in_use_is_removed_if_it_was_cut_short(content, stays):
    path = Path(".dvc/tmp/rwlock")
    path.write_text(content)
    memory.restore_lock()
    assert path.exists() == stays and (not stays or json.loads(path.read_text()) == {"write": {}})
