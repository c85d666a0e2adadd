"""The records of a training run as curves in MLflow: a parent run with a child run for each agent.

One training folder has one parent run, and goes on with it when the training is resumed. A resumed training repeats
the records after its checkpoint; what the store has already is not logged again, and the buffers are sent before the
next checkpoint is written, so that no metric is lost or doubled.
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
    """

    runs: Mapping[str, Run]
    checkpoint_every: int
    _logged: dict[tuple[str, str], int] = field(default_factory=dict)

    def write(self, record: Record) -> None:
        """Log a record unless the store has it already."""
        known = (record.phase, record.agent)
        if known not in self._logged:
            self._logged[known] = self._last(record)
        if record.step > self._logged[known]:
            self.runs[record.agent].metrics(named(record), record.step)
            self._logged[known] = record.step
        if record.agent == _TRIO and record.step % self.checkpoint_every == 0:
            for run in self.runs.values():
                run.flush()

    def _last(self, record: Record) -> int:
        return max(self.runs[record.agent].last_step(key) for key in list(named(record))[:1])


def named(record: Record) -> dict[str, float]:
    """The metrics as the pages group them: a chart section for what stands before the first slash."""
    if record.phase == "prior":
        return {f"prior/{name}": value for name, value in record.metrics.items()}
    if record.agent == _TRIO:
        return {name if "/" in name else f"progress/{name}": value for name, value in record.metrics.items()}
    return dict(record.metrics)


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
        try:
            yield Journal({**children, _TRIO: parent}, config.checkpoint_every)
        finally:
            with undisturbed():
                parent.flush()


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
