from __future__ import annotations

from pathlib import Path

import pytest

from agents.config import TrainConfig
from agents.records import Record
from flows.home import Home
from flows.journal import journal, named, remember, remembered
from flows.stages import CorpusFile
from flows.tracking import Run, Tracker

CORPUS = CorpusFile("tunes.safetensors", "tunes", "tunes", "abc", 3, 48, ("3 of 3 files used",), {})
CONFIG = TrainConfig(steps=100, checkpoint_every=2)


def records(iterations: range) -> list[Record]:
    found = []
    for step in iterations:
        found += [Record("learn", agent, step, {"loss": 1 / step}) for agent in ("chord", "rhythm", "melody")]
        found.append(Record("learn", "trio", step, {"steps": 10.0 * step, "reward/key": 0.1 * step}))
    return found


def steps(run: Run, key: str) -> list[int]:
    return [metric.step for metric in run.client.get_metric_history(run.run_id, key)]


@pytest.fixture(scope="module")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Tracker:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        return Tracker(Home(tmp_path_factory.mktemp("home")))


def test_metrics_are_named_so_that_pages_group_them() -> None:
    assert named(Record("prior", "chord", 1, {"nll": 1.5})) == {"prior/nll": 1.5}
    assert named(Record("learn", "chord", 1, {"loss": 0.5})) == {"loss": 0.5}
    told = named(Record("learn", "trio", 1, {"steps": 9.0, "reward/key": 0.2}))
    assert told == {"progress/steps": 9.0, "reward/key": 0.2}


def test_a_training_cut_off_and_gone_on_with_logs_every_step_once(tracker: Tracker, tmp_path: Path) -> None:
    with (  # noqa: PT012 - what is written before the interruption matters
        pytest.raises(KeyboardInterrupt),
        tracker.run("a", kind="train") as parent,
        journal(tracker, parent, CORPUS, CONFIG, tmp_path) as log,
    ):
        log.write(Record("prior", "chord", 1, {"nll": 1.5}))
        for record in records(range(1, 6)):
            log.write(record)
        raise KeyboardInterrupt
    known = remembered(tmp_path, tracker)
    assert known["run"] == parent.run_id
    # The last checkpoint was at iteration 4: iteration 5 is done, and told, again.
    with tracker.run("a", kind="train", resume=known["run"]) as again:
        with journal(tracker, again, CORPUS, CONFIG, tmp_path) as log:
            for record in records(range(5, 8)):
                log.write(record)
        children = {name: tracker.attached(run_id) for name, run_id in known["children"].items()}
    for name in ("chord", "rhythm", "melody"):
        assert steps(children[name], "loss") == [1, 2, 3, 4, 5, 6, 7]
    assert steps(again, "reward/key") == [1, 2, 3, 4, 5, 6, 7]
    assert steps(children["chord"], "prior/nll") == [1]
    assert remembered(tmp_path, tracker)["children"] == known["children"]


def test_everything_before_a_checkpoint_is_sent_before_it_is_written(tracker: Tracker, tmp_path: Path) -> None:
    with tracker.run("b", kind="train") as parent, journal(tracker, parent, CORPUS, CONFIG, tmp_path) as log:
        for record in records(range(1, 4)):
            log.write(record)
        assert steps(log.runs["melody"], "loss") == [1, 2]
        assert steps(parent, "progress/steps") == [1, 2]


def test_beginning_anew_has_children_of_its_own(tracker: Tracker, tmp_path: Path) -> None:
    with tracker.run("c", kind="train") as parent:
        with journal(tracker, parent, CORPUS, CONFIG, tmp_path):
            first = remembered(tmp_path, tracker)["children"]
        with journal(tracker, parent, CORPUS, CONFIG, tmp_path, fresh=True):
            second = remembered(tmp_path, tracker)["children"]
    assert not set(first.values()) & set(second.values())


def test_settings_and_corpus_are_on_the_runs(tracker: Tracker, tmp_path: Path) -> None:
    with tracker.run("d", kind="train") as parent, journal(tracker, parent, CORPUS, CONFIG, tmp_path) as log:
        chord = tracker.client.get_run(log.runs["chord"].run_id)
    assert chord.data.params["kl_target"] == str(CONFIG.chord.kl_target)
    assert chord.info.run_name == "chord · tunes · seed 0"
    told = tracker.client.get_run(parent.run_id)
    assert (told.data.params["steps"], told.data.params["corpus_digest"]) == ("100", "abc")
    assert [given.dataset.digest for given in told.inputs.dataset_inputs] == ["abc"]


def test_a_folder_remembers_nothing_of_another_store(tracker: Tracker, tmp_path: Path) -> None:
    with tracker.run("e", kind="train") as parent:
        remember(tmp_path, tracker, run=parent.run_id)
    assert remembered(tmp_path, tracker)["run"] == parent.run_id
    (tmp_path / "tracking.json").write_text(
        (tmp_path / "tracking.json").read_text().replace("sqlite:", "postgresql:")
    )
    assert remembered(tmp_path, tracker) == {}
    (tmp_path / "tracking.json").write_text("{")
    assert remembered(tmp_path, tracker) == {}
