"""What the pipeline does, as plain functions: read a corpus and train; :mod:`flows.judging` judges.

Neither knows Prefect or MLflow.

Stages hand each other folders, files and plain values, never tensors, so that each can run in a process of its own
and a workflow engine can keep its inputs and outputs.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from agents.config import TrainConfig
from agents.records import Record
from agents.training import train
from composer.corpus import Corpus, bundled_corpus, cached_corpus
from composer.score import Score
from composer.theory import METERS, Key
from flows.errors import FlowError
from flows.files import unwritable
from flows.home import MODEL_FILE, Home, read_object
from flows.revision import revision, triad_version
from flows.styles import DEFAULT_STYLE, arrangement_for, style_of_folder

HELD_OUT = 0.1

# Settings that say when to stop and how often to save: a run may go on with others, so they do not name it.
_NOT_IN_NAME = ("steps", "minutes", "checkpoint_every", "restraint", "drafts", "theory", "device")

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


def training_folder(home: Home, corpus: CorpusFile, config: TrainConfig, held_out: CorpusFile | None = None) -> Path:
    """Where a training run lives that was given no folder: same music, settings and seed, same folder."""
    settings = {name: value for name, value in config.to_json().items() if name not in _NOT_IN_NAME}
    judged_by = held_out.digest if held_out else HELD_OUT
    return home.models / f"{corpus.style}-seed{config.seed}-{short_digest([corpus.digest, judged_by, settings])}"


def short_digest(data: object) -> str:
    """Eight hexadecimal digits that name a JSON value."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:8]


def train_model(
    corpus: CorpusFile,
    config: TrainConfig,
    folder: Path,
    *,
    held_out: CorpusFile | None = None,
    fresh: bool = False,
    on_record: Callable[[Record], None] = lambda record: None,
) -> Path:
    """Train on the training part of ``corpus``, going on from a checkpoint in ``folder`` where there is one.

    Args:
        corpus: the music.
        config: how to learn and when to stop.
        folder: of this run.
        held_out: the music to judge by; where there is none a tenth of ``corpus`` is kept out for that.
        fresh: begin anew even where there is a checkpoint.
        on_record: is handed every record before the next checkpoint is written.

    Returns:
        the folder of the finished model.

    Raises:
        TriadError: if the corpus is too small, or ``folder`` holds a checkpoint of something else.
    """
    training, _ = parted(corpus, held_out)
    for record in train(training, config, folder, resume=not fresh, provenance=provenance(corpus, held_out)):
        on_record(record)
    return folder / "model"


def finished(folder: Path, config: TrainConfig) -> bool:
    """Whether the training in ``folder`` left its model and has learned as long as ``config`` asks."""
    known = read_object(folder / "checkpoint" / "checkpoint.json")
    enough = (config.steps is not None and known.get("steps", 0) >= config.steps) or (
        config.minutes is not None and known.get("seconds", 0) >= 60 * config.minutes
    )
    return enough and (folder / "model" / MODEL_FILE).is_file()


def parted(corpus: CorpusFile, held_out: CorpusFile | None) -> tuple[Corpus, Corpus]:
    """The pieces to learn from and those to judge by: all of each, or of one corpus nine tenths and a tenth.

    Raises:
        CorpusError: if there are too few.
        FlowError: if a piece to judge by is in both.
    """
    whole = Corpus.load(Path(corpus.path))
    if held_out is None:
        return whole.split(HELD_OUT)
    apart = Corpus.load(Path(held_out.path))
    learned = dict(zip(_melodies(whole), whole.names, strict=True))
    common = [
        (name, learned[tune]) for tune, name in zip(_melodies(apart), apart.names, strict=True) if tune in learned
    ]
    if common:
        name, same = common[0]
        raise FlowError(
            f"{held_out.source} and {corpus.source} have {len(common)} pieces in common, the first is {name}, note "
            f"for note {same}: nothing can be judged by what was learned, so take them out of one of the two"
        )
    return whole, apart


def _melodies(corpus: Corpus) -> list[bytes]:
    """Every piece's rhythm and pitches without the padding; equal for the same melody in any key."""
    scores = corpus.scores
    return [
        scores.cell[row, :beats].numpy().tobytes() + scores.pitch[row, :steps].numpy().tobytes()
        for row, (beats, steps) in enumerate(zip(scores.beats.tolist(), scores.steps.tolist(), strict=True))
    ]


def provenance(corpus: CorpusFile, held_out: CorpusFile | None = None) -> dict[str, Any]:
    """What a model says of where it comes from; of what it is judged by only where that is a corpus of its own."""
    commit, clean = revision()
    judged_by = (
        {
            "held_out_source": Path(held_out.source).name,
            "held_out_file": Path(held_out.path).name,
            "held_out_digest": held_out.digest,
        }
        if held_out
        else {}
    )
    return {
        "style": corpus.style,
        "arrangement": arrangement_for(corpus.style),
        "typical": corpus.typical,
        "corpus_source": Path(corpus.source).name,
        "corpus_file": Path(corpus.path).name,
        "corpus_digest": corpus.digest,
        "corpus_pieces": corpus.pieces,
        **judged_by,
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
