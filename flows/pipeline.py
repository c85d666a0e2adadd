"""The Prefect flows: train, evaluate, render, and the whole pipeline of the three.

Every MLflow run has one owner, which ends it: the flow that opened it. A flow that is given a ``run_id`` writes to
that run and leaves its end to the giver.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from prefect import flow
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact
from prefect.runtime import flow_run
from prefect.settings import PREFECT_UI_URL

from agents.config import TrainConfig
from flows import stages
from flows.cards import Card, write_card
from flows.composing import Model
from flows.errors import FlowError
from flows.files import unwritable
from flows.home import Home
from flows.journal import remembered
from flows.reports import PAGE
from flows.stages import CorpusFile
from flows.styles import DEFAULT_MINUTES
from flows.tasks import compose_and_render, judge, learn, read_corpus, register_model
from flows.tracking import Run, Tracker


def _flow_run_name() -> str:
    given = flow_run.parameters or {}
    named = [Path(str(given[name])).stem for name in ("style", "model") if given.get(name)]
    named += [_named(given["models"])] if given.get("models") else []
    return " ".join([str(flow_run.flow_name), *named, f"seed {given.get('seed', 0)}"])


@flow(name="train", flow_run_name=_flow_run_name)
def train(
    corpus: Path | None = None,
    style: str | None = None,
    seed: int = 0,
    minutes: float | None = None,
    steps: int | None = None,
    output: Path | None = None,
    settings: dict[str, Any] | None = None,
    fresh: bool = False,
    held_out: Path | None = None,
    run_id: str | None = None,
) -> dict[str, Any]:
    """Train three agents on a corpus and register them as one model.

    Args:
        corpus: Folder of MIDI files, or a corpus file; the bundled music where none is given.
        style: Name of the music; without a corpus, which bundled music.
        seed: Of all random choices.
        minutes: Minutes of learning at most; 3 where neither minutes nor steps are given.
        steps: Decisions of all agents together at most.
        output: Folder of the training run; a checkpoint of the same training in it is gone on from.
        settings: Further settings, as a training configuration's JSON object.
        fresh: Begin anew even where there is a checkpoint.
        held_out: Music to judge by; where none is given a tenth of the corpus is kept out for it.
        run_id: MLflow run to log to; one of its own where none is given.
    """
    home = Home.here()
    found = CorpusFile.from_json(read_corpus(corpus, style))
    judged_by = CorpusFile.from_json(read_corpus(held_out, found.style)) if held_out else None
    config = configured(seed, minutes, steps, settings)
    folder = output or stages.training_folder(home, found, config, judged_by)
    tracker = Tracker(home)
    title = f"{found.style} · seed {config.seed} · {_budget(config)}"
    with (
        # Whoever gave the run has the folder already.
        alone(folder) if run_id is None else nullcontext(),
        owned_run(tracker, run_id, title, "train", None if fresh else remembered(folder, tracker).get("run")) as run,
    ):
        apart = judged_by.to_json() if judged_by else None
        last = learn(found.to_json(), config.to_json(), folder, run.run_id, fresh, apart)
        home.remember_model(folder / "model")
        loaded = Model.load(folder / "model")
        version = register_model(folder, run.run_id, version_tags(loaded, found))
        text = (
            f"**Learned** for {loaded.provenance['iterations']} iterations "
            f"({loaded.provenance['steps'] / 1e6:.2f} M decisions) from {found.pieces} pieces of {found.style}: "
            f"{version['name']} version {version['version']}{', the champion' if version['champion'] else ''}"
        )
        run.note(f"{text}\n\n{_list_lines(found.summary)}")
        _summary("training", text, tracker, run)
    return {
        "model": str(folder / "model"), "folder": str(folder), "digest": loaded.digest, "style": found.style,
        "corpus": found.to_json(), "registered": version, "run_id": run.run_id, "last": last,
        "link": tracker.link(run), "experiment_id": tracker.experiment_id,
    }  # fmt: skip


@flow(name="evaluate", flow_run_name=_flow_run_name)
def evaluate(
    models: list[str],
    corpus: Path | None = None,
    held_out: Path | None = None,
    count: int = 200,
    seed: int = 0,
    output: Path | None = None,
    run_id: str | None = None,
) -> dict[str, Any]:
    """Judge models' pieces beside baselines and real ones, against music kept out of training, and report it.

    Args:
        models: Folders or MLflow URIs; those that differ only in the seed are runs of one set.
        corpus: The music they learned from, where it is not in Triad's home any more.
        held_out: Music to judge by, where it is not the tenth of the corpus that training keeps out.
        count: Pieces of each run.
        seed: Of all draws.
        output: Folder for the report; with the MLflow run alone where none is given.
        run_id: MLflow run to log to; one of its own where none is given.
    """
    tracker = Tracker(Home.here())
    with owned_run(tracker, run_id, f"evaluation · {_named(models)} · seed {seed}", kind="evaluate") as run:
        judged = judge(models, corpus, held_out, count, seed, output, run.run_id)
        if run_id is None:
            digests = ", ".join(judged["digests"])
            run.params({"models": ", ".join(models), "count": count, "seed": seed, "model_digests": digests})
            run.note(f"**{judged['verdict']}**")
        rows = [{"figure": name, "value": round(value, 4)} for name, value in judged["figures"].items()]
        create_table_artifact(key="evaluation", table=rows, description=judged["verdict"])
        create_markdown_artifact(key="evaluation-report", markdown=judged["markdown"], description="The whole report")
        _summary("evaluation", judged["verdict"], tracker, run)
    return {**judged, "run_id": run.run_id, "link": tracker.link(run)}


@flow(name="render", flow_run_name=_flow_run_name)
def render(
    model: str,
    output: Path,
    key: str | None = None,
    meter: str | None = None,
    bars: int | None = None,
    form: str | None = None,
    tempo: float | None = None,
    seed: int = 0,
    policy: str = "agents",
    dial: str | None = None,
    humanize: bool = False,
    formats: list[str] | None = None,
    arrangement: str | None = None,
    soundfont: Path | None = None,
    run_id: str | None = None,
) -> dict[str, Any]:
    """Compose a piece and render it: MIDI, recording, piano roll and a page that plays it.

    Args:
        model: Folder or MLflow URI of the model.
        output: Folder for the files.
        key: Such as "D minor"; by default as in the model's music.
        meter: Such as "3/4"; by default as in the model's music.
        bars: Length in bars; by default 16, or eight for each section of the form.
        form: Sections, such as "AABA" or "intro verse chorus"; drawn from the model's music where none is given.
        tempo: Quarter notes a minute; by default as in the model's music.
        seed: Of all random choices.
        policy: Who writes: agents, prior or random.
        dial: From style to theory: 0 style alone, 1 as trained, more theory; or such as "melody=2,chord=1".
        humanize: Whether notes lie off the grid a little, as people play.
        formats: Of mid, wav, flac, ogg, mp3, png and html; mid, wav, png and html by default.
        arrangement: How it is set for instruments; by default as the style of the model's music wants.
        soundfont: To render with; else the one that is found.
        run_id: MLflow run to keep the files with; one of its own where none is given.
    """
    request = {
        **{"key": key, "meter": meter, "bars": bars, "form": form, "tempo": tempo},
        **{"seed": seed, "policy": policy, "dial": dial, "humanize": humanize},
    }
    wanted = formats or ["mid", "wav", "png", "html"]
    tracker = Tracker(Home.here())
    with owned_run(tracker, run_id, f"piece · {Path(model).name} · seed {seed}", kind="render") as run:
        piece = compose_and_render(model, output, request, wanted, arrangement, soundfont, "piece-{seed}-{number}")
        for path in piece["files"].values():
            run.artifact(Path(path), "piece")
        asked = piece["request"]
        text = f"{piece['title']}: {asked['bars']} bars of {asked['meter']} at {asked['tempo']:g}"
        if run_id is None:
            run.params({"model": model, "model_digest": piece["model"]["digest"], **asked})
            run.note(f"**{text}**")
        _summary("piece", text, tracker, run)
    return {**piece, "run_id": run.run_id, "link": tracker.link(run)}


@flow(name="pipeline", flow_run_name=_flow_run_name)
def pipeline(
    corpus: Path | None = None,
    style: str | None = None,
    seed: int = 0,
    minutes: float | None = None,
    steps: int | None = None,
    bars: int = 32,
    output: Path | None = None,
    count: int = 200,
    settings: dict[str, Any] | None = None,
    fresh: bool = False,
    held_out: Path | None = None,
) -> dict[str, Any]:
    """Read a corpus, train on it, judge the result and render a showcase piece, all in one MLflow run.

    Args:
        corpus: Folder of MIDI files, or a corpus file; the bundled music where none is given.
        style: Name of the music; without a corpus, which bundled music.
        seed: Of all random choices.
        minutes: Minutes of learning at most; 3 where neither minutes nor steps are given.
        steps: Decisions of all agents together at most.
        bars: Length of the showcase piece.
        output: Folder for the showcase piece and the report; the training's folder by default.
        count: Pieces of each set in the evaluation.
        settings: Further settings, as a training configuration's JSON object.
        fresh: Begin anew even where there is a checkpoint.
        held_out: Music to judge by; where none is given a tenth of the corpus is kept out for it.
    """
    home = Home.here()
    found = CorpusFile.from_json(read_corpus(corpus, style))
    config = configured(seed, minutes, steps, settings)
    judged_by = CorpusFile.from_json(read_corpus(held_out, found.style)) if held_out else None
    folder = stages.training_folder(home, found, config, judged_by)
    shown = output or folder / "showcase"
    tracker = Tracker(home)
    title = f"{found.style} · seed {seed} · {_budget(config)}"
    with (
        alone(folder),
        owned_run(tracker, None, title, "pipeline", None if fresh else remembered(folder, tracker).get("run")) as run,
    ):
        trained = train(
            corpus=corpus, style=found.style, seed=seed, minutes=config.minutes, steps=config.steps,
            output=folder, settings=settings, fresh=fresh, held_out=held_out, run_id=run.run_id,
        )  # fmt: skip
        judged = evaluate(
            models=[trained["model"]], corpus=Path(found.path), held_out=held_out, count=count, seed=seed,
            output=shown / "evaluation", run_id=run.run_id,
        )  # fmt: skip
        write_card(Path(trained["model"]), _own_card(found, judged, count, judged_by))
        piece = render(model=trained["model"], output=shown, bars=bars, seed=seed, run_id=run.run_id)
        version = trained["registered"]
        lines = (
            f"**{judged['verdict']}**",
            f"{piece['title']}, {bars} bars: listen under Artifacts, piece/",
            f"{version['name']} version {version['version']}{', the champion' if version['champion'] else ''}; "
            f"{found.pieces} pieces, {trained['last'].get('steps', 0) / 1e6:.2f} M decisions",
        )
        run.note("\n\n".join(lines))
        run.artifact(Path(found.path), "corpus")
        _summary("pipeline", "\n\n".join(lines), tracker, run)
    return {
        **{name: trained[name] for name in ("model", "digest", "style", "corpus", "registered", "experiment_id")},
        "verdict": judged["verdict"], "figures": judged["figures"],
        "piece": piece, "report": str(shown / "evaluation" / PAGE),
        "run_id": run.run_id, "link": tracker.link(run), "tracking_uri": tracker.uri,
    }  # fmt: skip


def configured(
    seed: int, minutes: float | None, steps: int | None, settings: Mapping[str, Any] | None = None
) -> TrainConfig:
    """The training configuration of ``settings`` with this seed and end; three minutes where no end is given."""
    config = replace(TrainConfig.from_json(settings or {}), seed=seed)
    if minutes is not None or steps is not None:
        return replace(config, minutes=minutes, steps=steps)
    if config.minutes is None and config.steps is None:
        return replace(config, minutes=DEFAULT_MINUTES)
    return config


def version_tags(model: Model, corpus: CorpusFile) -> dict[str, str]:
    """What a registered version says of itself, to find it by and to make it again."""
    known = model.provenance
    config = model.trio.config.to_json() if model.trio else {}
    tags = {
        "corpus_digest": corpus.digest,
        "commit": known.get("commit"),
        "seed": config.get("seed"),
        "config": stages.short_digest(config),
    }
    return {name: str(value) for name, value in tags.items() if value is not None}


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Nobody else trains in ``folder`` for as long as the block lasts; the lock goes with the process that held it.

    Raises:
        FlowError: if another training is at work there, or the folder cannot be written.
    """
    lock = FileLock(folder / ".training.lock", timeout=0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise FlowError(
            f"another training is writing into {folder}: wait until it ends, or choose another folder with -o"
        ) from None
    except OSError as error:
        raise unwritable(folder, error) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def owned_run(
    tracker: Tracker, run_id: str | None, title: str, kind: str, resume: str | None = None
) -> Iterator[Run]:
    """The run ``run_id``, which somebody else ends, or one of the flow's own, linked to its page in Prefect."""
    if run_id is not None:
        yield tracker.attached(run_id)
        return
    # Only a server that stays has a page to link to.
    link = {"prefect.link": str(flow_run.ui_url)} if PREFECT_UI_URL.value() else {}
    with tracker.run(title, kind=kind, resume=resume, tags={"prefect.flow_run": str(flow_run.id), **link}) as run:
        yield run


def _own_card(corpus: CorpusFile, judged: Mapping[str, Any], count: int, apart: CorpusFile | None) -> Card:
    """The card of a model trained on somebody's own music; about its licence nothing is known."""
    card = Card(
        data=f"{corpus.pieces} pieces, {corpus.bars} bars: {Path(corpus.source).name}.",
        figures=judged["figures"],
        verdict=judged["verdict"],
        judged=count,
    )
    return replace(card, kept_out=f"{apart.pieces} pieces of their own") if apart else card


def _summary(key: str, text: str, tracker: Tracker, run: Run) -> None:
    create_markdown_artifact(key=f"{key}-summary", markdown=text, description=f"Outcome of the {key}")
    create_link_artifact(key=f"{key}-mlflow", link=tracker.link(run), link_text="MLflow run", description=run.run_id)


def _budget(config: TrainConfig) -> str:
    parts = [f"{config.minutes:g} min"] if config.minutes else []
    return " or ".join([*parts, *([f"{config.steps} steps"] if config.steps else [])])


def _named(models: list[str]) -> str:
    """Several models in a title."""
    first = Path(models[0]).name
    return first if len(models) == 1 else f"{first} and {len(models) - 1} more"


def _list_lines(lines: tuple[str, ...]) -> str:
    return "\n".join(f"- {line}" for line in lines)
