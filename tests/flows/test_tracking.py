from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mlflow.entities import Metric
from mlflow.exceptions import MlflowException

from flows.errors import FlowError
from flows.home import Home
from flows.tracking import EXPERIMENT, NOTE, Run, Tracker, page, undisturbed


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store") / "new"


@pytest.fixture
def tracker(place: Path) -> Tracker:
    return Tracker(Home(place))


def status(tracker: Tracker, run: Run) -> str:
    return str(tracker.client.get_run(run.run_id).info.status)


def running(tracker: Tracker) -> int:
    return len(tracker.client.search_runs([tracker.experiment_id], "attributes.status = 'RUNNING'"))


def history(run: Run, key: str) -> list[tuple[int, float]]:
    return [(metric.step, metric.value) for metric in run.client.get_metric_history(run.run_id, key)]


def test_a_run_is_running_inside_and_finished_after(tracker: Tracker) -> None:
    with tracker.run("one", kind="train") as run:
        assert status(tracker, run) == "RUNNING"
    assert status(tracker, run) == "FINISHED"
    assert tracker.client.get_run(run.run_id).info.run_name == "one"


@pytest.mark.parametrize(
    ("error", "expected"),
    [(RuntimeError, "FAILED"), (FlowError, "FAILED"), (KeyboardInterrupt, "KILLED"), (SystemExit, "KILLED")],
)
def test_a_run_that_breaks_off_says_how(tracker: Tracker, error: type[BaseException], expected: str) -> None:
    with pytest.raises(error), tracker.run("two", kind="train") as run:  # noqa: PT012 - the block is the test
        run.metrics({"loss": 1.0}, 1)
        raise error("stop")
    assert status(tracker, run) == expected
    assert history(run, "loss") == [(1, 1.0)]


def test_children_end_before_their_parent_and_name_it(tracker: Tracker) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        tracker.run("parent", kind="train") as parent,
        tracker.run("child", kind="chord", parent=parent) as child,
    ):
        raise KeyboardInterrupt
    assert [status(tracker, run) for run in (parent, child)] == ["KILLED", "KILLED"]
    assert tracker.client.get_run(child.run_id).data.tags["mlflow.parentRunId"] == parent.run_id


def test_metrics_wait_in_the_buffer_and_all_arrive(tracker: Tracker) -> None:
    with tracker.run("three", kind="train") as run:
        for step in range(1, 1501):
            run.metrics({"loss": 1 / step, "bad": float("nan")}, step)
        assert len(history(run, "loss")) == 1000
    assert [step for step, _ in history(run, "loss")] == list(range(1, 1501))
    assert history(run, "bad") == []


