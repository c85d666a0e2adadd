"""One real run of the whole pipeline, its own Prefect server and its own store, looked at from all sides."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import soundfile
from click.testing import CliRunner
from mlflow import MlflowClient
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows import tasks
from flows.cli import cli
from flows.errors import FlowError
from flows.home import Home
from flows.pipeline import alone, owned_run
from flows.tracking import Tracker
from tests.flows.conftest import environment, triad, write_tune

REPORT = {
    *("evaluation.md", "evaluation.html", "evaluation.json"),
    *(f"{name}.png" for name in ("overlap", "classifier", "similarity", "features")),
}


@dataclass(frozen=True)
class Piped:
    home: Path
    out: Path
    told: dict[str, Any]
    client: MlflowClient

    def runs(self) -> dict[str, Any]:
        found = self.client.search_runs([self.told["experiment_id"]])
        return {run.data.tags["triad.kind"]: run for run in found}


@pytest.fixture(scope="module")
def piped(tmp_path_factory: pytest.TempPathFactory, tunes: Path, settings_file: Path) -> Piped:
    home, out = tmp_path_factory.mktemp("piped") / "home", tmp_path_factory.mktemp("shown") / "out"
    done = triad(
        *("pipeline", "--corpus", tunes, "--steps", 600, "--settings", settings_file, "--count", 4),
        *("--bars", 8, "--seed", 1, "-o", out, "--json"),
        home=home,
    )
    assert "training" in done.stderr
    assert "Traceback" not in done.stderr
    uri = f"sqlite:///{home}/mlflow.db"
    return Piped(home, out, json.loads(done.stdout), MlflowClient(uri, uri))


def test_the_piece_can_be_seen_and_heard(piped: Piped) -> None:
    assert {path.name for path in piped.out.iterdir()} == {
        *(f"piece-1-1.{ending}" for ending in ("mid", "wav", "png", "html", "json")),
        "evaluation",
    }
    assert {path.name for path in (piped.out / "evaluation").iterdir()} == REPORT
    assert piped.told["report"] == str(piped.out / "evaluation" / "evaluation.html")
    sound, rate = soundfile.read(piped.out / "piece-1-1.wav")
    assert sound.shape[1] == 2
    assert 0.05 < abs(sound).max() < 1.0
    assert len(sound) / rate > 8 * 4 * 60 / 107


def test_the_model_has_a_card_of_its_figures(piped: Piped, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIAD_HOME", str(piped.home))
    folder = Path(piped.told["model"])
    assert "licence of the data: not stated" in (folder / "CARD.md").read_text()
    told = json.loads(CliRunner().invoke(cli, ["styles", "--json"]).stdout)["styles"]
    (row,) = [row for row in told if row["from"] == "here"]
    assert (row["style"], row["folder"]) == ("tunes", str(folder))
    assert row["overlap"] == piped.told["figures"]["agents/overlap"]


def test_every_run_is_finished_and_has_its_curves(piped: Piped) -> None:
    runs = piped.runs()
    assert set(runs) == {"pipeline", "chord", "rhythm", "melody"}
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    parent = runs["pipeline"]
    for agent in ("chord", "rhythm", "melody"):
        metrics = runs[agent].data.metrics
        assert {"loss", "mean_q", "td_error", "temperature", "epsilon", "reward", "prior/nll"} <= set(metrics)
        assert runs[agent].data.tags["mlflow.parentRunId"] == parent.info.run_id
        history = piped.client.get_metric_history(runs[agent].info.run_id, "loss")
        assert [metric.step for metric in history] == list(range(1, len(history) + 1))
    assert {"reward/key", "progress/steps", "vs_real_music/agents_overlap"} <= set(parent.data.metrics)
    assert [given.dataset.name for given in parent.inputs.dataset_inputs] == ["tunes"]


def test_the_parent_run_tells_the_outcome_first_and_keeps_the_files(piped: Piped) -> None:
    parent = piped.runs()["pipeline"]
    assert parent.data.tags["mlflow.note.content"].startswith(f"**{piped.told['verdict']}**")
    told = {file.path for file in piped.client.list_artifacts(parent.info.run_id, "evaluation")}
    assert told == {f"evaluation/{name}" for name in REPORT}
    kept = {file.path for file in piped.client.list_artifacts(parent.info.run_id, "piece")}
    assert kept == {f"piece/piece-1-1.{ending}" for ending in ("mid", "wav", "png", "html", "json")}
    assert parent.info.artifact_uri.startswith((piped.home / "artifacts").as_uri())


def test_the_three_agents_are_one_registered_model(piped: Piped) -> None:
    version = piped.client.get_model_version_by_alias("triad-tunes", "champion")
    assert str(version.version) == "1"
    found = piped.client.get_model_version("triad-tunes", "1")
    assert found.tags["corpus_digest"] == piped.told["corpus"]["digest"]
    assert found.tags["digest"] == piped.told["digest"]
    assert "agents/overlap" in found.tags


def test_prefect_saw_every_stage_complete_and_kept_artifacts(piped: Piped) -> None:
    with sqlite3.connect(f"file:{piped.home}/prefect/prefect.db?mode=ro", uri=True) as database:
        flows = dict(database.execute("select flow.name, state_type from flow_run join flow on flow.id = flow_id"))
        tasks = dict(database.execute("select substr(name, 1, instr(name, '-') - 1), state_type from task_run"))
        artifacts = {key for (key,) in database.execute("select key from artifact where key is not null")}
    database.close()
    assert flows == dict.fromkeys(("pipeline", "train", "evaluate", "render"), "COMPLETED")
    stages = ("read corpus", "learn", "register model", "judge", "compose and render")
    assert {name: tasks[name] for name in stages} == dict.fromkeys(stages, "COMPLETED")
    assert {"training-progress", "pipeline-summary", "pipeline-mlflow", "evaluation"} <= artifacts


def test_the_champion_composes_what_the_folder_composes(
    piped: Piped, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIAD_HOME", str(piped.home))
    run_uri = f"runs:/{piped.told['run_id']}/triad-tunes"
    for number, model in enumerate(("models:/triad-tunes@champion", "models:/triad-tunes/1", run_uri, None)):
        named = [model] if model else []
        done = CliRunner().invoke(
            cli, ["compose", *named, "--bars", "4", "--format", "mid", "-o", f"{tmp_path}/{number}"]
        )
        assert done.exit_code == 0, done.stderr
    first, *others = [path.read_bytes() for path in sorted(tmp_path.rglob("*.mid"))]
    assert len(others) == 3
    assert all(other == first for other in others)


def test_a_model_the_registry_lacks_is_named(piped: Piped, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIAD_HOME", str(piped.home))
    done = CliRunner().invoke(cli, ["compose", "models:/triad-polka@champion", "-o", str(tmp_path)])
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1].startswith("error: models:/triad-polka@champion")


LOAD = """
import sys, json, base64
import mlflow, pandas
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model("models:/triad-tunes/1")
first = model.predict([{"key": "D minor", "bars": 4, "seed": 3}])
second = model.predict(pandas.DataFrame([{"key": "D minor", "bars": 4, "seed": 3}]))
assert first == second
try:
    model.predict([{"key": "D minor", "seed": "three"}])
