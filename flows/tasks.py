"""The Prefect tasks: thin wrappers over :mod:`flows.stages` and :mod:`flows.composing`.

Tasks take and give paths, ids and plain values, so nothing large is hashed or stored. Only those that read and write
elsewhere are tried again, and never after an error of the user's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from mlflow.entities import Metric
from prefect import task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE

from agents.config import TrainConfig
from agents.records import Record
from composer.errors import TriadError
from flows import registry, stages
from flows.composing import Model, write_pieces
from flows.home import Home, is_uri, model_folder
from flows.journal import journal, remember, remembered
from flows.progress import heard_by, report, report_files
from flows.requests import Request
from flows.stages import CorpusFile
from flows.tracking import Tracker

_PROGRESS_STEP = 0.02


def _worth_another_try(_task: Any, _run: Any, state: Any) -> bool:
    """Whether a failure may pass by itself: not if the input is at fault."""
    return not isinstance(state.result(raise_on_failure=False), TriadError)


_RETRIED: Mapping[str, Any] = {
    "retries": 2,
    "retry_delay_seconds": 2,
    "retry_condition_fn": _worth_another_try,
    "cache_policy": NO_CACHE,
}


@task(name="read corpus", **_RETRIED)
def read_corpus(source: Path | None, style: str | None) -> dict[str, Any]:
    """Read the music, or find it read already; gives :meth:`CorpusFile.to_json`."""
    return stages.read_corpus(source, style, Home.here(), report_files).to_json()


@task(name="learn", cache_policy=NO_CACHE)
def learn(
    corpus: dict[str, Any],
    settings: dict[str, Any],
    folder: Path,
    run_id: str,
    fresh: bool,
    held_out: dict[str, Any] | None = None,
) -> dict[str, float]:
    """Train, log every record, and tell how far it is; gives the last figures of the trio."""
    config, found = TrainConfig.from_json(settings), CorpusFile.from_json(corpus)
    judged_by = CorpusFile.from_json(held_out) if held_out else None
    tracker = Tracker(Home.here())
    last: dict[str, float] = {}
    with (
        _progress_artifact("training"),
        journal(tracker, tracker.attached(run_id), found, config, folder, fresh=fresh) as log,
    ):

        def on_record(record: Record) -> None:
            log.write(record)
            if record.agent == "trio":
                last.update(record.metrics)
                report("training", stages.share_done(record, config), _pace(record))
            elif record.phase == "prior":
                report(
                    "priors", 0.0, f"{record.agent}, epoch {record.step}: {record.metrics['nll']:.3f} nats a decision"
                )

        stages.train_model(found, config, folder, held_out=judged_by, fresh=fresh, on_record=on_record)
    report("training", 1.0, "done")
    return last


def _pace(record: Record) -> str:
    figures = record.metrics
    return (
        f"iteration {record.step}, {figures['steps'] / 1e6:.2f} M decisions, "
        f"{figures['steps_per_second'] / 1e3:.0f} k a second"
    )


@task(name="register model", **_RETRIED)
def register_model(folder: Path, run_id: str, tags: dict[str, str]) -> dict[str, Any]:
    """Register the model in ``folder``, once; gives its name, version, id and whether it is the champion."""
    tracker = Tracker(Home.here())
    digest = Model.load(folder / "model").digest
    known = remembered(folder, tracker).get("registered", {})
    if known.get("digest") == digest:
        return dict(known)
    made = registry.register(tracker, tracker.attached(run_id), folder / "model", tags)
    told = {**asdict(made), "digest": digest}
    remember(folder, tracker, registered=told)
    return told


@task(name="judge", cache_policy=NO_CACHE)
def judge(
    model: str, corpus: Path | None, count: int, seed: int, run_id: str, held_out: Path | None = None
) -> dict[str, Any]:
    """Judge a model's pieces beside its prior's, random and real ones; gives a verdict, figures and the table."""
    report("evaluation", 0.0, f"{count} pieces of each policy")
    home = Home.here()
    tracker = Tracker(home)
    run = tracker.attached(run_id)
    with opened(model, home) as loaded:
        comparison, found = stages.judge_model(loaded, home, corpus=corpus, held_out=held_out, count=count, seed=seed)
        known = remembered(Path(loaded.source).parent, tracker).get("registered", {})
        steps = int(loaded.provenance.get("iterations", 0))
    figures = stages.figures(comparison)
    run.log(
        [
            Metric(
                f"vs_real_music/{name.replace('/', '_')}", value, run.now(), steps,
                model_id=known.get("model_id"), dataset_name=found.style, dataset_digest=found.digest,
            )
            for name, value in figures.items()
        ]
    )  # fmt: skip
    run.text(json.dumps(comparison.to_json(), indent=1), "evaluation.json")
    run.text(comparison.markdown(), "evaluation.md")
    if known:
        gate = {name: f"{figures[name]:.4f}" for name in ("agents/overlap", "prior/overlap") if name in figures}
        for name, value in gate.items():
            tracker.client.set_model_version_tag(known["name"], known["version"], name, value)
    report("evaluation", 1.0, "done")
    return {
        "verdict": stages.verdict(comparison),
        "figures": figures,
        "markdown": comparison.markdown(),
        "digest": loaded.digest,
    }


@task(name="compose and render", **_RETRIED)
def compose_and_render(
    model: str,
    output: Path,
    request: dict[str, Any],
    formats: list[str],
    arrangement: str | None,
    soundfont: Path | None,
    name: str,
) -> dict[str, Any]:
    """Write one piece in all formats; the same request gives the same files. Gives what its JSON file says."""
    report("render", 0.0, "composing")
    with opened(model, Home.here()) as loaded:
        (piece,) = write_pieces(
            loaded,
            Request(**request),
            output,
            formats=formats,
            arrangement=arrangement,
            soundfont=soundfont,
            name=name,
        )
    report("render", 1.0, "done")
    return piece


@contextmanager
def opened(model: str, home: Home) -> Iterator[Model]:
    """The model a MODEL argument names, for as long as the block lasts."""
    if is_uri(model):
        with registry.fetched(model, home) as folder:
            yield Model.load(folder, model)
    else:
        yield Model.load(model_folder(model))


@contextmanager
def _progress_artifact(stage: str) -> Iterator[None]:
    """A progress bar on the task's page in Prefect, renewed every two per cent."""
    made = create_progress_artifact(progress=0.0, key=f"{stage}-progress", description=f"Share of the {stage} done")
    artifact = cast(UUID, made)  # a coroutine only where it is called from one
    shown = 0.0

    def renew(reported: str, share: float, detail: str) -> None:
        nonlocal shown
        if reported == stage and (share >= 1.0 or share - shown >= _PROGRESS_STEP):
            shown = share
            update_progress_artifact(artifact, progress=round(100 * share, 1), description=detail)

    with heard_by(renew):
        yield
