"""The corpus room: a folder of MIDI files becomes scores to learn from. It knows no learner and no rewards."""

from composer.corpus.bundle import bundled_corpus
from composer.corpus.errors import CorpusError
from composer.corpus.piece import PieceMeta
from composer.corpus.reader import CorpusReport, Dropped, cached_corpus, read_corpus
from composer.corpus.store import Corpus

__all__ = [
    "Corpus",
    "CorpusError",
    "CorpusReport",
    "Dropped",
    "PieceMeta",
    "bundled_corpus",
    "cached_corpus",
    "read_corpus",
]
