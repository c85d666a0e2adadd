"""A melody bettered by few changes, written down with the reasons."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agents.improving import improve
from agents.partner import complete
from composer.arrangement import Arrangement, arrange
from composer.corpus.melody_file import read_melody
from composer.score import Score
from composer.score_file import score_to_json
from flows.composing import Model, Work, said_of, write_works
from flows.partner import read_source, trio_of
from flows.partnering import for_melody


def write_improvement(
    model: Model, file: Path, track: str | None, changes: int, seed: int, output: Path
) -> dict[str, Any]:
    """Better the melody in a file by at most ``changes`` notes.

    Returns:
        the reward a bar before and after, the changes, each in words too, and the files.

    Raises:
        TriadError: if the file holds no melody, or nothing can be written.
    """
    trio = trio_of(model)
    score, kept = _piece(model, file, track, seed)
    found = improve(trio, score, changes)
    request = {
        **{"command": "improve", "file": file.name, "track": track, "changes": changes, "seed": seed},
        **{"title": f"{file.stem}, improved", "keep_melody": kept},
    }
    told = [
        {field: getattr(change, field) for field in change.__dataclass_fields__} | {"why": dict(change.why)}
        for change in found.changes
    ]
    facts = {
        **said_of(model, model.arrangement),
        "request": request,
        "original": score_to_json(score),
        "before": found.before,
        "after": found.after,
        "changes": told,
    }
    [piece] = write_works(
        [Work("improved", found.score, arranged(found.score, model.arrangement, request), facts)],
        output,
        count=1,
        formats=("mid",),
    )
    return {
        "before": found.before,
        "after": found.after,
        "changes": told,
        "words": [str(change) for change in found.changes] or ["no change raises the score"],
        "files": list(piece["files"].values()),
    }


def arranged(score: Score, instruments: str, request: Mapping[str, Any]) -> Arrangement:
    """A bettered piece set for instruments, as its request says."""
    return arrange(
        score,
        0,
        style=instruments,
        seed=request["seed"],
        title=request["title"],
        keep_melody=request["keep_melody"],
    )


def _piece(model: Model, file: Path, track: str | None, seed: int) -> tuple[Score, bool]:
    """The piece, harmonized where it has no chords, and whether its octave is to be kept."""
    if file.suffix.lower() == ".json":
        source = read_source(file)
        return source.score, source.midi
    trio = trio_of(model)
    melody = read_melody(file, track=track).score
    return complete(trio, for_melody(trio, melody, seed), seed=seed).score, True
