"""Real processes killed in the middle of a training: it goes on, and nothing is lost or told twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from agents.config import TrainConfig
from agents.records import Record
from flows import stages
from flows.home import Home
from flows.journal import KEPT, journal, remembered
from flows.tracking import Tracker
from tests.flows.conftest import SETTINGS, environment, triad
from tests.flows.test_pipeline import free_port

PATIENCE = 240.0


class Server:
    """A server that answers on one port, as often as it is started."""

    def __init__(self, arguments: list[str], port: int, health: str, env: dict[str, str]) -> None:
        self.arguments, self.env = arguments, env
        self.url = f"http://127.0.0.1:{port}"
        self._health = f"{self.url}{health}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            self.arguments, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(OSError, urllib.error.URLError), urllib.request.urlopen(self._health, timeout=5):
                return
            time.sleep(0.1)
        raise AssertionError(f"no answer from {self._health}")

    def kill(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


@pytest.fixture
def mlflow_server(tmp_path: Path) -> Iterator[Server]:
    port = free_port()
    store = tmp_path / "store"
    store.mkdir()
    server = Server(
        [
            *(sys.executable, "-W", "ignore", "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)),
            *("--workers", "1", "--backend-store-uri", f"sqlite:///{store}/mlflow.db"),
            *("--artifacts-destination", str(store / "artifacts")),
        ],
        port,
        "/health",
        {**environment(tmp_path), "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
    )
    yield server
    server.kill()


def steps(client: MlflowClient, run: str, key: str) -> list[int]:
    return [metric.step for metric in client.get_metric_history(run, key)]


def statuses(client: MlflowClient, experiment: str) -> set[str]:
    return {run.info.status for run in client.search_runs([experiment])}


def test_training_goes_on_without_its_mlflow_server_and_every_metric_arrives_once(
    home: Path, tunes: Path, mlflow_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server.url)
    folder = tmp_path / "run"
    corpus = stages.read_corpus(tunes, None, Home.here())
    config = TrainConfig.from_json({**SETTINGS, "seed": 3, "steps": 4000})
    seen: list[Record] = []

    def learn(tracker: Tracker, at: dict[int, Any]) -> None:
        known = remembered(folder, tracker)
        with (
            tracker.run("away", kind="train", resume=known.get("run")) as parent,
            journal(tracker, parent, corpus, config, folder) as log,
        ):

            def on_record(record: Record) -> None:
                log.write(record)
                seen.append(record)
                if record.agent == "trio" and record.step in at:
                    at[record.step]()

            stages.train_model(corpus, config, folder, on_record=on_record)

    def stop() -> None:
        raise KeyboardInterrupt

    mlflow_server.start()
    with pytest.raises(KeyboardInterrupt):
        # Gone before the checkpoint at 6, and still when the process ends after that at 8.
        learn(Tracker(Home.here()), {5: mlflow_server.kill, 9: stop})
    kept = json.loads((folder / KEPT).read_text())
    assert len(kept) == 4
    assert {step for rows in kept.values() for _, _, _, step in rows} >= {6, 7, 8}
    mlflow_server.start()
    tracker = Tracker(Home.here())
    # The same once more, but it answers again before the training is done.
    learn(tracker, {11: mlflow_server.kill, 14: mlflow_server.start})
    last = max(record.step for record in seen)
    assert last > 15
    told = remembered(folder, tracker)
    every = list(range(1, last + 1))
    for agent, run in told["children"].items():
        assert steps(tracker.client, run, "loss") == every
        assert steps(tracker.client, told["run"], f"{agent}/loss") == every
        assert steps(tracker.client, run, "prior/nll") == [1]
    assert steps(tracker.client, told["run"], "progress/steps") == every
    assert statuses(tracker.client, tracker.experiment_id) == {"FINISHED"}
    assert not (folder / KEPT).exists()


STEPS = 5_000


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, tunes: Path) -> bytes:
    """The weights of a training that nothing happened to."""
    corpus = stages.read_corpus(tunes, None, Home(tmp_path_factory.mktemp("undisturbed")))
    config = TrainConfig.from_json({**SETTINGS, "seed": 4, "steps": STEPS})
    folder = tmp_path_factory.mktemp("weights")
    stages.train_model(corpus, config, folder)
    return weights(folder)


def weights(folder: Path) -> bytes:
    (path,) = (folder / "model").glob("*.safetensors")
    return path.read_bytes()


def started(arguments: list[object], home: Path, env: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "flows.cli", *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**environment(home), **env},
        start_new_session=True,
    )


def reached(folder: Path, iteration: int, process: subprocess.Popen[str]) -> None:
    """Wait until a checkpoint of that iteration or a later one is written."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError, ValueError):
            if json.loads((folder / "checkpoint" / "checkpoint.json").read_text())["iteration"] >= iteration:
                return
        time.sleep(0.005)
    raise AssertionError(f"iteration {iteration} was not reached: {process.poll()}")


