"""A mapping of a file is a section, or each of its faults is a line that names the field."""

from typing import Self

import pytest
from pydantic import model_validator

from pipeline.disk import sections
from pipeline.disk.sections import NaturalInt, PositiveInt, Section, Share
from pipeline.errors import InputError


class Inner(Section):
    margin: Share


class Outer(Section):
    epochs: PositiveInt
    seed: NaturalInt = 0
    inner: Inner

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.epochs < self.seed:
            raise ValueError("seed: is more than epochs")
        return self


GOOD = {"epochs": 2, "inner": {"margin": 0.5}}


def test_a_mapping_becomes_a_section():
    section = sections.check(Outer, GOOD, "f.yaml: ")
    assert (section.epochs, section.seed, section.inner.margin) == (2, 0, 0.5)


@pytest.mark.parametrize(
    "values, lines",
    [
        (GOOD | {"epoch": 3}, ["f.yaml: epoch: unknown key; did you mean 'epochs'?"]),
        (GOOD | {"inner": {"margin": 0.5, "margn": 1}}, ["f.yaml: inner.margn: unknown key; did you mean 'margin'?"]),
        (GOOD | {"zzz": 3}, ["f.yaml: zzz: unknown key"]),
        ({"epochs": 2}, ["f.yaml: inner: missing"]),
        (GOOD | {"seed": 3}, ["f.yaml: seed: is more than epochs"]),
        (
            {"epochs": 0, "seed": -1, "inner": {"margin": 2.0}},
            [
                "f.yaml: epochs: Input should be greater than or equal to 1, got 0",
                "f.yaml: seed: Input should be greater than or equal to 0, got -1",
                "f.yaml: inner.margin: Input should be less than or equal to 1, got 2.0",
            ],
        ),
        (GOOD | {"epochs": "2"}, ["f.yaml: epochs: Input should be a valid integer, got '2'"]),
        ([1], ["f.yaml: must be a mapping of values, got [1]"]),
        (None, ["f.yaml: must be a mapping of values, got None"]),
    ],
)
def test_each_fault_is_a_line(values, lines):
    with pytest.raises(InputError) as caught:
        sections.check(Outer, values, "f.yaml: ")
    assert str(caught.value).split("\n") == lines
