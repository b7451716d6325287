"""One picture a line, whatever it is called."""

import csv
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.predicting import rows
from pipeline.predicting.rows import Asked, Row
from pipeline.recogniser import Answer, View

NAMES = st.text(st.characters(exclude_categories=()), min_size=1)


def view(*p, crop=(0, 0, 1, 1)):
    p = np.array(p, dtype=np.float32)
    return View(b"", crop, (0.1, 0.25, 0.5, 1), p, p, p, np.ones((1, 1)), np.ones((1, 1), bool))


ANSWER = Answer((200, 100), [view(0.25, 0.25, 0.5), view(0.5, 0.25, 0.25, crop=(0.5, 0, 1, 1))])


def asked(names=("gull", "tern", "skua"), **values):
    return Asked(list(names), 2, **{"top_k": 2, "scores": True, "threshold": 0.0} | values)


def test_a_line_of_each_kind():
    said = json.loads(rows.jsonl(Row("a.jpg", ANSWER, overlay="a.png"), asked()))
    assert said == {
        "path": "a.jpg",
        "answer": "gull",  # of equally likely ones the first, as argmax takes it
        "width": 200,
        "height": 100,
        "top": [{"class": "gull", "probability": 0.375}, {"class": "skua", "probability": 0.375}],
        "scales": [
            {
                "scale": 1,
                "crop": [0, 0, 200, 100],
                "attended": [20, 25, 100, 100],
                "scores": {"local": [0.25, 0.5], "object": [0.25, 0.5], "mean": [0.25, 0.5]},
            },
            {
                "scale": 2,
                "crop": [100, 0, 200, 100],
                "attended": [20, 25, 100, 100],
                "scores": {"local": [0.5, 0.25], "object": [0.5, 0.25], "mean": [0.5, 0.25]},
            },
        ],
        "overlay": "a.png",
    }
    table = rows.csv_header(asked()) + rows.csv_line(Row("a.jpg", ANSWER), asked())
    (line,) = csv.DictReader(table.splitlines())
    assert line["class_2"] == "skua" and line["scale_2_crop_x0"] == "100" and line["scale_2_local_1"] == "0.5"
    assert rows.text(Row("a.jpg", ANSWER), asked(scores=False)) == (
        "a.jpg\tgull 37.5%, skua 37.5%\tscale 1: sees 0,0,200,100 attends 20,25,100,100"
        "\tscale 2: sees 100,0,200,100 attends 20,25,100,100\n"
    )


@pytest.mark.parametrize("threshold, answer", [(0.375, "gull"), (0.376, None)])
def test_the_threshold_belongs_to_the_answers(threshold, answer):
    assert json.loads(rows.jsonl(Row("a", ANSWER), asked(threshold=threshold)))["answer"] == answer


@given(NAMES, NAMES, NAMES)
def test_any_name_is_one_line_and_none_is_lost(path, name, error):
    wanted = asked([name, "b", "c"], top_k=3)
    for row in (Row(path, ANSWER), Row(path, None, error)):
        for write in (rows.jsonl, rows.csv_line, rows.text):
            line = write(row, wanted)
            assert len(line.splitlines()) == 1 and line.endswith("\n") and line.encode()
        said = json.loads(rows.jsonl(row, wanted))
        assert said["path"] == path and (said["top"][0]["class"] == name if row.answer else said["error"] == error)
        (cells,) = csv.reader([rows.csv_line(row, wanted).rstrip("\n")])
        assert len(cells) == len(rows.columns(wanted))
        fields = dict(zip(rows.columns(wanted), cells, strict=True))
        assert plainly(fields["path"]) == path and plainly(fields["error"]) == (row.error)
        assert plainly(rows.text(row, wanted).split("\t")[0].rstrip("\n")) == path


def plainly(escaped):
    """Undo ``rows.plain``: a second formulation of it."""
    read, rest = "", escaped
    while rest:
        if not rest.startswith("\\"):
            read, rest = read + rest[0], rest[1:]
        elif rest[1] == "\\":
            read, rest = read + "\\", rest[2:]
        else:
            size = 4 if rest[1] == "x" else 6
            read, rest = read + chr(int(rest[2:size], 16)), rest[size:]
    return read