def killed(process: subprocess.Popen[str]) -> None:
    """End the process and the server Prefect started for it without a chance to say so."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def complete(client: MlflowClient, told: dict[str, Any]) -> None:
    """Every curve has every step once, and no run is left running."""
    found = client.search_runs([told["experiment_id"]])
    assert {run.data.tags["triad.kind"]: run.info.status for run in found} == dict.fromkeys(
        ("train", "chord", "rhythm", "melody"), "FINISHED"
    )
    assert len(found) == 4
    for run in found:
        kind = run.data.tags["triad.kind"]
        for key in [f"{name}/loss" for name in ("chord", "rhythm", "melody")] if kind == "train" else ["loss"]:
            history = steps(client, run.info.run_id, key)
            assert history == list(range(1, len(history) + 1))
            assert len(history) > 15


def test_a_killed_flow_ends_with_the_weights_of_an_undisturbed_one(
    tunes: Path, settings_file: Path, undisturbed: bytes, tmp_path: Path
) -> None:
    home, folder = tmp_path / "home", tmp_path / "run"
    arguments = ["train", "--corpus", tunes, "--settings", settings_file, "--seed", 4, "--steps", STEPS]
    arguments += ["-o", folder, "--json"]
    process = started(arguments, home, {})
    draw = random.Random(1)
    reached(folder, draw.randint(2, 6), process)
    time.sleep(draw.uniform(0, 0.05))  # anywhere within an iteration, or while the next checkpoint is written
    killed(process)
    told = json.loads(triad(*arguments, home=home).stdout)
    assert weights(folder) == undisturbed
    uri = f"sqlite:///{home}/mlflow.db"
    complete(MlflowClient(uri, uri), told)


def test_a_training_that_lost_its_prefect_server_goes_on_at_the_next_start(
    tunes: Path, settings_file: Path, undisturbed: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, folder = tmp_path / "home", tmp_path / "run"
    port = free_port()
    server = Server(
        [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)],
        port,
        "/api/health",
        {**environment(tmp_path), "PREFECT_HOME": str(tmp_path / "prefect")},
    )
    monkeypatch.setenv("PREFECT_API_URL", f"{server.url}/api")
    arguments = ["train", "--corpus", tunes, "--settings", settings_file, "--seed", 4, "--steps", STEPS]
    arguments += ["-o", folder, "--json"]
    try:
        server.start()
        process = started(arguments, home, {"PREFECT_CLIENT_MAX_RETRIES": "1"})
        reached(folder, 4, process)
        server.kill()
        process.communicate(timeout=PATIENCE)
        assert process.returncode != 0
        server.start()
        told = json.loads(triad(*arguments, home=home).stdout)
    finally:
        server.kill()
    assert weights(folder) == undisturbed
    uri = f"sqlite:///{home}/mlflow.db"
    client = MlflowClient(uri, uri)
    complete(client, told)
