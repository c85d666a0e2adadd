"""A piece of a score as a JSON object, exactly: what a saved piece is gone on from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from composer.errors import TriadError
from composer.plan import WIDTH
from composer.score import CELL_CODES, Score
from composer.theory import CHORD_CODES, METER_INDEX, METERS, MODE_INDEX, MODES

_VERSION = 1
_ROWS = ("chord", "cell", "groove", "pitch")
_BEYOND = {"chord": CHORD_CODES, "cell": CELL_CODES, "groove": 1 << 12, "pitch": 128}


class ScoreFileError(TriadError):
    """A JSON object that holds no score."""


def score_to_json(score: Score, piece: int = 0) -> dict[str, Any]:
    """One piece as a JSON object of short strings; :func:`score_from_json` reads it back."""
    beats, steps, bars = int(score.beats[piece]), int(score.steps[piece]), int(score.bars[piece])
    length = {"pitch": steps}
    rows = {name: getattr(score, name)[piece, : length.get(name, beats)].tolist() for name in _ROWS}
    return {
        "version": _VERSION,
        "meter": METERS[int(score.meter[piece])].name,
        "mode": MODES[int(score.mode[piece])].name,
        "tonic": int(score.tonic[piece]),
        "tempo": float(score.tempo[piece]),
        "bars": bars,
        **{name: " ".join(map(str, row)) for name, row in rows.items()},
        "plan": [" ".join(map(str, row)) for row in score.plan[piece, :bars].tolist()],
    }


def score_from_json(data: Mapping[str, Any], where: str) -> Score:
    """The piece a JSON object holds.

    Args:
        data: of :func:`score_to_json`.
        where: what it was read from, for messages.

    Raises:
        ScoreFileError: naming the entry that is missing, damaged or of another length.
    """
    try:
        if data["version"] != _VERSION:
            raise ScoreFileError(
                f"{where} holds a score of version {data['version']}, not {_VERSION}: compose it anew"
            )
        meter, mode = METER_INDEX[data["meter"]], MODE_INDEX[data["mode"]]
        bars, tonic, tempo = int(data["bars"]), int(data["tonic"]), float(data["tempo"])
        rows = {name: [int(word) for word in data[name].split()] for name in _ROWS}
        plan = [[int(word) for word in row.split()] for row in data["plan"]]
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise ScoreFileError(f"the score in {where} lacks or damages {error}: compose the piece anew") from None
    metre = METERS[meter]
    lengths = dict.fromkeys(_ROWS, bars * metre.beats) | {"pitch": bars * metre.bar_steps}
    for name, row in rows.items():
        if len(row) != lengths[name] or not all(0 <= value < _BEYOND[name] for value in row):
            raise ScoreFileError(f"the score in {where}: {name} must hold {lengths[name]} numbers: compose it anew")
    if bars < 1 or not 0 <= tonic < 12 or len(plan) != bars or any(len(row) != WIDTH for row in plan):
        raise ScoreFileError(f"the score in {where} does not hold {bars} planned bars: compose the piece anew")
    return Score(
        **{name: torch.tensor([row], dtype=torch.int16) for name, row in rows.items()},
        meter=torch.tensor([meter]),
        mode=torch.tensor([mode]),
        bars=torch.tensor([bars]),
        tonic=torch.tensor([tonic]),
        tempo=torch.tensor([tempo]),
        plan=torch.tensor([plan], dtype=torch.uint8),
    )
