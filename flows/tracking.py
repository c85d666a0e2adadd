"""The only room that writes to MLflow: runs with one owner each, addressed by their id, that always come to an end.

Nothing here uses MLflow's active run: it is bound to a thread, and a call that finds none makes a phantom run that
stays RUNNING for ever. Metrics are buffered and sent in batches; a batch that cannot be delivered is kept and tried
again, so a store that is away for a while costs no metric and does not stop the learning.
"""

from __future__ import annotations

import getpass
import json
import logging
import math
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mlflow
import psutil  # type: ignore[import-untyped]
from filelock import FileLock
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor
from mlflow.utils.mlflow_tags import (
    MLFLOW_GIT_COMMIT,
    MLFLOW_PARENT_RUN_ID,
    MLFLOW_SOURCE_NAME,
    MLFLOW_SOURCE_TYPE,
    MLFLOW_USER,
)
from sqlalchemy.exc import SQLAlchemyError

from flows.errors import FlowError
from flows.home import Home
from flows.revision import revision

EXPERIMENT = "triad"
NOTE = "mlflow.note.content"
OWNER = "triad.process"

STORE_ERRORS = (MlflowException, SQLAlchemyError, OSError)

_log = logging.getLogger(__name__)
# MLflow tells of every table it makes and every version it counts.
logging.getLogger("mlflow").setLevel(logging.WARNING)

# The store's limits for one request (mlflow.utils.validation).
_BATCH_METRICS, _BATCH_PARAMS, _PARAM_LENGTH = 1000, 100, 6000
_FLUSH_SECONDS = 5.0
# A store that is away is asked again after this long, and each time later: asking costs training time.
_AWAY_SECONDS, _AWAY_SECONDS_MOST = 2.0, 60.0
_SAMPLING_SECONDS = 5


@dataclass
class Run:
    """One run of the store and its buffer of metrics; whoever opened it ends it.

    Attributes:
        client: of the store.
        run_id: of the run.
    """

    client: MlflowClient
    run_id: str
    _sent_at: float = field(default_factory=time.monotonic)
    _buffer: list[Metric] = field(default_factory=list)
    _away: float = 0.0

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Remember the finite ones of ``values`` for ``step`` and send what is due; never raises for a lost store."""
        now = self.now()
        self._buffer += [
            Metric(_key(name), float(value), now, step) for name, value in values.items() if math.isfinite(value)
        ]
        if len(self._buffer) >= _BATCH_METRICS or time.monotonic() - self._sent_at > _FLUSH_SECONDS:
            self.flush()

    def flush(self, *, anyway: bool = False) -> bool:
        """Send the buffer. Where the store cannot be reached it is kept for the next time; gives whether it went.

        Args:
            anyway: ask a store that was away a moment ago all the same.
        """
        if self._buffer and self._away and not anyway and time.monotonic() - self._sent_at < self._away:
            return False
        while self._buffer:
            batch = self._batch()
            try:
                self.client.log_batch(self.run_id, metrics=batch, synchronous=True)
            except STORE_ERRORS as error:
                if not self._away:
                    _log.warning("the tracking store does not take metrics, they are kept for later: %s", error)
                self._away = min(2 * self._away or _AWAY_SECONDS, _AWAY_SECONDS_MOST)
                self._sent_at = time.monotonic()
                return False
            del self._buffer[: len(batch)]
        self._away, self._sent_at = 0.0, time.monotonic()
        return True

    def _batch(self) -> list[Metric]:
        """What is sent next: whole steps, so that no step is told by halves when the process is killed in between."""
        batch = self._buffer[:_BATCH_METRICS]
        if len(self._buffer) == len(batch):
            return batch
        whole = [metric for metric in batch if metric.step != self._buffer[len(batch)].step]
        return whole or batch

    @property
    def undelivered(self) -> list[tuple[str, float, int, int]]:
        """What the store has not confirmed: key, value, time and step of every metric."""
        return [(metric.key, metric.value, metric.timestamp, metric.step) for metric in self._buffer]

    def take_up(self, metrics: Sequence[tuple[str, float, int, int]]) -> None:
        """Put what a process before this one left :attr:`undelivered` first in the buffer.

        The store takes a metric with the same time, step and value once, so what went after all is not doubled.
        """
        self._buffer[:0] = [Metric(*metric) for metric in metrics]

    def last_step(self, key: str) -> int:
        """The last step of a metric in the store, 0 for none, so that a resumed run does not log one twice."""
        return max((metric.step for metric in self.client.get_metric_history(self.run_id, _key(key))), default=0)

    def params(self, values: Mapping[str, Any]) -> None:
        """Log parameters; one that is already there keeps its value, for they cannot be changed."""
        there = self.client.get_run(self.run_id).data.params
        new = [
            Param(_key(name), str(value)[:_PARAM_LENGTH]) for name, value in values.items() if _key(name) not in there
        ]
        for start in range(0, len(new), _BATCH_PARAMS):
            self.client.log_batch(self.run_id, params=new[start : start + _BATCH_PARAMS], synchronous=True)

    def tags(self, values: Mapping[str, str]) -> None:
        """Set tags."""
        self.client.log_batch(
            self.run_id, tags=[RunTag(name, value) for name, value in values.items()], synchronous=True
        )

    def note(self, markdown: str) -> None:
        """The description the page of the run shows; about four lines are seen, so the verdict comes first."""
        self.tags({NOTE: markdown})

    def artifact(self, path: Path, folder: str | None = None) -> None:
        """Keep a copy of a file with the run."""
        self.client.log_artifact(self.run_id, str(path), folder)

    def artifacts(self, folder: Path, to: str | None = None) -> None:
        """Keep a copy of all files of a folder with the run."""
        self.client.log_artifacts(self.run_id, str(folder), to)

    def dataset(self, name: str, digest: str, *, source: Mapping[str, Any], profile: str, context: str) -> None:
        """Say what music the run worked on.

        Args:
            name: of the corpus.
            digest: of its content.
            source: a JSON object that says where it came from.
            profile: a JSON text that describes it, such as the number of pieces.
            context: what it was used for, such as ``training``.
        """
        dataset = Dataset(
            name=name, digest=digest, source_type="local", source=json.dumps(source), schema=None, profile=profile
        )
        self.client.log_inputs(self.run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", context)])])

    def log(self, metrics: Sequence[Metric]) -> None:
        """Send metrics at once."""
        for start in range(0, len(metrics), _BATCH_METRICS):
            self.client.log_batch(self.run_id, metrics=metrics[start : start + _BATCH_METRICS], synchronous=True)

    def text(self, text: str, path: str) -> None:
        """Keep a text with the run as the file ``path``."""
        self.client.log_text(self.run_id, text, path)

    @staticmethod
    def now() -> int:
        """Milliseconds since 1970, as the store counts time."""
        return int(time.time() * 1000)

    def end(self, status: str) -> None:
        """Send what is buffered and set the run's ``status``: FINISHED, FAILED or KILLED."""
        self.flush(anyway=True)
        try:
            self.client.set_terminated(self.run_id, status)
        except STORE_ERRORS as error:
            _log.warning("run %s could not be ended as %s: %s", self.run_id, status, error)


