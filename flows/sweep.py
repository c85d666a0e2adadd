"""The Prefect flow that searches for better training settings: trials side by side, a task for each seed's training.

The tasks run in processes of this machine, or on a Dask cluster: of this machine too, or one that is named. Nothing
else changes, for a task is handed plain values and gives plain values.
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import optuna
from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner

from flows import stages, sweeping
from flows.errors import FlowError
from flows.home import Home
from flows.pipeline import owned_run
from flows.progress import report
from flows.stages import CorpusFile
from flows.tracking import Run, Tracker

BEST = "best-settings.json"


@task(name="seed run", task_run_name="trial {trial} · seed {seed}", cache_policy=NO_CACHE)
def seed_run(
    corpus: dict[str, Any], settings: dict[str, Any], trial: int, seed: int, count: int, home: str
) -> dict[str, Any]:
    """One complete training and its quality."""
    return sweeping.seed_run(CorpusFile.from_json(corpus), settings, seed, count, Home(Path(home)))


def runner(workers: int, dask: str | None) -> TaskRunner[Any]:
    """Where tasks run: in processes here, or on a Dask cluster.

    Args:
        workers: processes.
        dask: None for plain processes, ``"local"`` for a Dask cluster of that many here, else a scheduler's address.

    Raises:
        FlowError: if Dask is wanted and not installed.
    """
    if dask is None:
        return ProcessPoolTaskRunner(max_workers=workers)
    try:
        from prefect_dask.task_runners import DaskTaskRunner
    except ImportError:
        raise FlowError("Dask is not installed: pip install 'triad-composer[dask]'") from None
    if dask != "local":
        return DaskTaskRunner(address=dask)
    return DaskTaskRunner(cluster_kwargs={"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None})


@flow(name="sweep")
def sweep(
    corpus: Path | None = None,
    style: str | None = None,
    trials: int = 20,
    seeds: int = 2,
    steps: int = 500_000,
    workers: int = 1,
    count: int = 100,
    space: Path | None = None,
    settings: dict[str, Any] | None = None,
    output: Path | None = None,
) -> dict[str, Any]:
    """Search for training settings whose music lies nearer to real music.

    Args:
        corpus: Folder of MIDI files, or a corpus file; the bundled music where none is given.
        style: Name of the music.
        trials: How many there shall be in the study; those of an earlier sweep count.
        seeds: Trainings of each trial, 1, 2, ...; after each a trial below the median is given up.
        steps: Decisions of each training.
        workers: Trials side by side.
        count: Pieces a training is judged by.
        space: TOML file of what is searched.
        settings: Further settings of every training.
        output: Folder for the best settings; the home by default.
    """
    home, chosen = Home.here(), sweeping.read_space(space)
    tracker = Tracker(home)
    found = stages.read_corpus(corpus, style, home)
    base = {**(settings or {}), "steps": steps}
    name = sweeping.study_name(found.style, found.digest, chosen, base, range(1, seeds + 1))
    study = sweeping.open_study(home, name)
    with owned_run(tracker, None, f"sweep {found.style} · {name[-8:]}", "sweep") as parent:
        parent.params({"style": found.style, "corpus_digest": found.digest, "study": name, "seeds": seeds, **base})
        while (left := trials - _finished(study)) > 0:
            batch = [study.ask() for _ in range(min(workers, left))]
            values = {trial.number: sweeping.suggest(trial, chosen) for trial in batch}
            _run_batch(study, batch, values, chosen, base, found, seeds, count, home, tracker, parent)
            report("sweep", min(_finished(study) / trials, 1.0), f"{_finished(study)} of {trials} trials")
        best = sweeping.settings_of(study.best_params, chosen, settings or {})
        path = (output or home.root) / BEST
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(best, indent=1) + "\n", encoding="utf-8")
        table = _table(study)
        parent.metrics({"best/quality": study.best_value}, 0)
        parent.artifact(path)
        parent.text(table, "trials.md")
        parent.note(
            f"**Best: trial {study.best_trial.number}, quality {study.best_value:.4f}** of "
            f"{_finished(study)} trials\n\n{table}"
        )
        create_markdown_artifact(key="sweep-trials", markdown=f"{table}\n[MLflow run]({tracker.link(parent)})")
    return {
        **{"study": name, "trials": _finished(study), "best_trial": study.best_trial.number},
        **{"best_quality": study.best_value, "best": best, "file": str(path), "markdown": table},
        **{"run_id": parent.run_id, "link": tracker.link(parent)},
    }


def _run_batch(
    study: optuna.Study,
    batch: list[optuna.Trial],
    values: dict[int, dict[str, Any]],
    space: sweeping.Space,
    base: dict[str, Any],
    corpus: CorpusFile,
    seeds: int,
    count: int,
    home: Home,
    tracker: Tracker,
    parent: Run,
) -> None:
    """Carry out some trials side by side, seed after seed; those below the median are given up on the way."""
    going = {trial.number: trial for trial in batch}
    known: dict[int, list[dict[str, Any]]] = {trial.number: [] for trial in batch}
    for seed in range(1, seeds + 1):
        asked = {
            number: seed_run.submit(
                corpus.to_json(),
                sweeping.settings_of(values[number], space, base),
                number,
                seed,
                count,
                str(home.root),
            )
            for number in going
        }
        for number, future in asked.items():
            known[number].append(future.result())
            trial = going[number]
            mean = statistics.fmean(row["quality"] for row in known[number])
            trial.report(mean, seed)
            if seed < seeds and trial.should_prune():
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                del going[number]
    for number, rows in known.items():
        if number in going:
            study.tell(going[number], statistics.fmean(row["quality"] for row in rows))
        _track(tracker, parent, number, values[number], rows, pruned=number not in going)


def _track(
    tracker: Tracker, parent: Run, number: int, values: dict[str, Any], rows: list[dict[str, Any]], *, pruned: bool
) -> None:
    """A run for each trial, its seeds as steps of its curves, so that MLflow compares them."""
    with tracker.run(f"trial {number}{' · given up' if pruned else ''}", kind="trial", parent=parent) as run:
        run.params(values)
        for seed, row in enumerate(rows, start=1):
            run.metrics({name: row[name] for name in ("quality", "overlap", "reward")}, seed)
        mean = statistics.fmean(row["quality"] for row in rows)
        run.metrics({"mean_quality": mean}, len(rows))
        run.note(f"**{mean:.4f}** over {len(rows)} seed(s){', given up: below the median' if pruned else ''}")


def _finished(study: optuna.Study) -> int:
    done = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    return len(study.get_trials(deepcopy=False, states=done))


def _table(study: optuna.Study) -> str:
    """The trials, the best first, as Markdown."""
    done = [trial for trial in study.get_trials() if trial.value is not None]
    names = sorted({name for trial in done for name in trial.params})
    lines = [f"| trial | quality | state | {' | '.join(names)} |", f"|---:|---:|---|{'---:|' * len(names)}"]
    for trial in sorted(done, key=lambda trial: -(trial.value or 0.0)):
        row = (f"{trial.params.get(name, ''):.4g}" for name in names)
        state = "given up" if trial.state == optuna.trial.TrialState.PRUNED else "done"
        lines.append(f"| {trial.number} | {trial.value:.4f} | {state} | {' | '.join(row)} |")
    return "\n".join(lines) + "\n"
