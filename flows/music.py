"""The music a model is measured by: what it learned from, and what was kept out of its training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from composer.corpus import Corpus
from flows.composing import Model
from flows.errors import FlowError
from flows.home import Home
from flows.stages import HELD_OUT, read_corpus


@dataclass(frozen=True, slots=True)
class Music:
    """Two corpora that share no piece.

    Attributes:
        training: what the model learned from.
        held_out: what it never saw.
        digest: names the corpus it learned from.
    """

    training: Corpus
    held_out: Corpus
    digest: str


def music_of(model: Model, home: Home, corpus: Path | None = None, held_out: Path | None = None) -> Music:
    """The music ``model`` learned from and the music to measure it by.

    Args:
        model: with a trio.
        home: where the corpora it knows are cached.
        corpus: the one it learned from, where it is kept elsewhere: a folder or a corpus file.
        held_out: music it never saw, a folder or a corpus file; else the tenth of the corpus kept out of training.

    Raises:
        FlowError: if the corpus is not there any more, or another one is given.
    """
    known = model.provenance
    kept = home.corpora / str(known.get("corpus_file", ""))
    if corpus is None and not kept.is_file():
        raise FlowError(
            f"the corpus {known.get('corpus_source')} that {model.source} learned from is not in {home.corpora}: "
            "give it with --corpus"
        )
    found = read_corpus(corpus or kept, model.style, home)
    # What is held out of another corpus may be what the model learned.
    if held_out is None and found.digest != known.get("corpus_digest"):
        raise FlowError(
            f"{found.source} holds the corpus {found.digest}, but the model learned from "
            f"{known.get('corpus_digest')}: give that one, or music it never saw with --held-out"
        )
    whole = Corpus.load(Path(found.path))
    if held_out is None:
        training, apart = whole.split(HELD_OUT)
        return Music(training, apart, found.digest)
    return Music(whole, Corpus.load(Path(read_corpus(held_out, None, home).path)), found.digest)