class Tracker:
    """A store and the experiment in it that Triad writes to.

    Attributes:
        uri: of the store.
        client: of the store.
        experiment_id: of the experiment.
    """

    def __init__(self, home: Home) -> None:
        """Open the store; a fresh SQLite file gets its tables here, by one process at a time.

        Raises:
            FlowError: if the store cannot be opened.
        """
        # The defaults keep a lost server's caller waiting for minutes; training must not stand still that long.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
        self.uri = home.tracking_uri
        self.home = home
        mlflow.set_tracking_uri(self.uri)
        mlflow.set_registry_uri(self.uri)
        try:
            home.root.mkdir(parents=True, exist_ok=True)
            # The client makes the tables as soon as it is made, and two at once spoil them for each other.
            with FileLock(home.root / "mlflow.lock"):
                self.client = MlflowClient(self.uri, self.uri)
                self.experiment_id = self._experiment()
        except STORE_ERRORS as error:
            raise FlowError(
                f"the tracking store {self.uri} cannot be opened ({_first_line(error)}): check MLFLOW_TRACKING_URI, "
                f"or, after an update of MLflow, run 'mlflow db upgrade {self.uri}'"
            ) from error
        self._close_orphans()

    def _experiment(self) -> str:
        experiment = self.client.get_experiment_by_name(EXPERIMENT)
        if experiment is not None:
            if experiment.lifecycle_stage != "active":
                self.client.restore_experiment(experiment.experiment_id)
            return str(experiment.experiment_id)
        # Left to itself the SQLite store keeps artifacts under the working directory; a server knows its own place.
        local = self.uri.startswith("sqlite:")
        location = (self.home.artifacts / EXPERIMENT).as_uri() if local else None
        try:
            return str(self.client.create_experiment(EXPERIMENT, artifact_location=location))
        except MlflowException:
            experiment = self.client.get_experiment_by_name(EXPERIMENT)
            if experiment is None:
                raise
            return str(experiment.experiment_id)

    def _close_orphans(self) -> None:
        """End the runs whose process was killed without a chance to do so."""
        host = socket.gethostname()
        for run in self.client.search_runs([self.experiment_id], "attributes.status = 'RUNNING'", max_results=1000):
            match run.data.tags.get(OWNER, "").split("/"):
                case [owner, pid, born] if owner == host and not _alive(int(pid), born):
                    self.client.set_terminated(run.info.run_id, "KILLED")

    @contextmanager
    def run(
        self,
        name: str,
        *,
        kind: str,
        parent: Run | None = None,
        resume: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Iterator[Run]:
        """A run that ends with the block: FINISHED, FAILED after an error, KILLED after an interruption.

        Args:
            name: what people read.
            kind: what it is, such as ``train``; a tag to filter by.
            parent: the run it belongs to.
            resume: the id of a run to go on with, where the store still has it.
            tags: further tags.
        """
        given = {
            "triad.kind": kind,
            OWNER: f"{socket.gethostname()}/{os.getpid()}/{_born(os.getpid())}",
            MLFLOW_SOURCE_NAME: "triad",
            MLFLOW_SOURCE_TYPE: "LOCAL",
            **_user_tags(),
            **revision_tags(),
            **({MLFLOW_PARENT_RUN_ID: parent.run_id} if parent else {}),
            **(tags or {}),
        }
        run = Run(self.client, self._begin(name, given, resume))
        try:
            yield run
        except BaseException as error:
            with undisturbed():
                run.end("FAILED" if isinstance(error, Exception) else "KILLED")
            raise
        with undisturbed():
            run.end("FINISHED")

    def _begin(self, name: str, tags: Mapping[str, str], resume: str | None) -> str:
        if resume is not None and self.has(resume):
            self.client.update_run(resume, status="RUNNING", name=name)
            Run(self.client, resume).tags(tags)
            return resume
        return str(self.client.create_run(self.experiment_id, tags=dict(tags), run_name=name).info.run_id)

    def attached(self, run_id: str) -> Run:
        """A run that somebody else opened and will end; what is buffered here must be flushed here."""
        return Run(self.client, run_id)

    def has(self, run_id: str) -> bool:
        """Whether the store has this run and it was not deleted."""
        try:
            return bool(self.client.get_run(run_id).info.lifecycle_stage == "active")
        except MlflowException:
            return False

    @contextmanager
    def system_metrics(self, run: Run) -> Iterator[None]:
        """Log the machine's load to ``run`` every five seconds."""
        monitor: Any = SystemMetricsMonitor(  # type: ignore[no-untyped-call]
            run.run_id, sampling_interval=_SAMPLING_SECONDS, resume_logging=True, tracking_uri=self.uri
        )
        monitor.start()
        try:
            yield
        finally:
            with undisturbed():
                monitor.finish()

    def link(self, run: Run | None = None) -> str:
        """The page of the experiment or of a run, where a server shows this store."""
        return page(self.uri if self.uri.startswith("http") else "http://127.0.0.1:5000", self.experiment_id, run)


def page(server: str, experiment_id: str, run: Run | None = None) -> str:
    """Address of a page of the MLflow user interface; without the first parameter it opens where no run is seen."""
    shown = f"runs/{run.run_id}" if run else "runs"
    return (
        f"{server.rstrip('/')}/?workflowType=machine_learning#/experiments/{experiment_id}/{shown}"
        "?workflowType=machine_learning"
    )


def revision_tags() -> dict[str, str]:
    """The commit of Triad's own source, where it runs from a checkout."""
    commit, clean = revision()
    if commit is None:
        return {}
    return {MLFLOW_GIT_COMMIT: commit, "triad.clean": str(clean).lower()}


def _user_tags() -> dict[str, str]:
    try:
        return {MLFLOW_USER: getpass.getuser()}
    except (KeyError, OSError):  # a container may run under a number that has no name
        return {}


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait until the block is done, so that they cannot cut short the closing of a run."""
    waiting: list[int] = []
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        # Masking them for this thread would not do: another thread would take them, and Python act on them here.
        for number in (int(signal.SIGINT), int(signal.SIGTERM)):
            if signal.getsignal(number) is not None:
                before[number] = signal.signal(number, lambda number, frame: waiting.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for arrived in waiting:
            signal.raise_signal(arrived)


def _key(name: str) -> str:
    """A name the store takes: letters, digits, ``_ - . / : `` and spaces."""
    return "".join(letter if letter.isalnum() or letter in "_-./: " else "_" for letter in name)


def _born(pid: int) -> str:
    return f"{psutil.Process(pid).create_time():.2f}"


def _alive(pid: int, born: str) -> bool:
    try:
        return _born(pid) == born
    except psutil.Error:
        return False


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
