"""What is said of stages that would be run; tests/behaviour/test_side_by_side.py has it of a real graph."""

from pipeline.scheduling import forecast, memory
from pipeline.scheduling.graph import Stage


def test_what_is_below_may_not_run_and_what_is_up_to_date_is_left_out(project, capsys):
    memory.write_times({"a": 65, "b": 5})
    names = {"kept": [], "a": ["kept"], "b": ["a"], "c": ["a"]}
    forecast.show({name: Stage(name, "", frozenset(needs)) for name, needs in names.items()}, {"a"})
    assert capsys.readouterr().out.splitlines() == [
        "    1:05  a",
        "    0:05  b  (if its inputs change)",
        "       ?  c  (if its inputs change)",
        "3 stages of 4; one after the other 1:10 by earlier runs",
        "longest chain 1:10: a > b",
    ]


def test_nothing(project, capsys):
    forecast.show({"a": Stage("a", "", frozenset())}, set())
    assert capsys.readouterr().out.startswith("0 stages of 1;")