except Exception as error:
    print(json.dumps({
        "midi": base64.b64decode(first[0].midi)[:4].decode(),
        "key": first[0].score.key,
        "inputs": str(model.metadata.signature.inputs),
        "example": model.metadata.saved_input_example_info is not None,
        "refused": type(error).__name__,
    }))
"""


def test_the_model_loads_with_pickle_refused_and_answers(piped: Piped) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOAD, f"sqlite:///{piped.home}/mlflow.db"],
        capture_output=True,
        text=True,
        env={**environment(piped.home), "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"},
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told == {
        "midi": "MThd",
        "key": "D minor",
        "inputs": told["inputs"],
        "example": True,
        "refused": "MlflowException",
    }
    assert "tempo: double (optional)" in told["inputs"]
    model = next((piped.home / "artifacts").rglob("MLmodel")).parent
    assert not [path for path in model.rglob("*") if path.suffix in (".pkl", ".pt", ".bin")]
    assert "triad-composer==" in (model / "requirements.txt").read_text()


def test_a_model_is_registered_once(piped: Piped, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIAD_HOME", str(piped.home))
    folder = Path(piped.told["model"]).parent
    assert tasks.register_model.fn(folder, piped.told["run_id"], {}) == piped.told["registered"]


def test_a_model_of_the_registry_is_judged_as_its_folder_is(piped: Piped, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIAD_HOME", str(piped.home))
    with Tracker(Home.here()).run("again", kind="evaluate") as run:
        told = tasks.judge.fn(["models:/triad-tunes@champion"], None, None, 4, 1, None, run.run_id)
    assert told["figures"] == piped.told["figures"]
    kept = {file.path for file in piped.client.list_artifacts(run.run_id, "evaluation")}
    assert kept == {f"evaluation/{name}" for name in REPORT}
    assert told["files"] == []


def test_the_command_line_writes_a_report(piped: Piped, tmp_path: Path) -> None:
    done = triad(
        *("evaluate", piped.told["model"], "--report", tmp_path / "report", "--count", 4, "--seed", 1, "--json"),
        home=piped.home,
    )
    told = json.loads(done.stdout)
    assert {Path(path).name for path in told["files"]} == REPORT == {path.name for path in tmp_path.glob("report/*")}
    assert told["figures"] == piped.told["figures"]
    run = piped.client.get_run(told["run_id"])
    assert run.data.metrics["vs_real_music/agents_overlap"] == told["figures"]["agents/overlap"]
    assert run.data.params["model_digests"] == piped.told["digest"]


def start(*arguments: object, home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "flows.cli", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(home),
        start_new_session=True,
    )


def test_a_training_interrupted_at_the_terminal_ends_in_order_and_goes_on(
    piped: Piped, tunes: Path, settings_file: Path, tmp_path: Path
) -> None:
    arguments = [
        "train",
        "--corpus",
        tunes,
        "--settings",
        settings_file,
        "--seed",
        2,
        "-o",
        tmp_path / "run",
        "--json",
    ]
    process = start(*arguments, "--minutes", 5, home=piped.home)
    assert process.stderr is not None
    for line in process.stderr:
        if "iteration" in line:
            break
    while not (tmp_path / "run" / "checkpoint" / "checkpoint.json").is_file():
        time.sleep(0.05)
    # A terminal sends Ctrl-C to the whole group, Prefect's server included.
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "error: interrupted"
    assert "Traceback" not in err
    remembered = json.loads((tmp_path / "run" / "tracking.json").read_text())
    ids = [remembered["run"], *remembered["children"].values()]
    assert [piped.client.get_run(run).info.status for run in ids] == ["KILLED"] * 4
    assert piped.client.search_runs([remembered["experiment"]], "attributes.status = 'RUNNING'") == []
    with sqlite3.connect(f"file:{piped.home}/prefect/prefect.db?mode=ro", uri=True) as database:
        states = [state for (state,) in database.execute("select state_type from flow_run where name like '%seed 2'")]
    database.close()
    assert states == ["CRASHED"]

    done = triad(*arguments, "--steps", 1, home=piped.home)
    told = json.loads(done.stdout)
    assert told["run_id"] == remembered["run"]
    assert [piped.client.get_run(run).info.status for run in ids] == ["FINISHED"] * 4
    history = piped.client.get_metric_history(remembered["children"]["chord"], "loss")
    assert [metric.step for metric in history] == list(range(1, len(history) + 1))


def test_a_style_of_ones_own_is_learned_from_all_of_its_music_and_there_to_compose_in(
    tunes: Path, settings_file: Path, tmp_path: Path
) -> None:
    home, judges = tmp_path / "home", tmp_path / "judges"
    judges.mkdir()
    write_tune(judges / "new.mid", 40, bars=12)
    done = triad(
        *("train", "--style", "my-own", "--corpus", tunes, "--held-out", judges, "--steps", 1),
        *("--settings", settings_file, "-o", tmp_path / "run", "--json"),
        home=home,
    )
    told = json.loads(done.stdout)
    assert told["registered"]["name"] == "triad-my-own"
    done = triad("compose", "--style", "my-own", "--bars", 2, "--format", "mid", "-o", tmp_path / "out", home=home)
    piece = json.loads((tmp_path / "out" / "piece-0-1.json").read_text())
    assert piece["style"] == "my-own"
    assert piece["model"]["source"] == str(tmp_path / "run" / "model")
    assert piece["model"]["corpus"] == piece["model"]["corpus_digest"]
    assert piece["model"]["held_out_source"] == "judges"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_ui_serves_the_pages_until_it_is_stopped(piped: Piped) -> None:
    port = free_port()
    process = start("ui", "--port", port, home=piped.home)
    assert process.stdout is not None
    link = process.stdout.readline().strip()
    experiment = piped.told["experiment_id"]
    assert link == (
        f"http://127.0.0.1:{port}/?workflowType=machine_learning#/experiments/{experiment}/runs"
        "?workflowType=machine_learning"
    )
    with urllib.request.urlopen(link, timeout=30) as page:
        assert "<title>MLflow</title>" in page.read().decode()
    process.terminate()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "Traceback" not in err
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_ui_on_a_taken_port_says_so(piped: Piped, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIAD_HOME", str(piped.home))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = CliRunner().invoke(cli, ["ui", "--port", str(taken.getsockname()[1])])
    assert done.exit_code == 2
    assert "--port" in done.stderr.splitlines()[-1]


def test_two_trainings_do_not_share_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with alone(folder):
        with pytest.raises(FlowError, match=r"another training is writing into .*run"), alone(folder):
            pass
        with alone(tmp_path / "other"):
            pass
    with alone(folder):
        pass


@pytest.mark.parametrize("api", ["http://127.0.0.1:4299/api", None])
def test_a_run_links_to_its_page_in_prefect_where_a_server_stays(
    home: Path, monkeypatch: pytest.MonkeyPatch, api: str | None
) -> None:
    number = "12345678-1234-1234-1234-123456789abc"
    monkeypatch.setenv("PREFECT__FLOW_RUN_ID", number)
    with temporary_settings({PREFECT_API_URL: api}), owned_run(Tracker(Home.here()), None, "linked", "train") as run:
        tags = run.client.get_run(run.run_id).data.tags
    assert tags.get("prefect.link") == (api and f"http://127.0.0.1:4299/flow-runs/flow-run/{number}")
