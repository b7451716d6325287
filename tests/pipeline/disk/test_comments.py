"""An edited file keeps its comments where they were."""

import pytest

from pipeline.disk import comments

FILE = """\
recipes:
  one: # first
    train:
      lr: 1 # rate
    attend: {region: all} # where

  # before two
  two:
    train:
      lr: 2

# behind two
plan:
  one:
    main: {scales: [1]}
  two:
    main: {scales: [1]} # main

# at the end
"""
PLACES = {
    "behind a line with a comment": ("recipes", "one"),
    "behind a block": ("recipes", "two"),
    "behind a line": ("plan", "one"),
    "at the end of the file": ("plan", "two"),
}


@pytest.mark.parametrize("value", [{"t": 0.5, "of": "abc"}, "line"], ids=["block", "line"])
@pytest.mark.parametrize("place", PLACES)
def test_what_is_appended_stands_directly_behind_and_all_other_lines_stay(tmp_path, place, value):
    path, (kind, name) = tmp_path / "params.yaml", PLACES[place]
    path.write_text(FILE)
    before = FILE.splitlines()
    with comments.edit(path) as values:
        last = list(values[kind][name])[-1]
        new = comments.in_one_line({"a": 1}) if value == "line" else comments.block(value)
        comments.append(values[kind][name], "new", new)
    found = path.read_text().splitlines()
    added = ["    new: {a: 1}"] if value == "line" else ["    new:", "      t: 0.5", "      of: abc"]
    start = found.index(added[0])
    assert found[start : start + len(added)] == added
    assert found[:start] + found[start + len(added) :] == before
    section = before.index(f"  {name}: # first" if (kind, name) == ("recipes", "one") else f"  {name}:")
    assert found[start - 1].strip() and (last in found[start - 1] or "lr: 2" in found[start - 1])
    assert start > section


def test_line_endings_and_the_modes_of_the_file_stay(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_bytes(FILE.replace("\n", "\r\n").encode())
    path.chmod(0o640)
    with comments.edit(path) as values:
        values["plan"]["one"]["main"]["scales"] = [2]
    content = path.read_bytes()
    assert content.count(b"\r\n") == content.count(b"\n") and path.stat().st_mode & 0o777 == 0o640
