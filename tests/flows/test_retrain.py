"""Two retrainings of a style with their own Prefect server and store: a first champion, and one that has to gain."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from mlflow import MlflowClient

from flows import registry, retraining
from flows.cli import cli
from flows.errors import FlowError
from flows.home import Home
from flows.retrain import COMPARISON, compare
from flows.tracking import Tracker
from tests.flows.conftest import triad

NAME = "triad-tunes"


@dataclass(frozen=True)
class Retrained:
    home: Path
    first: dict[str, Any]
    second: dict[str, Any]
    new_seed: int
    client: MlflowClient


@pytest.fixture(scope="module")
def retrained(tmp_path_factory: pytest.TempPathFactory, tunes: Path, settings_file: Path) -> Retrained:
    home = tmp_path_factory.mktemp("retrained") / "home"

    def retrain(*more: object) -> dict[str, Any]:
        done = triad(
            *("retrain", "--corpus", tunes, "--steps", 300, "--settings", settings_file, "--seeds", 2),
            *("--count", 4, "--rounds", 2, "--bars", 4, "--json", *more),
            home=home,
        )
        assert "Traceback" not in done.stderr
        return dict(json.loads(done.stdout))

    first = retrain()
    # One seed is trained already, and it is not the champion's; no gain can exceed this margin.
    again, other = (2, 3) if first["seed"] == 1 else (1, 0)
    second = retrain("--first-seed", min(again, other), "--margin", 5)
    uri = f"sqlite:///{home}/mlflow.db"
    return Retrained(home, first, second, other, MlflowClient(uri, uri))


def test_without_a_champion_the_challenger_is_promoted_and_shown(retrained: Retrained) -> None:
    told = retrained.first
    assert told["promoted"]
    assert told["champion_before"] is None
    assert {Path(path).suffix for path in told["piece"]["files"].values()} == {
        ".mid",
        ".wav",
        ".png",
        ".html",
        ".json",
    }
    assert all(Path(path).is_file() for path in told["piece"]["files"].values())
    tags = retrained.client.get_model_version(NAME, told["version"]).tags
    assert tags["gate"] == "promoted"
    assert tags["corpus_digest"] == told["corpus"]["digest"]
    assert tags["seeds"] == "1, 2"
    assert len(tags["soundfont_sha256"]) == 64
    assert {"config", "digest", "gate_challenger"} <= set(tags)


def test_whoever_gains_too_little_is_not_promoted_and_that_is_a_normal_end(retrained: Retrained) -> None:
    told = retrained.second
    assert not told["promoted"]
    assert told["piece"] is None
    assert told["champion_before"] == retrained.first["version"]
    run = retrained.client.get_run(told["run_id"])
    assert run.info.status == "FINISHED"
    assert run.data.tags["mlflow.note.content"].startswith("**Not promoted: ")


def test_a_run_for_the_retraining_one_for_each_seed_and_one_for_each_agent(retrained: Retrained) -> None:
    runs = retrained.client.search_runs([retrained.first["experiment_id"]])
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert sorted(run.data.tags["triad.kind"] for run in runs) == sorted(
        ["retrain"] * 2 + ["train"] * 3 + ["chord", "rhythm", "melody"] * 3
    )
    children = {run.info.run_id: run.data.tags.get("mlflow.parentRunId") for run in runs}
    by_kind = {run.info.run_id: run.data.tags["triad.kind"] for run in runs}
    for run_id, parent in children.items():
        wanted = {"retrain": None, "train": "retrain"}.get(by_kind[run_id], "train")
        assert (by_kind[parent] if parent else None) == wanted
    # The seed that was finished by the first retraining stays a run of that one.
    trained = {run.info.run_name: children[run.info.run_id] for run in runs if by_kind[run.info.run_id] == "train"}
    first, second = retrained.first["run_id"], retrained.second["run_id"]
    new = f"tunes · seed {retrained.new_seed}"
    assert trained == {"tunes · seed 1": first, "tunes · seed 2": first, new: second}


def test_the_comparison_is_kept_with_the_run(retrained: Retrained) -> None:
    run_id = retrained.second["run_id"]
    (found,) = retrained.client.list_artifacts(run_id, "comparison")
    assert found.path == f"comparison/{COMPARISON}"
    text = Path(retrained.client.download_artifacts(run_id, found.path)).read_text()
    assert text.startswith(f"**{retrained.second['verdict']}**")
    assert "| champion |" in text


def test_unchanged_music_is_a_cached_stage(retrained: Retrained) -> None:
    with sqlite3.connect(f"file:{retrained.home}/prefect/prefect.db?mode=ro", uri=True) as database:
        states = [
            name
            for (name,) in database.execute(
                "select state_name from task_run where name like 'corpus snapshot%' order by start_time"
            )
        ]
    database.close()
    assert states == ["Completed", "Cached"]


def test_changed_music_is_another_snapshot(tunes: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tunes"
    folder.mkdir()
    for path in sorted(tunes.glob("*.mid"))[:3]:
        (folder / path.name).write_bytes(path.read_bytes())
    before = retraining.content_digest(folder, None)
    assert retraining.content_digest(folder, None) == before
    (folder / "tune-00.mid").write_bytes((folder / "tune-01.mid").read_bytes())
    assert retraining.content_digest(folder, None) != before


def test_a_model_does_not_challenge_itself(retrained: Retrained, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIAD_HOME", str(retrained.home))
    model = f"{retrained.first['folder']}/model"
    told = compare.fn(model, model, retrained.first["corpus"], None, 2, 4, 0.0, 1)
    assert not told["promoted"]
    assert told["gain"] == 0.0
    assert "made the champion again" in told["reason"]


def test_promotion_and_rollback(retrained: Retrained, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIAD_HOME", str(retrained.home))
    tracker = Tracker(Home.here())

    def listed() -> dict[str, list[str]]:
        told = CliRunner().invoke(cli, ["models", "tunes", "--json"])
        return {row["version"]: row["aliases"] for row in json.loads(told.stdout)["versions"]}

    def rolled_back() -> str:
        done = CliRunner().invoke(cli, ["rollback", "tunes", "--json"])
        assert done.exit_code == 0, done.output
        return str(json.loads(done.stdout)["champion"])

    one, two = retrained.first["version"], retrained.second["version"]
    assert listed() == {one: ["champion"], two: ["challenger"]}
    refused = CliRunner().invoke(cli, ["rollback", "tunes"])
    assert refused.exit_code == 2
    assert "no former champion" in refused.stderr
    with pytest.raises(FlowError, match="became the champion while"):
        registry.promote(tracker, NAME, two, instead_of=None)
    registry.promote(tracker, NAME, two, instead_of=one)
    assert listed() == {one: ["previous"], two: ["challenger", "champion"]}
    assert (rolled_back(), rolled_back(), rolled_back()) == (one, two, one)
    # Of the two, only the one that is out of its place now is marked, and no gain brings it back.
    withdrawn = [row["version"] for row in registry.versions(tracker, NAME) if registry.ROLLED_BACK in row["tags"]]
    assert withdrawn == [two]
    folders = [f"{told['folder']}/model" for told in (retrained.second, retrained.first)]
    told = compare.fn(*folders, retrained.first["corpus"], None, 2, 4, 0.0, 1)
    assert not told["promoted"]
    assert f"version {two}, which was rolled back, came out again" in told["reason"]
    assert listed() == {one: ["champion"], two: ["challenger", "previous"]}


def test_models_of_an_unknown_style_are_named(home: Path) -> None:
    done = CliRunner().invoke(cli, ["models", "polka"])
    assert done.exit_code == 2
    assert "triad-polka" in done.stderr
    assert "no registered model yet" in CliRunner().invoke(cli, ["models"]).stdout


def test_a_schedule_that_makes_no_sense_is_refused(home: Path) -> None:
    for wrong in (["--cron", "99 3 * * *"], ["--cron", "0 3 * * *", "--timezone", "Mars/Olympus"]):
        done = CliRunner().invoke(cli, ["schedule", *wrong])
        assert done.exit_code == 2, done.output
        assert "such as" in done.stderr
