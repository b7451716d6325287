"""The registry: which aliases can be meant, which run a model links to."""

import errno

import pytest

import registered
from pipeline.errors import InputError
from pipeline.tracking import registry
from pipeline.tracking.registry import Registry

ROW = {"1": 50.0, "2": 66.66667, "ms": 70.0}
METRICS = {"acc_loc": ROW, "acc_obj": ROW, "acc_avg": ROW, "judged": [], "iou": {"1": 0.5}}


@pytest.mark.parametrize("alias", ["champion", "a-b_c", "V", "v1a", "7", "é", "latest-one"])
def test_an_alias_that_mlflow_takes(alias):
    registry.check_alias(alias)


@pytest.mark.parametrize("alias", ["", "a b", "a/b", "a@b", "latest", "LATEST", "v1", "V12", "x" * 256, "a\n"])
def test_an_alias_that_mlflow_would_refuse_or_take_for_something_else(alias):
    with pytest.raises(InputError, match=r"--alias .* such as champion") as caught:
        registry.check_alias(alias)
    assert "\n" not in str(caught.value)


def test_a_model_links_to_the_newest_run_with_its_accuracies(project):
    assert Registry("tiny").run_with(METRICS) is None  # nothing was logged
    registered.log_evaluation(METRICS)
    newest = registered.log_evaluation(METRICS)
    registered.log_evaluation(METRICS | {"acc_obj": ROW | {"2": 66.6}})
    assert Registry("tiny").run_with(METRICS) == newest
    assert Registry("tiny").run_with(METRICS | {"acc_loc": ROW | {"3": 50.0}}) is None
    assert Registry("other").run_with(METRICS) is None


def test_of_several_versions_with_a_digest_the_newest_is_found(project):
    store = Registry("tiny")
    assert store.find("one") is None
    for number in range(11):
        (project / f"{number}").mkdir()
        (project / f"{number}" / "MLmodel").write_text("flavors: {}")
        store.add(project / f"{number}", "one" if number != 10 else "two", None, "card")
    assert (store.find("one"), store.find("two"), store.find("three")) == (10, 11, None)


def test_what_is_not_stored_whole_is_no_version(project, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    store = Registry("tiny")
    monkeypatch.setattr(store._client, "log_model_artifacts", full)
    with pytest.raises(InputError, match=r"does not take the model \(OSError: .*No space left on device\)"):
        store.add(project, "one", None, "card")
    (model,) = store._client.search_logged_models([store._client.get_experiment_by_name("tiny").experiment_id])
    assert model.status == "FAILED" and store.find("one") is None
