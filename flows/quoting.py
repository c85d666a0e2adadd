"""Which music a piece quotes, and for how many notes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agents.originality import limit, longest_copies
from composer.corpus import Corpus
from composer.evaluation.statistics import longest_runs
from composer.score import Score
from flows.composing import Model
from flows.home import Home
from flows.partner import trio_of
from flows.stages import read_corpus


def nearest_in(score: Score, source: Path, home: Home) -> dict[str, Any]:
    """The longest run of notes one piece shares with a piece of a corpus, in any key, and which that is.

    Args:
        score: one piece.
        source: a folder of MIDI files, or a corpus file.
        home: where corpora are cached.

    Raises:
        TriadError: if there is no music.
    """
    corpus = Corpus.load(Path(read_corpus(source, None, home).path))
    rows = list(range(len(corpus)))
    longest = int(longest_runs(score, corpus.scores)[0])
    # The half that has the whole run has the piece that has it.
    while len(rows) > 1:
        half = rows[: len(rows) // 2]
        rows = half if int(longest_runs(score, corpus.scores.select(half))[0]) == longest else rows[len(half) :]
    name = corpus.names[rows[0]] if longest else None
    words = f"{longest} notes in a row stand in {name}" if longest else "no two notes stand in a row anywhere"
    return {"longest_run": longest, "piece": name, "pieces": len(corpus), "words": words}


def remembered(score: Score, model: Model) -> dict[str, Any]:
    """The longest run of notes of one piece that a model remembers of what it learned from."""
    trio = trio_of(model)
    run, most = int(longest_copies(trio, score)[0]), limit(trio)
    said = f"{run} notes in a row stand in the music of {model.style}, at most" if run else "nothing is remembered"
    verdict = "a quotation: compare with --corpus" if run > most else f"no quotation (limit {most})"
    return {"longest_run": run, "limit": most, "words": f"{said}: {verdict}"}
