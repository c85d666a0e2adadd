"""The Prefect flow that retrains a style: snapshot, seeds, challenger against champion, promotion, showcase.

Every stage can be cut off anywhere: the same music and settings have the same folder, so the next retraining goes on
from the last checkpoint of each seed, and the champion changes in one step at the end.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from agents.config import TrainConfig
from flows import registry, retraining, stages
from flows.composing import Model
from flows.gate import DEFAULT_MARGIN, Verdict, decide
from flows.home import Home
from flows.journal import remembered
from flows.opening import opened
from flows.pipeline import alone, configured, owned_run, render, version_tags
from flows.progress import report, report_files
from flows.stages import CorpusFile
from flows.styles import DEFAULT_STYLE, style_of_folder
from flows.tasks import learn, register_model
from flows.tracking import Run, Tracker

COMPARISON = "challenger-against-champion.md"


def _by_content(_context: Any, parameters: dict[str, Any]) -> str:
    return f"corpus-{stages.short_digest([parameters[name] for name in ('home', 'source', 'digest', 'style')])}"


@task(name="corpus snapshot", cache_key_fn=_by_content, persist_result=True, result_serializer="json")
def snapshot(source: str | None, style: str | None, digest: str, home: str) -> dict[str, Any]:
    """What the watched folder holds now; unchanged content, by ``digest``, is a cached stage."""
    found = stages.read_corpus(Path(source) if source else None, style, Home(Path(home)), report_files)
    return found.to_json()


@task(name="pick challenger", cache_policy=NO_CACHE)
def pick(folders: dict[int, str], corpus: dict[str, Any], held_out: dict[str, Any] | None, count: int) -> int:
    """The seed to challenge with, by the music it learned from."""
    models = {seed: Model.load(Path(folder) / "model") for seed, folder in folders.items()}
    judged_by = CorpusFile.from_json(held_out) if held_out else None
    return retraining.pick(models, CorpusFile.from_json(corpus), judged_by, count)


@task(name="compare", cache_policy=NO_CACHE)
def compare(
    challenger: str,
    champion: str | None,
    corpus: dict[str, Any],
    held_out: dict[str, Any] | None,
    rounds: int,
    count: int,
    margin: float,
    seed: int,
) -> dict[str, Any]:
    """Judge challenger and champion in the same rounds on the same held-out music, and decide."""
    report("comparison", 0.0, f"{rounds} rounds of {count} pieces")
    judged_by = CorpusFile.from_json(held_out) if held_out else None
    training, real = stages.parted(CorpusFile.from_json(corpus), judged_by)
    home = Home.here()
    with ExitStack() as stack:
        models = [stack.enter_context(opened(model, home)) for model in (challenger, champion) if model]
        found = retraining.rounds(
            models, training, real, rounds=rounds, count=count, seed=seed,
            progress=lambda share: report("comparison", share),
        )  # fmt: skip
        same = len(models) == 2 and models[0].digest == models[1].digest
        withdrawn = _withdrawn(home, models[0]) if champion else None
    qualities = [[one.quality for one in row] for row in found]
    verdict = decide(qualities[0], qualities[1] if champion else None, margin)
    told = verdict.to_json()
    if same:
        told |= {"promoted": False, "reason": "Not promoted: the same music and settings made the champion again."}
    elif withdrawn is not None:
        told |= {
            "promoted": False,
            "reason": f"Not promoted: version {withdrawn}, which was rolled back, came out again.",
        }
    rows = dict(zip(("challenger", "champion"), found, strict=False))
    return {
        **told,
        "same": same,
        "markdown": retraining.report(told["reason"], rows),
        "overlap": sum(one.overlap for one in found[0]) / rounds,
        "reward": sum(one.reward for one in found[0]) / rounds,
    }


@task(name="promote", cache_policy=NO_CACHE)
def promote(name: str, version: str, instead_of: str | None) -> None:
    """Give the champion's place to a version, if the place is still held by whom it was compared with."""
    registry.promote(Tracker(Home.here()), name, version, instead_of=instead_of)


