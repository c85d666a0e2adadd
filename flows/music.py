"""Real music to measure a model by: what it learned from, and what was kept out of its training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from agents.training import planned
from composer.corpus import Corpus
from composer.environment import Conditions
from composer.score import Score
from composer.theory import METERS
from composer.vocabulary import Vocabulary
from flows.composing import Model
from flows.errors import FlowError
from flows.home import Home
from flows.stages import HELD_OUT, CorpusFile, read_corpus


@dataclass(frozen=True, slots=True)
class Music:
    """Two corpora that share no piece.

    Attributes:
        file: the corpus the model learned from, as it lies on disk.
        training: the part of it that was learned from.
        held_out: what the model never saw.
    """

    file: CorpusFile
    training: Corpus
    held_out: Corpus


@dataclass(frozen=True, slots=True)
class Excerpts:
    """Excerpts of real pieces as a vocabulary can say them, with their plans: like is compared with like.

    Attributes:
        score: (E,) the excerpts.
        songs: (E,) the piece of the corpus each was cut from.
    """

    score: Score
    songs: tuple[int, ...]

    @classmethod
    def of(cls, corpus: Corpus, vocabulary: Vocabulary, bars: int) -> Excerpts:
        """The excerpts of ``bars`` bars in the metres the vocabulary knows.

        Raises:
            CorpusError: if no piece is long enough, or none is in such a metre.
        """
        known = corpus.of_meters([METERS[index].name for index in vocabulary.meters()])
        return cls(planned(vocabulary, known.excerpts(bars)), tuple(known.excerpt_rows(bars).tolist()))


def draw_conditions(training: Score, count: int, random: torch.Generator) -> Conditions:
    """What ``count`` pieces to measure are written under: as pieces that were learned from, their plans included."""
    return Conditions.of(training).select(torch.randint(len(training), (count,), generator=random))


def music_of(model: Model, home: Home, corpus: Path | None = None, held_out: Path | None = None) -> Music:
    """The music ``model`` learned from, known by its digest, and the music to measure it by.

    Args:
        model: with a trio.
        home: where the corpora it knows are cached.
        corpus: the one it learned from, where it is kept elsewhere: a folder or a corpus file.
        held_out: music it never saw, a folder or a corpus file; else the tenth of the corpus kept out of training.

    Raises:
        FlowError: if the corpus is not there any more, another one is given, or there is nothing to measure it by.
    """
    known = model.provenance
    kept = home.corpora / str(known.get("corpus_file", ""))
    if corpus is None and not kept.is_file():
        raise FlowError(
            f"the corpus {known.get('corpus_source')} ({known.get('corpus_digest')}) that {model.source} learned "
            f"from is not in {home.corpora}: give it with --corpus"
        )
    found = read_corpus(corpus or kept, known.get("style"), home)
    whole = Corpus.load(Path(found.path))
    learned, kept_out = whole.split(HELD_OUT)
    if whole.digest == known.get("corpus"):
        learned = whole
    elif learned.digest != known.get("corpus"):
        raise FlowError(
            f"{found.source} holds the corpus {found.digest}, but the model learned from "
            f"{known.get('corpus_digest')}: give that one, for other music may not have been kept out of training"
        )
    wanted = known.get("held_out_digest")
    if held_out is not None:
        kept_out = Corpus.load(Path(read_corpus(held_out, None, home).path))
        if kept_out.digest in (whole.digest, learned.digest):
            raise FlowError(f"{held_out} is what {model.source} learned from: give music it does not know")
    elif learned is whole:
        but = f" and kept out the music {wanted}" if wanted else ""
        raise FlowError(
            f"{model.source} learned from all of {found.source}{but}: give music it does not know with --held-out"
        )
    if wanted is not None and kept_out.digest != wanted:
        raise FlowError(
            f"{held_out or found.source} holds the music {kept_out.digest}, but {model.source} kept out {wanted}: "
            "give that one with --held-out"
        )
    return Music(found, learned, kept_out)
