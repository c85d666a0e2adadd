"""The records of a training run as curves in MLflow: a parent run with a child run for each agent.

One training folder has one parent run, and goes on with it when the training is resumed. A resumed training repeats
the records after its checkpoint; what the store has already is not logged again, and before the next checkpoint is
written the buffers are sent, or kept in the folder where the store is away, so that no metric is lost or doubled.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agents.config import TrainConfig
from agents.records import Record
from composer.vocabulary import AGENTS
from flows.files import write_text
from flows.stages import CorpusFile
from flows.tracking import Run, Tracker, undisturbed

FILE = "tracking.json"
KEPT = "undelivered.json"
_TRIO = "trio"


def remembered(folder: Path, tracker: Tracker) -> dict[str, Any]:
    """What ``folder`` remembers of its runs in this store: ``run``, ``children``, ``registered``; else nothing."""
    try:
        data = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    here = isinstance(data, dict) and data.get("uri") == tracker.uri and tracker.has(str(data.get("run")))
    return data if here else {}


def remember(folder: Path, tracker: Tracker, **what: Any) -> None:
    """Add to what ``folder`` remembers."""
    data = {**remembered(folder, tracker), "uri": tracker.uri, "experiment": tracker.experiment_id, **what}
    write_text(folder / FILE, json.dumps(data, indent=1) + "\n")


@dataclass
class Journal:
    """Where the records of one training run go.

    Attributes:
        runs: by agent; ``trio`` is the parent.
        checkpoint_every: iterations between two checkpoints.
        folder: of the training.
    """

    runs: Mapping[str, Run]
    checkpoint_every: int
    folder: Path
    _logged: dict[tuple[str, str], int] = field(default_factory=dict)

    def write(self, record: Record) -> None:
        """Log a record where the store lacks it; never raises for a lost store."""
        for name, metrics in _told(record).items():
            known = (name, _group(next(iter(metrics), "")))
            if record.step > self._logged.get(known, 0):
                self.runs[name].metrics(metrics, record.step)
                self._logged[known] = record.step
        if record.agent == _TRIO and record.step % self.checkpoint_every == 0:
            self.secure()

    def recall(self) -> None:
        """Send what a process before this one could not, and find what is logged.

        All is asked for here, while the store answers: later on it may be away.
        """
        kept = _kept(self.folder)
        for name, run in self.runs.items():
            run.take_up(kept.pop(run.run_id, []))
            run.flush(anyway=True)
            waiting = [(key, step) for key, _, _, step in run.undelivered]
            keys = {_group(key): key for key in run.client.get_run(run.run_id).data.metrics}
            told = [(key, run.last_step(key)) for group, key in keys.items() if group in _GROUPS]
            for key, step in [*told, *waiting]:
                known = (name, _group(key))
                self._logged[known] = max(step, self._logged.get(known, 0))
        for run_id, metrics in kept.items():
            # Of a training that was begun anew since: its runs may be gone, and then nobody misses them.
            other = Run(self.runs[_TRIO].client, run_id)
            other.take_up(metrics)
            other.flush(anyway=True)

    def secure(self, *, anyway: bool = False) -> None:
        """Send all that is buffered; what does not go is kept in the folder for the next time."""
        for run in self.runs.values():
            run.flush(anyway=anyway)
        kept = {run.run_id: run.undelivered for run in self.runs.values() if run.undelivered}
        path = self.folder / KEPT
        if kept:
            write_text(path, json.dumps(kept))
        else:
            path.unlink(missing_ok=True)


def _kept(folder: Path) -> dict[str, list[tuple[str, float, int, int]]]:
    try:
        data = json.loads((folder / KEPT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return {run_id: [(key, value, time, step) for key, value, time, step in rows] for run_id, rows in data.items()}


def named(record: Record) -> dict[str, float]:
    """The metrics as the pages group them: a chart section for what stands before the first slash."""
    if record.phase == "prior":
        return {f"prior/{name}": value for name, value in record.metrics.items()}
    if record.agent == _TRIO:
        return {name if "/" in name else f"progress/{name}": value for name, value in record.metrics.items()}
    return dict(record.metrics)


def _told(record: Record) -> dict[str, dict[str, float]]:
    """What is logged of a record, by run: an agent's learning on the parent's page too, in a section of its own."""
    told = {record.agent: named(record)}
    if record.phase == "learn" and record.agent != _TRIO:
        told[_TRIO] = {f"{record.agent}/{name}": value for name, value in record.metrics.items()}
    return told


# Which metrics come with every record; the terms of the reward come with the progress.
_GROUPS = ("", "prior", "progress", *AGENTS)


def _group(key: str) -> str:
    return key.partition("/")[0] if "/" in key else ""


@contextmanager
def journal(
    tracker: Tracker, parent: Run, corpus: CorpusFile, config: TrainConfig, folder: Path, *, fresh: bool = False
) -> Iterator[Journal]:
    """A journal under ``parent``, with a child run for each agent that ends with the block.

    Args:
        tracker: of the store.
        parent: the training's run.
        corpus: what is learned from.
        config: how.
        folder: of the training.
        fresh: whether the training begins anew, so that its children are new ones.
    """
    known = {} if fresh else remembered(folder, tracker)
    before: Mapping[str, str] = known.get("children", {}) if known.get("run") == parent.run_id else {}
    settings = config.to_json()
    describe(parent, corpus, config)
    with ExitStack() as stack:
        children = {
            name: stack.enter_context(
                tracker.run(
                    f"{name} · {corpus.style} · seed {config.seed}", kind=name, parent=parent, resume=before.get(name)
                )
            )
            for name in AGENTS
        }
        for name, run in children.items():
            run.params({"agent": name, "seed": config.seed, "style": corpus.style, **settings[name]})
        remember(folder, tracker, run=parent.run_id, children={name: run.run_id for name, run in children.items()})
        stack.enter_context(tracker.system_metrics(parent))
        log = Journal({**children, _TRIO: parent}, config.checkpoint_every, folder)
        log.recall()
        try:
            yield log
        finally:
            with undisturbed():
                log.secure(anyway=True)


def describe(run: Run, corpus: CorpusFile, config: TrainConfig) -> None:
    """Log to ``run`` what is learned from and how."""
    settings = config.to_json()
    general = {name: value for name, value in settings.items() if name not in (*AGENTS, "priors", "rewards")}
    run.params(
        {
            **{name: value for name, value in general.items() if value is not None},
            **{f"prior_{name}": value for name, value in settings["priors"].items()},
            "style": corpus.style,
            "corpus_digest": corpus.digest,
            "pieces_in_corpus": corpus.pieces,
        }
    )
    run.dataset(
        corpus.style,
        corpus.digest,
        source={"path": corpus.source},
        profile=json.dumps({"pieces": corpus.pieces, "bars": corpus.bars, "read": list(corpus.summary)}),
        context="training",
    )
