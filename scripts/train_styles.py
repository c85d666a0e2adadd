"""Train, judge and pack a model that comes with Triad, with its card, into ``agents/models/<style>``.

``scripts/styles.toml`` has a table for each style. Bundled music needs no folder:

    python -m scripts.train_styles --style folk
    python -m scripts.train_styles --style pop --corpus DIR

A training that was cut off goes on from its checkpoint under ``--work``, a finished one is only judged and packed
again. The judged model is the packed one.
"""

from __future__ import annotations

import shutil
import sys
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

import click
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from agents.config import TrainConfig
from agents.packing import pack
from agents.records import Record
from agents.trio import Trio
from composer.corpus import Corpus
from composer.errors import TriadError
from composer.evaluation import REAL_AGAINST_REAL, headline
from composer.evaluation.statistics import longest_runs
from composer.score import concatenate
from composer.theory import METERS
from flows import stages
from flows.cards import Card, write_card
from flows.composing import Model
from flows.errors import FlowError
from flows.home import Home
from flows.judging import figures, judge_models
from flows.requests import Request
from flows.stages import CorpusFile
from flows.styles import SHIPPED

RECIPES = Path(__file__).with_name("styles.toml")
LICENCE_OF_MODELS = "mit"


class Recipe(BaseModel):
    """How a style's model is made.

    Attributes:
        bundled: the bundled music it learns from; without it a folder is to be given.
        held_out: patterns of the names of pieces to judge by; without them a tenth is kept out.
        metres: learn from pieces in these only; all where empty.
        minutes: of learning, at most.
        seed: of the training and the evaluation.
        settings: further training settings (agents/config.py).
        data: what the music is, in a sentence or two.
        licence: of the music.
        attribution: who made it.
        may_be_copied: whether a piece may share a longer run of notes with it than kept-out music does.
        limits: what the card should warn of, besides what follows from the figures.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bundled: str | None = None
    held_out: tuple[str, ...] = ()
    metres: tuple[str, ...] = ()
    minutes: Annotated[float, Field(gt=0)]
    seed: Annotated[int, Field(ge=0)]
    settings: Mapping[str, Any] = {}
    data: str
    licence: str
    attribution: str
    may_be_copied: bool = True
    limits: tuple[str, ...] = ()


def recipes() -> dict[str, Recipe]:
    """The recipe of each style that ships."""
    rows = tomllib.loads(RECIPES.read_text(encoding="utf-8"))
    return {name: Recipe.model_validate(row) for name, row in rows.items()}


def build(
    style: str,
    recipe: Recipe,
    corpus: Path | None,
    *,
    work: Path,
    shelf: Path,
    count: int,
    fresh: bool = False,
) -> Path:
    """Train, pack, judge and describe the model of ``style``.

    Args:
        style: its name.
        recipe: how it is made.
        corpus: the folder of its music, or a corpus file; not needed for bundled music.
        work: where corpora, checkpoints and the unpacked model are kept.
        shelf: where the folder of the packed model is put, in place of one that is there.
        count: pieces to judge of each set.
        fresh: train anew even where there is a checkpoint.

    Returns:
        the folder of the packed model.

    Raises:
        TriadError: if its music is not there, or a piece copies more than it may.
    """
    if corpus is None and recipe.bundled is None:
        raise FlowError(f"the music of {style} does not come with Triad: name its folder with --corpus")
    home = Home(work)
    learned, apart = music(style, recipe, corpus, home)
    config = TrainConfig.from_json({**recipe.settings, "minutes": recipe.minutes, "seed": recipe.seed})
    trained = stages.train_model(learned, config, work / style, held_out=apart, fresh=fresh, on_record=_tell)
    packed = work / f"{style}-packed"
    shutil.rmtree(packed, ignore_errors=True)
    pack(Trio.load(trained), packed)
    model = Model.load(packed)
    write_card(packed, described(model, recipe, learned, apart, home, count))
    return _put(packed, shelf / style)


def music(style: str, recipe: Recipe, corpus: Path | None, home: Home) -> tuple[CorpusFile, CorpusFile | None]:
    """The music to learn from and that to judge by; None where a tenth of the former is kept out for that."""
    whole = stages.read_corpus(corpus, style if corpus else recipe.bundled, home, _tell_files)
    if not recipe.metres and not recipe.held_out:
        return replace(whole, style=style), None
    chosen = Corpus.load(Path(whole.path))
    if recipe.metres:
        chosen = chosen.of_meters(recipe.metres)
    out = [
        row for row, name in enumerate(chosen.names) if any(fnmatchcase(name, pattern) for pattern in recipe.held_out)
    ]
    if recipe.held_out and len(out) in (0, len(chosen)):
        raise FlowError(f"{len(out)} of {len(chosen)} pieces in {whole.source} are named like {recipe.held_out}")
    inside = sorted(set(range(len(chosen))) - set(out))
    parts = (chosen.select(inside), chosen.select(out)) if out else chosen.split(stages.HELD_OUT)
    files = []
    for part, name in zip(parts, ("training", "held-out"), strict=True):
        path = home.corpora / f"{style}-{name}.safetensors"
        part.save(path)
        # It is known by the folder it was read from.
        files.append(replace(stages.read_corpus(path, style, home), source=whole.source))
    return files[0], files[1]


def described(
    model: Model, recipe: Recipe, learned: CorpusFile, apart: CorpusFile | None, home: Home, count: int
) -> Card:
    """The card of a packed model: it is judged here, and its pieces are searched for copies.

    Raises:
        FlowError: if a piece copies more of the training music than it may.
    """
    report, _ = judge_models(
        [model],
        home,
        corpus=Path(learned.path),
        held_out=Path(apart.path) if apart else None,
        count=count,
        seed=recipe.seed,
    )
    training, kept_out = stages.parted(learned, apart)
    runs = copied(model, training, kept_out, count, recipe.seed)
    if not recipe.may_be_copied and runs["pieces/longest"] > runs["real/longest"]:
        raise FlowError(
            f"a piece of {model.style} shares {runs['pieces/longest']:.0f} notes in a row with a training piece, "
            f"kept-out music at most {runs['real/longest']:.0f}: not shipped"
        )
    comparison = report.comparison
    agents = comparison.runs[comparison.head][0]
    far = [(name, agents.features[name]) for name in agents.farthest]
    return Card(
        data=recipe.data,
        figures=figures(comparison),
        verdict=headline(comparison),
        judged=count,
        kept_out=f"{len(kept_out)} pieces, "
        + (f"those named like {', '.join(recipe.held_out)}" if recipe.held_out else "a tenth, chosen by their names"),
        licence=recipe.licence,
        model_licence=LICENCE_OF_MODELS,
        attribution=recipe.attribution,
        learned=dict(Counter(METERS[meter].name for meter in training.scores.meter.tolist()).most_common()),
        real=len(comparison.samples[REAL_AGAINST_REAL][agents.farthest[0]]),
        copying=runs,
        farthest=[(name, row.overlap or 0.0, row.mean or 0.0, row.real or 0.0) for name, row in far],
        limits=recipe.limits,
    )


def copied(model: Model, training: Corpus, kept_out: Corpus, count: int, seed: int) -> dict[str, float]:
    """The longest runs of notes that pieces, asked for as anyone would, and real excerpts share with whole songs."""
    assert model.trio is not None
    bars = model.trio.config.bars
    pieces = [model.compose(Request(bars=bars, seed=seed), number)[0] for number in range(1, count + 1)]
    sets = {"pieces": concatenate(pieces), "real": kept_out.excerpts(bars)}
    runs = {name: longest_runs(score, training.scores) for name, score in sets.items()}
    measures = {"longest": np.max, "95th_percentile": lambda found: np.quantile(found, 0.95), "median": np.median}
    return {f"{name}/{figure}": float(of(found)) for name, found in runs.items() for figure, of in measures.items()}


def _put(folder: Path, place: Path) -> Path:
    """Copy a folder to ``place``; what was there stays until the copy is whole."""
    part, old = (place.with_name(f".{place.name}.{ending}") for ending in ("part", "old"))
    for leftover in (part, old):
        shutil.rmtree(leftover, ignore_errors=True)
    shutil.copytree(folder, part)
    if place.exists():
        place.rename(old)
    part.rename(place)
    shutil.rmtree(old, ignore_errors=True)
    return place


def _tell(record: Record) -> None:
    if record.agent == "trio":
        print(f"iteration {record.step}, {record.metrics['seconds']:.0f} s", file=sys.stderr)


def _tell_files(done: int, total: int) -> None:
    if done == total:
        print(f"read {total} files", file=sys.stderr)


@click.command()
@click.option("--style", type=click.Choice(sorted(recipes())), required=True, help="Which model to make.")
@click.option("--corpus", type=click.Path(path_type=Path, exists=True), help="Folder of its music, or a corpus file.")
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), help="Of learning, other than the recipe's.")
@click.option(
    "--count", type=click.IntRange(min=2), default=200, show_default=True, help="Pieces judged of each set."
)
@click.option("--fresh", is_flag=True, help="Train anew, as after a change of settings or of Triad itself.")
@click.option("--work", type=click.Path(path_type=Path), default=Path("build/styles"), show_default=True)
@click.option("--shelf", type=click.Path(path_type=Path), default=SHIPPED, help="Where models that ship lie.")
def main(
    style: str, corpus: Path | None, minutes: float | None, count: int, fresh: bool, work: Path, shelf: Path
) -> None:
    """Train, judge and pack the model of a style, with its card."""
    recipe = recipes()[style]
    if minutes is not None:
        recipe = recipe.model_copy(update={"minutes": minutes})
    try:
        folder = build(style, recipe, corpus, work=work.absolute(), shelf=shelf, count=count, fresh=fresh)
    except TriadError as error:
        raise click.ClickException(str(error)) from None
    size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    print(f"{folder}: {size:.2f} MB")


if __name__ == "__main__":
    main()
