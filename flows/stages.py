"""What the pipeline does, as plain functions: read a corpus, train, judge. Knows no Prefect and no MLflow.

Stages hand each other folders, files and plain values, never tensors, so that each can run in a process of its own
and a workflow engine can keep its inputs and outputs.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from agents.config import TrainConfig
from agents.records import Record
from agents.training import train
from composer.corpus import Corpus, bundled_corpus, cached_corpus
from composer.environment import Conditions, follow
from composer.evaluation import Comparison, compare
from composer.rewards import RewardWeights
from composer.score import Score
from composer.theory import METERS, Key
from composer.vocabulary import Vocabulary
from flows.composing import Model
from flows.errors import FlowError
from flows.files import unwritable
from flows.home import Home
from flows.revision import revision, triad_version
from flows.styles import DEFAULT_STYLE, arrangement_for, style_of_folder

HELD_OUT = 0.1
POLICIES: tuple[Literal["agents", "prior", "random"], ...] = ("agents", "prior", "random")

# Settings that say when to stop and how often to save: a run may go on with others, so they do not name it.
_NOT_IN_NAME = ("steps", "minutes", "checkpoint_every", "device")

torch.set_num_threads(1)


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """A corpus on disk and what is said about it.

    Attributes:
        path: the corpus file.
        style: the name of the music.
        source: the folder or file it was read from.
        digest: of its content.
        pieces: number of pieces.
        bars: their length together.
        summary: lines for a reader: what was used and dropped and why.
        typical: key, metre and tempo that stand for it, as a request's defaults.
    """

    path: str
    style: str
    source: str
    digest: str
    pieces: int
    bars: int
    summary: tuple[str, ...]
    typical: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """A JSON object; :meth:`from_json` reads it back."""
        return {**asdict(self), "summary": list(self.summary)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CorpusFile:
        """The corpus a JSON object describes."""
        return cls(**{**data, "summary": tuple(data["summary"])})


def read_corpus(
    source: Path | None,
    style: str | None,
    home: Home,
    progress: Callable[[int, int], None] | None = None,
) -> CorpusFile:
    """Read a folder of MIDI files, or a corpus file, or the music that comes with Triad.

    Args:
        source: a folder or a corpus file; None for the bundled music.
        style: how the music is called; for the bundled music, which of it. By default named after the folder.
        home: where corpora are cached.
        progress: called with the number of files read and their total.

    Raises:
        CorpusError: if there is nothing to learn from.
    """
    if source is not None and source.is_file():
        corpus, path = Corpus.load(source), source
        summary = [f"{len(corpus)} pieces, {int(corpus.scores.bars.sum())} bars"]
    else:
        folder = bundled_corpus(style or DEFAULT_STYLE) if source is None else source
        try:
            corpus, report, path = cached_corpus(folder, home.corpora, progress=progress)
        except OSError as error:
            raise unwritable(home.corpora, error) from None
        summary = report.summary()
    return CorpusFile(
        path=str(path.absolute()),
        style=style or (style_of_folder(source) if source else DEFAULT_STYLE),
        source=str((source or folder).absolute()),
        digest=corpus.digest,
        pieces=len(corpus),
        bars=int(corpus.scores.bars.sum()),
        summary=tuple(summary),
        typical=typical_request(corpus.scores),
    )


def typical_request(scores: Score) -> dict[str, Any]:
    """The most frequent metre and, among the pieces in it, the most frequent key and the middle tempo."""
    meter = Counter(scores.meter.tolist()).most_common(1)[0][0]
    rows = [row for row, index in enumerate(scores.meter.tolist()) if index == meter]
    keys = Counter((scores.tonic[row].item(), scores.mode[row].item()) for row in rows)
    tonic, mode = keys.most_common(1)[0][0]
    tempo = scores.tempo[rows].median().item()
    return {"meter": METERS[meter].name, "key": Key(int(tonic), int(mode)).name, "tempo": round(tempo, 1)}


def training_folder(home: Home, corpus: CorpusFile, config: TrainConfig) -> Path:
    """Where a training run lives that was given no folder: same music, settings and seed, same folder."""
    settings = {name: value for name, value in config.to_json().items() if name not in _NOT_IN_NAME}
    return home.models / f"{corpus.style}-seed{config.seed}-{short_digest([corpus.digest, settings])}"


def short_digest(data: object) -> str:
    """Eight hexadecimal digits that name a JSON value."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:8]


def train_model(
    corpus: CorpusFile,
    config: TrainConfig,
    folder: Path,
    *,
    fresh: bool = False,
    on_record: Callable[[Record], None] = lambda record: None,
) -> Path:
    """Train on the training part of ``corpus``, going on from a checkpoint in ``folder`` where there is one.

    Args:
        corpus: the music; a tenth of its pieces is kept out, to judge by.
        config: how to learn and when to stop.
        folder: of this run.
        fresh: begin anew even where there is a checkpoint.
        on_record: is handed every record before the next checkpoint is written.

    Returns:
        the folder of the finished model.

    Raises:
        TriadError: if the corpus is too small, or ``folder`` holds a checkpoint of something else.
    """
    training, _ = Corpus.load(Path(corpus.path)).split(HELD_OUT)
    for record in train(training, config, folder, resume=not fresh, provenance=provenance(corpus)):
        on_record(record)
    return folder / "model"


