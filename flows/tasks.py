"""The Prefect tasks: thin wrappers over :mod:`flows.stages` and :mod:`flows.composing`.

Tasks take and give paths, ids and plain values, so nothing large is hashed or stored. Only those that read and write
elsewhere are tried again, and never after an error of the user's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast
from uuid import UUID

from mlflow.entities import Metric
from prefect import task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE

from agents.config import TrainConfig
from agents.records import Record
from composer.errors import TriadError
from composer.evaluation import headline
from flows import judging, registry, stages
from flows.composing import Model, write_pieces
from flows.home import Home
from flows.journal import journal, remember, remembered
from flows.opening import opened
from flows.progress import heard_by, report, report_files
from flows.reports import write_report
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
def register_model(folder: Path, run_id: str, tags: dict[str, str], crown: bool = True) -> dict[str, Any]:
    """Register the model in ``folder``, once; gives its name, version, id and whether it is the champion.

    Without ``crown`` it does not become the champion where there is none: it has to pass the gate.
    """
    tracker = Tracker(Home.here())
    digest = Model.load(folder / "model").digest
    known = remembered(folder, tracker).get("registered", {})
    if known.get("digest") == digest:
        return dict(known)
    made = registry.register(tracker, tracker.attached(run_id), folder / "model", tags, crown=crown)
    told = {**asdict(made), "digest": digest}
    remember(folder, tracker, registered=told)
    return told


@task(name="judge", cache_policy=NO_CACHE)
def judge(
    models: list[str],
    corpus: Path | None,
    held_out: Path | None,
    count: int,
    seed: int,
    output: Path | None,
    run_id: str,
) -> dict[str, Any]:
    """Judge models beside baselines and real music; gives a verdict, the figures and the report's text and files."""
    report("evaluation", 0.0, f"{count} pieces of each set")
    home = Home.here()
    tracker = Tracker(home)
    run = tracker.attached(run_id)
    with ExitStack() as stack:
        loaded = [stack.enter_context(opened(model, home)) for model in models]
        told, found = judging.judge_models(loaded, home, corpus=corpus, held_out=held_out, count=count, seed=seed)
        folder = output or Path(stack.enter_context(TemporaryDirectory()))
        files = write_report(told, folder)
        for path in files:
            run.artifact(path, "evaluation")
    known = remembered(Path(loaded[0].source).parent, tracker).get("registered", {})
    figures = judging.figures(told.comparison)
    run.log(
        [
            Metric(
                f"vs_real_music/{name.replace('/', '_')}", value, run.now(),
                int(loaded[0].provenance.get("iterations", 0)),
                model_id=known.get("model_id"), dataset_name=found.style, dataset_digest=found.digest,
            )
            for name, value in figures.items()
        ]
    )  # fmt: skip
    if known and len(models) == 1:
        wanted = [f"{judging.short(name)}/overlap" for name in (told.comparison.head, judging.PRIOR_SET)]
        for name in wanted:
            if name in figures:
                tracker.client.set_model_version_tag(known["name"], known["version"], name, f"{figures[name]:.4f}")
    report("evaluation", 1.0, "done")
    return {
        "verdict": headline(told.comparison),
        "figures": figures,
        "goals": told.to_json()["goals"],
        "markdown": told.markdown(pictures=False),
        "digests": [model.digest for model in loaded],
        "files": [str(path) for path in files] if output else [],
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
