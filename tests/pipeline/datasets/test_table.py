"""Tables as people's programs save them."""

import tracemalloc
from pathlib import Path

import pandas as pd
import pytest

from pipeline.datasets import table
from pipeline.errors import InputError


@pytest.fixture
def rows(tmp_path):
    def read(content, required=("file", "x"), optional=()):
        path = tmp_path / "t.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return list(table.rows(path, required, optional))

    return read


@pytest.mark.parametrize(
    "content",
    [
        "file,x\na.jpg,007\n",
        "\ufefffile,x\r\na.jpg,007\r\n",
        'x,file\n007,"a.jpg"\n',
        "file, x\na.jpg,007",
        "file,x\na.jpg,007\n".encode("utf-16"),
        b"\xfe\xff" + "file,x\na.jpg,007\n".encode("utf-16-be"),
        "file,x\ra.jpg,007\r",
    ],
    ids=["plain", "Windows", "other order, quotes", "a blank, no end", "UTF-16", "UTF-16 big", "old Mac"],
)
def test_the_same_table_from_many_programs(rows, content):
    assert rows(content) == [(2, {"file": "a.jpg", "x": "007"})]


def test_text_stays_text(rows):
    found = [row["file"] for _, row in rows('file,x\nNA,1\n1.0,2\nTrue,3\n"a,b\n""c""",4\n\n null ,5\n')]
    assert found == ["NA", "1.0", "True", 'a,b\n"c"', " null "]


@pytest.mark.parametrize(
    "content, message",
    [
        ("", "empty; expected a table with the columns file, x"),
        ("file;x\na;1\n", r"its columns are \['file;x'\], expected file, x, separated by commas"),
        ("file,x,x\n", "its columns are"),
        ("file,x\na\n", "line 2: 1 values for 2 columns"),
        ("file,x\na,1\nb,1,2\n", "line 3: 3 values for 2 columns"),
        ('file,x\n"a,1\n', "no CSV"),
        ("file,x\nm\xf6we,1\n".encode("latin-1"), "not UTF-8 text .* save it as 'CSV UTF-8'"),
        ("file,x\na,1\n".encode("utf-16-le"), "its columns are"),
        (b"\xff\xfef", "not UTF-8 text"),
        ("PK\x03\x04" + "x" * 5000, "a line of more than 4,096 characters"),
        (b"\x00" * 100, "its columns are"),
    ],
)
def test_what_is_no_table_is_said_in_a_line(rows, content, message):
    with pytest.raises(InputError, match=message) as caught:
        rows(content)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_a_large_table_needs_the_memory_of_a_row(tmp_path):
    path = tmp_path / "t.csv"
    with path.open("w") as file:
        file.write("file,x\n")
        for _ in range(50):
            file.write("some/where/a.jpg,123\n" * 10_000)
    tracemalloc.start()
    assert sum(1 for _ in table.rows(path, ["file", "x"])) == 500_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000 < path.stat().st_size


def test_a_table_may_write_a_path_otherwise(tmp_path):
    names = table.Files(["gull/caf\u00e9/1.jpg", "tern/2.jpg"])
    for text in ("gull/cafe\u0301/1.jpg", "gull\\caf\u00e9\\1.jpg", "./gull/caf\u00e9/1.jpg"):
        assert names.find(tmp_path, 2, text) == "gull/caf\u00e9/1.jpg"
    assert names.find(tmp_path, 2, ".DS_Store", {".DS_Store"}) is None
    with pytest.raises(InputError, match=r"line 2: '2.jpg' is no picture of the dataset"):
        names.find(tmp_path, 2, "2.jpg")


def test_official_lists(tmp_path):
    (tmp_path / "l.txt").write_text('1 NA\n2 the "big" gull\n\n')
    assert table.spaced(tmp_path / "l.txt", ["id", "name"]).to_numpy().tolist() == [
        ["1", "NA"],
        ["2", 'the "big" gull'],
    ]
    for content, message in ((b"1\n", "line 1: expected id, name, got '1'"), (b"1 a\n1 b\n", "line 2: '1' is listed")):
        (tmp_path / "l.txt").write_bytes(content)
        with pytest.raises(InputError, match=message):
            table.spaced(tmp_path / "l.txt", ["id", "name"])
    (tmp_path / "l.txt").write_bytes(b"\xff\xff")
    with pytest.raises(InputError, match=r"l.txt: cannot be read"):
        table.spaced(tmp_path / "l.txt", ["id", "name"])


@pytest.mark.parametrize("value", ["x", "", "nan", "inf", "1,5"])
def test_what_is_no_number_is_named(tmp_path, value):
    with pytest.raises(InputError, match=r"l.txt: '.*' is no number \(width\)"):
        table.numbers(pd.Series(["1", value], name="width"), tmp_path / "l.txt")


def test_a_table_that_cannot_be_opened(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # root may read everything
    with pytest.raises(InputError, match=r"t.csv: cannot be read \(Permission denied\); make it readable"):
        list(table.rows(tmp_path / "t.csv", ["file"]))