def _run_name() -> str:
    given = flow_run.parameters or {}
    named = given.get("style") or (Path(str(given["corpus"])).stem if given.get("corpus") else "folk")
    return f"retrain {named} · {given.get('seeds', 3)} seeds"


@flow(name="retrain", flow_run_name=_run_name)
def retrain(
    corpus: Path | None = None,
    style: str | None = None,
    seeds: int = 3,
    first_seed: int = 1,
    minutes: float | None = None,
    steps: int | None = None,
    rounds: int = 5,
    count: int = 100,
    margin: float = DEFAULT_MARGIN,
    held_out: Path | None = None,
    settings: dict[str, Any] | None = None,
    bars: int = 32,
    output: Path | None = None,
) -> dict[str, Any]:
    """Learn anew from what the folder holds now, and promote what came of it only if it is better.

    Args:
        corpus: Watched folder of MIDI files, or a corpus file; the bundled music where none is given.
        style: Name of the music; without a corpus, which bundled music.
        seeds: Trainings, each with a seed of its own; the one nearest to the music learned from challenges.
        first_seed: Seeds are this one and those that follow; also the seed of the comparison.
        minutes: Minutes of learning of each at most; 3 where neither minutes nor steps are given.
        steps: Decisions of all agents together at most, for each.
        rounds: Paired rounds of the comparison, two or more.
        count: Pieces of each model in each round.
        margin: What the whole confidence interval of the gain must exceed.
        held_out: Music to judge by; where none is given a tenth of the corpus is kept out for it.
        settings: Further settings, as a training configuration's JSON object.
        bars: Length of the showcase piece.
        output: Folder for the showcase piece and the comparison; the training's folder by default.
    """
    home = Home.here()
    tracker = Tracker(home)
    found = CorpusFile.from_json(_snapshot(corpus, style, home))
    judged_by = CorpusFile.from_json(_snapshot(held_out, found.style, home)) if held_out else None
    apart = judged_by.to_json() if judged_by else None
    name = registry.model_name(found.style)
    wanted = range(first_seed, first_seed + seeds)
    with owned_run(tracker, None, f"retrain {found.style} · {found.digest[:8]}", "retrain") as run:
        run.params(
            {
                "style": found.style, "corpus_digest": found.digest, "seeds": list(wanted), "rounds": rounds,
                "count": count, "margin": margin, "minutes": minutes, "steps": steps,
            }
        )  # fmt: skip
        folders = {}
        for seed in wanted:
            config = configured(seed, minutes, steps, settings)
            folder = stages.training_folder(home, found, config, judged_by)
            _train(tracker, run, found, config.to_json(), folder, apart, seed)
            folders[seed] = folder
        chosen = pick({seed: str(folder) for seed, folder in folders.items()}, found.to_json(), apart, count)
        folder = folders[chosen]
        champion = registry.holder(tracker, name, registry.CHAMPION)
        told = compare(
            str(folder / "model"), f"models:/{name}/{champion}" if champion else None,
            found.to_json(), apart, rounds, count, margin, first_seed,
        )  # fmt: skip
        verdict = Verdict(**{field: told[field] for field in Verdict.__dataclass_fields__})
        tags = {
            **version_tags(Model.load(folder / "model"), found), "seeds": ", ".join(map(str, wanted)),
            "gate": "promoted" if verdict.promoted else "not promoted", "gate_reason": verdict.reason,
            **{
                f"gate_{field}": f"{value:.5f}"
                for field, value in verdict.to_json().items()
                if isinstance(value, float)
            },
        }  # fmt: skip
        version = str(champion) if told["same"] else _challenge(tracker, run, folder, name, tags)
        shown = output or folder / "showcase"
        piece = None
        if verdict.promoted:
            promote(name, version, champion)
            home.remember_model(folder / "model")
            piece = render(model=str(folder / "model"), output=shown, bars=bars, seed=first_seed, run_id=run.run_id)
            sound = piece.get("audio", {}).get("wav", {})
            tracker.client.set_model_version_tag(
                name, version, "soundfont_sha256", str(sound.get("soundfont_sha256"))
            )
        run.metrics({f"gate/{key}": value for key, value in _figures(told).items()}, 0)
        run.text(told["markdown"], f"comparison/{COMPARISON}")
        lines = (
            f"**{verdict.reason}**",
            f"Challenger: {name} version {version}, seed {chosen} of {list(wanted)}; "
            f"champion before: {f'version {champion}' if champion else 'none'}.",
            f"{found.pieces} pieces ({found.digest}); overlap {told['overlap']:.3f}, "
            f"theory {told['reward']:.2f} a bar.",
        )
        run.note("\n\n".join(lines))
        create_markdown_artifact(key="retrain-summary", markdown="\n\n".join(lines), description="Outcome")
        create_markdown_artifact(
            key="challenger-against-champion", markdown=f"{told['markdown']}\n[MLflow run]({tracker.link(run)})"
        )
    return {
        "promoted": verdict.promoted, "verdict": verdict.reason, "gate": verdict.to_json(), "model": name,
        "version": version, "champion_before": champion, "seed": chosen, "folder": str(folder),
        "corpus": found.to_json(), "piece": piece, "run_id": run.run_id, "link": tracker.link(run),
        "experiment_id": tracker.experiment_id,
    }  # fmt: skip


