"""What is said of a source adds up."""

import pandas as pd

from pipeline.datasets.account import Account


def test_it_says_what_was_taken_and_what_was_left_out():
    rows = [("2", 0, "train", 0.1), ("2", 0, "test", 0.1), ("10", 1, "train", None), ("10", 1, "test", None)]
    account = Account()
    account.take(pd.DataFrame(rows, columns=["class_name", "label", "split", "x0"]))
    for n in range(5):
        account.leave_out("too dark", f"{n}.jpg")
    account.equal = [["a.jpg", "b.jpg", "every byte"]]
    account.notes = ["'val' is the test split"]
    assert account.class_lines() == ["2: 1 training, 1 test", "10: 1 training, 1 test"]
    assert account.lines() == [
        "2 classes, 2 training and 2 test pictures",
        "'val' is the test split",
        "true boxes: 1 training and 1 test pictures",
        "1 equal pictures in both splits: a.jpg = b.jpg (every byte)",
        "left out, too dark: 5: 0.jpg, 1.jpg, 2.jpg and 2 more",
    ]
