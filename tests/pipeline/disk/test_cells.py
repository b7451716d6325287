"""The names of trainings and of their folders."""

from pathlib import Path

from pipeline.disk.cells import Cell, main_line


def test_names():
    cell = Cell("tiny", "n-1", 2, 3)
    assert cell.run == "n-1-2" and str(cell) == "n-1-2-3"
    assert cell.below(Path("runs/tiny/attend")) == Path("runs/tiny/attend/n-1-2/scale-3")


def test_the_main_line_is_ours_with_the_recipes_own_seed():
    assert str(main_line("tiny", 2)) == "ours-0-2"
