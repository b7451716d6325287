"""Pictures of one thing stay on one side."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.datasets import division
from pipeline.datasets.account import Account
from pipeline.errors import InputError


def pictures(**counts):
    rows = [(f"{name}/{n}.jpg", name) for name, count in counts.items() for n in range(count)]
    return pd.DataFrame(rows, columns=["file", "class_name"])


def by_table(tmp_path, text, found):
    (tmp_path / "s.csv").write_text(text)
    account = Account()
    return division.by_table(found, tmp_path / "s.csv", account), account


def test_a_table_of_splits(tmp_path):
    text = "file,split\na/0.jpg,Train\na/1.jpg,TEST\nb/0.jpg,training\nb/1.jpg,test\n"
    found, account = by_table(tmp_path, text, pictures(a=3, b=2))
    assert found.split.tolist() == ["train", "test", "train", "test"]
    assert account.left_out == {"not in the table of splits": ["a/2.jpg"]}


@pytest.mark.parametrize("third, role", [("test", "train"), ("train", "test")])
def test_val_is_the_test_split_only_where_there_is_no_other(third, role):
    account = Account()
    assert division.settle(pd.Series(["train", "val", third]), account).tolist() == ["train", role, third]
    assert len(account.notes) == 1 and account.notes[0].startswith("the 1 pictures of 'val' are")


@pytest.mark.parametrize(
    "text, message",
    [
        ("file,split\na/0.jpg,holdout\n", "line 2: split 'holdout'; expected train, val or test"),
        ("file,split\na/0.jpg,train\na/0.jpg,test\n", "line 3: 'a/0.jpg' is listed twice"),
        ("file,split\n", "lists no picture with its split or its group"),
        ("file\na/0.jpg\n", "lists no picture with its split or its group"),
        ("file,split\nz.jpg,train\n", "line 2: 'z.jpg' is no picture of the dataset"),
        ("file,side\na/0.jpg,train\n", "its columns are"),
    ],
)
def test_tables_that_are_refused(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        by_table(tmp_path, text, pictures(a=2))


def test_a_group_on_both_sides_is_refused(tmp_path):
    text = "file,split,group\na/0.jpg,train,bird 7\na/1.jpg,test,bird 7\n"
    found, _ = by_table(tmp_path, text, pictures(a=2))
    with pytest.raises(InputError, match="group 'bird 7' has training and test pictures"):
        division.check_groups(found, tmp_path / "s.csv")


def test_a_class_of_one_group_is_refused(tmp_path):
    text = "file,group\n" + "".join(f"a/{n}.jpg,7\n" for n in range(4))
    found, _ = by_table(tmp_path, text, pictures(a=4, b=4))
    found["split"] = division.draw(found, 0, 0.3)
    with pytest.raises(InputError, match="with its groups kept together class 'a' has only test pictures"):
        division.check_groups(found, tmp_path / "s.csv")


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9) | st.none()), min_size=6, max_size=60),
    st.integers(0, 99),
    st.floats(0.05, 0.95),
)
def test_no_group_is_ever_divided(rows, seed, share):
    found = pd.DataFrame(rows, columns=["class_name", "group"])
    found["group"] = found.group.map(lambda group: group if pd.isna(group) else str(int(group))).astype(object)
    found["file"] = [f"{n}.jpg" for n in found.index]
    split = division.draw(found, seed, share)
    assert split.isin(["train", "test"]).all()
    assert (found.assign(split=split).groupby("group").split.nunique() <= 1).all()


@given(st.integers(2, 40), st.floats(0.01, 0.99))
def test_the_share_of_each_class_is_drawn_and_one_stays(n, share):
    split = division.draw(pictures(a=n), 0, share)
    assert (split == "test").sum() == max(1, min(n - 1, round(share * n)))
