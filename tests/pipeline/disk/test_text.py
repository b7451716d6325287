"""Text stays text, and sorts as people sort."""

import unicodedata

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.disk import text
from pipeline.errors import InputError

NAMES = [
    "1",
    "007",
    "10",
    "2",
    "True",
    "FALSE",
    "NA",
    "N/A",
    "<NA>",
    "null",
    "None",
    "nan",
    "NaN",
    "1e5",
    "inf",
    "-inf",
]
NAMES += ["", " ", "-", "0x10", "1_000", "2024-01-02", "a,b", 'a "b"', "a\nb", "=1+1", "\\", "鸟", "🐦", "Audi A4 2.0"]
NAMES += [unicodedata.normalize(form, "Émeu") for form in ("NFC", "NFD")]


def read(path, numbers=None, columns=()):
    return text.read_table(path, numbers or {}, columns, "run it again")


def test_names_stay_what_they_are(tmp_path):
    written = pd.DataFrame({"id": NAMES, "class_name": NAMES[::-1], "n": range(len(NAMES))})
    written.to_csv(tmp_path / "a.csv", index=False)
    table = read(tmp_path / "a.csv", {"n": int, "absent": float}, ["id", "n"])
    assert table.id.tolist() == NAMES and table.class_name.tolist() == NAMES[::-1]
    assert table.n.tolist() == list(range(len(NAMES)))


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=6), min_size=1))
def test_any_text_comes_back(tmp_path_factory, names):
    path = tmp_path_factory.mktemp("text") / "a.csv"
    pd.DataFrame({"name": names, "x": 0.5}).to_csv(path, index=False)
    assert read(path, {"x": float}).name.tolist() == names


def test_numbers_are_numbers(tmp_path):
    (tmp_path / "a.csv").write_text("\ufeffid,x,n\r\n1,0.1,7\r\n2,,8\r\n", encoding="utf-8")
    table = read(tmp_path / "a.csv", {"x": float, "n": int}, ["id"])
    assert table.x[0] == 0.1 and table.x.isna().tolist() == [False, True]
    assert table.n.dtype == "int64" and table.id.tolist() == ["1", "2"]


BAD = {
    "missing": (None, "missing"),
    "empty": (b"", "No columns to parse"),
    "text in a number": (b"id,x,n\na,0.5,1\nb,0;7,1\n", "row 2: x is no number, '0;7'"),
    "nan in a number": (b"id,x,n\na,nan,1\n", "row 1: x is no number, 'nan'"),
    "no whole number": (b"id,x,n\na,0.5,1\nb,0.5,1.5\n", "row 2: n is no whole number, 1.5"),
    "infinite": (b"id,x,n\na,0.5,inf\n", "row 1: n is no whole number, inf"),
    "no number": (b"id,x,n\na,0.5,\n", "row 1: n is no whole number, nan"),
    "no column": (b"id,n\na,1\n", "has no column 'x'"),
    "more fields": (b"id,x,n\na,0.5,1,9\nb,0.5,1,9\n", "more fields than its header"),
    "ragged": (b"id,x,n\na,0.5,1\nb,0.5,1,9\n", "Expected 3 fields"),
    "an open quote": (b'id,x,n\n"a,0.5,1\n', "EOF inside string"),
    "UTF-16": ("id,x,n\na,0.5,1\n".encode("utf-16"), "can't decode"),
    "Latin-1": ("id,x,n\né,0.5,1\n".encode("latin-1"), "can't decode"),
}


@pytest.mark.parametrize("content, reason", BAD.values(), ids=BAD)
def test_what_cannot_be_read_is_named_in_a_line(tmp_path, content, reason):
    if content is not None:
        (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(InputError) as raised:
        read(tmp_path / "a.csv", {"x": float, "n": int}, ["id", "x", "n"])
    message = str(raised.value)
    assert message.startswith(f"{tmp_path / 'a.csv'}: ") and reason in message and message.endswith("; run it again")
    assert "\n" not in message


def test_sorted_as_people_sort():
    ordered = ["002", "2", "10", "Émeu", "émeu 2", "Emeu 3", "emeu 10", "n-2", "n-10", "v1.9", "v1.10", "Zebra", "鸟"]
    assert sorted(reversed(ordered), key=text.natural_key) == ordered


@given(st.lists(st.text(max_size=8)))
def test_any_names_can_be_sorted_and_none_are_equal(names):
    keys = [text.natural_key(name) for name in names]
    assert len(set(keys)) == len(set(names)) and len(sorted(keys)) == len(names)