def _snapshot(source: Path | None, style: str | None, home: Home) -> dict[str, Any]:
    """The cached snapshot of unchanged content; a new one where its corpus file is gone."""
    where = str(source.expanduser().absolute()) if source else None
    style = style or (style_of_folder(source) if source else DEFAULT_STYLE)
    given = (where, style, retraining.content_digest(Path(where) if where else None, style), str(home.root))
    found = snapshot(*given)
    return found if Path(found["path"]).is_file() else snapshot.with_options(refresh_cache=True)(*given)


def _train(
    tracker: Tracker,
    parent: Run,
    corpus: CorpusFile,
    settings: dict[str, Any],
    folder: Path,
    held_out: dict[str, Any] | None,
    seed: int,
) -> None:
    """One seed's training as a run below the retraining's, gone on with where it was cut off.

    One that is finished stays what it is: a run of the retraining that trained it.
    """
    known = remembered(folder, tracker).get("run")
    if known is not None and stages.finished(folder, TrainConfig.from_json(settings)):
        return
    with (
        alone(folder),
        tracker.run(
            f"{corpus.style} · seed {seed}",
            kind="train",
            parent=parent,
            resume=known,
        ) as run,
    ):
        last = learn.with_options(task_run_name=f"learn · seed {seed}")(
            corpus.to_json(), settings, folder, run.run_id, False, held_out
        )
        run.note(f"**Seed {seed}**: {last.get('steps', 0) / 1e6:.2f} M decisions" if last else f"**Seed {seed}**")


def _challenge(tracker: Tracker, run: Run, folder: Path, name: str, tags: dict[str, str]) -> str:
    """Register the challenger with what the gate said; gives its version."""
    version = str(register_model(folder, run.run_id, tags, crown=False)["version"])
    for tag, value in tags.items():  # also where it was registered by another training before
        tracker.client.set_model_version_tag(name, version, tag, value)
    registry.challenge(tracker, name, version)
    return version


def _withdrawn(home: Home, model: Model) -> str | None:
    """The version of these weights that was rolled back, if one was: somebody did not want it."""
    found = registry.versions(Tracker(home), registry.model_name(model.style))
    same = [row for row in found if row["tags"].get("digest") == model.digest]
    return next((str(row["version"]) for row in same if registry.ROLLED_BACK in row["tags"]), None)


def _figures(told: dict[str, Any]) -> dict[str, float]:
    wanted = ("challenger", "champion", "gain", "low", "high", "overlap", "reward")
    return {name: told[name] for name in wanted if told[name] is not None}