def test_a_store_that_is_away_costs_no_metric(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    with tracker.run("four", kind="train") as run:
        with monkeypatch.context() as patch:

            def away(*_: object, **__: object) -> None:
                raise MlflowException("connection refused")

            patch.setattr(run.client, "log_batch", away)
            run.metrics({"loss": 1.0}, 1)
            assert not run.flush()
            run.metrics({"loss": 0.5}, 2)
            assert not run.flush()
        run.metrics({"loss": 0.25}, 3)
    assert history(run, "loss") == [(1, 1.0), (2, 0.5), (3, 0.25)]


def test_a_resumed_run_is_the_same_run(tracker: Tracker) -> None:
    with pytest.raises(KeyboardInterrupt), tracker.run("five", kind="train") as first:
        raise KeyboardInterrupt
    with tracker.run("five", kind="train", resume=first.run_id) as again:
        assert again.run_id == first.run_id
        assert status(tracker, again) == "RUNNING"
    assert status(tracker, again) == "FINISHED"
    with tracker.run("six", kind="train", resume="0" * 32) as other:
        assert other.run_id != "0" * 32


def test_parameters_note_and_dataset_are_there_to_read(tracker: Tracker, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    with tracker.run("seven", kind="train") as run:
        run.params({"seed": 1, "long": "x" * 9000})
        run.params({"seed": 2})
        run.note("**Better** than before")
        run.dataset("tunes", "abc123", source={"path": "here"}, profile='{"pieces": 3}', context="training")
        run.artifact(tmp_path / "a.txt", "kept")
    found = tracker.client.get_run(run.run_id)
    assert found.data.params["seed"] == "1"
    assert len(found.data.params["long"]) == 6000
    assert found.data.tags[NOTE] == "**Better** than before"
    (given,) = found.inputs.dataset_inputs
    assert (given.dataset.name, given.dataset.digest) == ("tunes", "abc123")
    assert [file.path for file in tracker.client.list_artifacts(run.run_id, "kept")] == ["kept/a.txt"]


def test_artifacts_lie_under_the_home(tracker: Tracker, place: Path) -> None:
    experiment = tracker.client.get_experiment_by_name(EXPERIMENT)
    assert experiment.artifact_location == (place / "artifacts" / EXPERIMENT).as_uri()


def test_system_metrics_are_logged_to_the_run_and_make_no_other(tracker: Tracker, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.2")
    before = len(tracker.client.search_runs([tracker.experiment_id]))
    with tracker.run("eight", kind="train") as run, tracker.system_metrics(run):
        deadline = time.monotonic() + 60
        while not history(run, "system/cpu_utilization_percentage") and time.monotonic() < deadline:
            time.sleep(0.1)
    assert history(run, "system/cpu_utilization_percentage")
    assert len(tracker.client.search_runs([tracker.experiment_id])) == before + 1


def test_metrics_can_speak_of_a_model_and_a_dataset(tracker: Tracker) -> None:
    with tracker.run("nine", kind="evaluate") as run:
        run.log(
            [Metric("vs_real_music/agents_overlap", 0.8, run.now(), 3, dataset_name="tunes", dataset_digest="abc")]
        )
    assert history(run, "vs_real_music/agents_overlap") == [(3, 0.8)]
    assert run.last_step("vs_real_music/agents_overlap") == 3
    assert run.last_step("never") == 0


def test_signals_wait_until_a_block_is_done() -> None:
    done = False
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - the signal arrives in the middle
        with undisturbed():
            signal.raise_signal(signal.SIGINT)
            done = True
        raise AssertionError("the signal was lost")
    assert done
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_the_link_opens_where_runs_are_seen() -> None:
    assert page("http://127.0.0.1:5000/", "7") == (
        "http://127.0.0.1:5000/?workflowType=machine_learning#/experiments/7/runs?workflowType=machine_learning"
    )


def test_a_store_that_cannot_be_opened_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mlflow.db").write_text("this is no database, only a few words that fill some bytes" * 20)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    with pytest.raises(FlowError, match=r"mlflow\.db"):
        Tracker(Home(tmp_path))


OPEN = """
import sys
from flows.home import Home
from flows.tracking import Tracker
tracker = Tracker(Home.here())
with tracker.run(sys.argv[1], kind="train") as run:
    run.metrics({"loss": 1.0}, 1)
    if sys.argv[1] == "stays":
        run.flush()
        print(run.run_id, flush=True)
        import time
        time.sleep(300)
print(run.run_id)
"""


def opened(name: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", OPEN, name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_four_processes_open_a_fresh_store_at_once(home: Path) -> None:
    processes = [opened(f"p{number}") for number in range(4)]
    outcomes = [process.communicate(timeout=240) for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, json.dumps(outcomes)
    tracker = Tracker(Home(home))
    assert len(tracker.client.search_runs([tracker.experiment_id], "attributes.status = 'FINISHED'")) == 4
    assert [one.name for one in tracker.client.search_experiments()].count(EXPERIMENT) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_killed_process_leaves_no_run_running(place: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setenv("TRIAD_HOME", str(place))
    process = opened("stays")
    assert process.stdout is not None
    run_id = process.stdout.readline().strip()
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode != 0
    tracker = Tracker(Home(place))
    assert tracker.client.get_run(run_id).info.status == "KILLED"
    assert running(tracker) == 0