def provenance(corpus: CorpusFile) -> dict[str, Any]:
    """What a model says of where it comes from."""
    commit, clean = revision()
    return {
        "style": corpus.style,
        "arrangement": arrangement_for(corpus.style),
        "typical": corpus.typical,
        "corpus_source": Path(corpus.source).name,
        "corpus_file": Path(corpus.path).name,
        "corpus_digest": corpus.digest,
        "commit": commit,
        "clean": clean,
        "version": triad_version(),
    }


def share_done(record: Record, config: TrainConfig) -> float:
    """How much of the learning is done, 0..1, by a record of the trio."""
    shares = [
        record.metrics["steps"] / config.steps if config.steps else 0.0,
        record.metrics["seconds"] / (60 * config.minutes) if config.minutes else 0.0,
    ]
    return min(max(shares), 1.0)


def judge_model(
    model: Model, home: Home, *, corpus: Path | None = None, count: int = 200, seed: int = 0
) -> tuple[Comparison, CorpusFile]:
    """Judge a model's pieces beside its prior's, random ones and real ones, all against music kept out of training.

    Args:
        model: to judge.
        home: where the corpus it learned from is cached.
        corpus: that corpus, where it is kept elsewhere: a folder or a corpus file.
        count: pieces of each set; also the most real ones.
        seed: of all draws.

    Raises:
        FlowError: if the corpus is not there any more, or another one is given.
    """
    if model.trio is None:
        raise FlowError("there is no model to judge")
    known = model.provenance
    kept = home.corpora / str(known.get("corpus_file", ""))
    if corpus is None and not kept.is_file():
        raise FlowError(
            f"the corpus {known.get('corpus_source')} ({known.get('corpus_digest')}) that {model.source} learned "
            f"from is not in {home.corpora}: give it with --corpus"
        )
    found = read_corpus(corpus or kept, model.style, home)
    if found.digest != known.get("corpus_digest"):
        raise FlowError(
            f"{found.source} holds the corpus {found.digest}, but the model learned from "
            f"{known.get('corpus_digest')}: give that one, for other music may not have been kept out of training"
        )
    training, held_out = Corpus.load(Path(found.path)).split(HELD_OUT)
    config = model.trio.config
    vocabulary = model.trio.vocabulary
    real, learned = (sayable(part, vocabulary, config.bars) for part in (held_out, training))
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randint(len(real), (count,), generator=generator)
    conditions = Conditions.of(real).select(rows)
    sets: dict[str, Score] = {policy: model.trio.compose(conditions, policy=policy, seed=seed) for policy in POLICIES}
    comparison = compare(
        sets,
        held_out=real,
        training=learned,
        reference=model.trio.reference,
        seed=seed,
        weights=RewardWeights(terms=config.rewards),
    )
    return comparison, found


def sayable(corpus: Corpus, vocabulary: Vocabulary, bars: int) -> Score:
    """The excerpts of a corpus as a vocabulary can say them: like is compared with like.

    Raises:
        CorpusError: if no piece is long enough, or none is in a metre the vocabulary has rhythm cells for.
    """
    meters = [METERS[index].name for index in vocabulary.meters()]
    score, _ = follow(vocabulary, corpus.of_meters(meters).excerpts(bars))
    return score


def verdict(comparison: Comparison) -> str:
    """One line on how the agents fare: overlap with real music (0..1) and reward a bar (0 as real music)."""
    found = figures(comparison)
    said = {
        name: f"{found.get(f'{short}/overlap', math.nan):.2f} / {found.get(f'{short}/reward', math.nan):+.2f}"
        for name, short in ((name, name.replace(" ", "_")) for name in comparison.evaluations)
    }
    better = found.get("agents/reward", 0.0) > found.get("prior/reward", 0.0)
    start = "The agents beat their prior" if better else "The agents do not beat their prior"
    others = ", ".join(f"{name} {figure}" for name, figure in said.items() if name != "agents")
    return f"{start}: overlap with real music / reward a bar {said['agents']} ({others})"


def figures(comparison: Comparison) -> dict[str, float]:
    """The figures a tracker keeps, by ``<set>/<figure>``; the report holds the rest."""
    found: dict[str, float | None] = {}
    for name, evaluation in comparison.evaluations.items():
        short = name.replace(" ", "_")
        found[f"{short}/overlap"] = evaluation.overlap
        found |= {f"{short}/overlap_{group}": value for group, value in evaluation.overlap_by_group.items()}
        found |= {f"{short}/reward_{agent}": estimate.mean for agent, estimate in evaluation.reward.items()}
        found[f"{short}/reward"] = sum(estimate.mean or 0.0 for estimate in evaluation.reward.values())
        found[f"{short}/distinct"] = evaluation.diversity.distinct
        found[f"{short}/nearest"] = evaluation.diversity.nearest
        found[f"{short}/copied_run"] = evaluation.copying.longest
    return {name: float(value) for name, value in found.items() if value is not None}
