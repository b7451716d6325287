"""Names sort as people sort them."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.disk.text import natural_key


def test_numbers_sort_by_their_value():
    names = ["10", "2", "1", "007", "Audi A4 10", "Audi A4 2.0", "x²", "x"]
    assert sorted(names, key=natural_key) == ["1", "2", "007", "10", "Audi A4 2.0", "Audi A4 10", "x", "x²"]


@given(st.lists(st.text(), unique=True))
def test_any_names_have_one_order(names):
    assert sorted(names, key=natural_key) == sorted(reversed(names), key=natural_key)
