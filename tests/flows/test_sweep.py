"""A search for settings: its space, its study, trials given up, trials cut off, processes and a Dask cluster."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import optuna
import pytest

from agents.config import TrainConfig
from flows import sweep as flow
from flows import sweeping
from flows.errors import FlowError
from flows.home import Home
from flows.stages import CorpusFile
from tests.flows.conftest import triad

SMALL = """
[learning_rate]
settings = ["chord.learning_rate", "melody.learning_rate"]
low = 1e-4
high = 1e-2
log = true

[hidden]
settings = ["melody.hidden"]
choices = [4, 8]
"""


@pytest.fixture
def space(tmp_path: Path) -> sweeping.Space:
    (tmp_path / "space.toml").write_text(SMALL)
    return sweeping.read_space(tmp_path / "space.toml")


def test_a_trials_values_are_laid_over_the_settings(space: sweeping.Space) -> None:
    base = {"bars": 4, "melody": {"updates": 1}}
    found = sweeping.settings_of({"learning_rate": 0.002, "hidden": 8}, space, base)
    assert found == {
        "bars": 4,
        "chord": {"learning_rate": 0.002},
        "melody": {"updates": 1, "learning_rate": 0.002, "hidden": 8},
    }
    assert base == {"bars": 4, "melody": {"updates": 1}}


def test_the_space_that_ships_reaches_what_it_says() -> None:
    space = sweeping.read_space(None)
    ends = {name: row.choices[-1] if row.choices else row.high for name, row in space.items()}
    config = TrainConfig.from_json(sweeping.settings_of(ends, space, {}))
    assert (config.chord.hidden, config.melody.learning_rate, config.rhythm.kl_target) == (256, 3e-3, 0.1)
    assert config.rewards["motif"] == {"melody": 2.0}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[a]\nsettings = ['melody.colour']\nchoices = [1]", "a = 1: .*melody.colour"),
        ("[a]\nsettings = ['balance']\nlow = 0.1", "give low and high, or choices"),
        ("[a]\nsettings = ['balance']\nlow = 0.2\nhigh = 0.1", "low 0.2 is not below high 0.1"),
        ("[a]\nsettings = ['balance']\nlow = 0.2\nhigh = 3", "a = 3.0: .*balance"),
        ("[a", "no valid TOML"),
        ("", "has no parameter"),
    ],
)
def test_a_space_that_is_not_in_order_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "odd.toml"
    path.write_text(text)
    with pytest.raises(FlowError, match=says):
        sweeping.read_space(path)


def test_a_trial_that_was_cut_off_is_asked_again(tmp_path: Path, space: sweeping.Space) -> None:
    study = sweeping.open_study(Home(tmp_path), "cut")
    values = sweeping.suggest(study.ask(), space)
    again = sweeping.open_study(Home(tmp_path), "cut")
    assert [trial.state.name for trial in again.trials] == ["FAIL", "WAITING"]
    assert sweeping.suggest(again.ask(), space) == values


class _Run:
    """Stands for a run of MLflow."""

    run_id = "none"

    def __enter__(self) -> _Run:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: self


def test_what_is_below_the_median_after_a_seed_is_given_up(
    tmp_path: Path, space: sweeping.Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[tuple[int, int]] = []

    class Task:
        @staticmethod
        def submit(_corpus: object, settings: dict[str, Any], trial: int, seed: int, *_: object) -> Any:
            trained.append((trial, seed))
            rate = settings["chord"]["learning_rate"]

            class Future:
                @staticmethod
                def result() -> dict[str, float]:
                    return {"quality": -rate + seed / 1000, "overlap": 0.5, "reward": 0.0}

            return Future

    monkeypatch.setattr(flow, "seed_run", Task)
    study = sweeping.open_study(Home(tmp_path), "median")
    corpus = CorpusFile("x", "x", "x", "x", 1, 1, (), {})
    for value in (0.001, 0.002, 0.003, 0.004, 0.009, 0.0005):
        study.enqueue_trial({"learning_rate": value, "hidden": 8})
        trial = study.ask()
        values = {trial.number: sweeping.suggest(trial, space)}
        run: Any = _Run()
        flow._run_batch(study, [trial], values, space, {}, corpus, 2, 4, Home(tmp_path), run, run)
    states = [trial.state for trial in study.trials]
    complete, pruned = optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED
    assert states == [complete] * 4 + [pruned, complete]
    assert (4, 1) in trained
    assert (4, 2) not in trained
    assert study.best_params["learning_rate"] == 0.0005
    assert study.best_value == pytest.approx(-0.0005 + 0.0015)
    assert "given up" in flow._table(study)


def test_a_search_in_processes_goes_on_where_it_ended_and_on_dask_too(
    home: Path, tunes: Path, settings_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "space.toml").write_text(SMALL)

    def search(trials: int, *more: object) -> dict[str, Any]:
        done = triad(
            *("sweep", "--corpus", tunes, "--settings", settings_file, "--space", tmp_path / "space.toml"),
            *("--trials", trials, "--seeds", 1, "--steps", 200, "--count", 4, "--workers", 2, "--json", *more),
            home=home,
        )
        return dict(json.loads(done.stdout))

    first = search(2)
    assert first["trials"] == 2
    best = json.loads(Path(first["file"]).read_text())
    assert TrainConfig.from_json(best).melody.hidden in (4, 8)
    # On the same study, the third trial in a process of a Dask cluster.
    more = search(3, "--dask", "local")
    assert (more["study"], more["trials"]) == (first["study"], 3)
    assert more["best_quality"] >= first["best_quality"]
    assert more["markdown"].count("| done |") == 3
