"""The names of trainings and of their folders."""

from pathlib import Path

from pipeline.disk.cells import Cell, main_line


def test_names():
    cell = Cell("tiny", "n-1", 2, 3)
    assert cell.run == "n-1-2" and str(cell) == "n-1-2-3"
    assert cell.below(Path("runs/tiny/attend")) == Path("runs/tiny/attend/n-1-2/scale-3")


def test_the_main_line_is_ours_with_the_recipes_own_seed():
    assert str(main_line("tiny", 2)) == "ours-0-2"


def test_what_belongs_to_a_fold_lies_beside_what_belongs_to_the_dataset():
    cells = [Cell("tiny", "ours", 0, 2, fold) for fold in (0, 1, 3)]
    assert [cell.home for cell in cells] == ["tiny", "folds/tiny-1", "folds/tiny-3"]
    assert [str(cell) for cell in cells] == ["ours-0-2", "fold-1-ours-0-2", "fold-3-ours-0-2"]
