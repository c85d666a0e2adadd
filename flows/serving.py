"""What a served composer answers: a MIDI file and the score it was arranged from, as plain JSON."""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path

from pydantic import BaseModel, Field

from composer.export import write_midi
from composer.score import ONSET, REST, Score
from composer.theory import METERS, chord_name
from flows.composing import Model, compose_and_arrange
from flows.requests import Request


class Note(BaseModel):
    """A melody note; the clock is the sixteenth."""

    start: int
    length: int
    pitch: int = Field(description="MIDI pitch as it sounds.")


class Written(BaseModel):
    """A score in plain figures."""

    key: str
    meter: str
    tempo: float
    bars: int
    steps: int = Field(description="Length in sixteenths.")
    chords: list[str] = Field(description="Chord symbol of every beat.")
    melody: list[Note]


class Piece(BaseModel):
    """The answer to one request."""

    midi: str = Field(description="A Standard MIDI File of several tracks in base 64.")
    score: Written
    style: str = Field(description="Of the music the model learned.")
    arrangement: str = Field(description="How the piece is set for instruments.")
    seed: int
    policy: str
    model: str = Field(description="Digest of the model that wrote it.")


def answer(model: Model, request: Request) -> Piece:
    """Compose what is asked for; the same request gives the same piece."""
    score, arrangement, asked = compose_and_arrange(model, request)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "piece.mid"
        write_midi(arrangement, path)
        midi = base64.b64encode(path.read_bytes()).decode("ascii")
    return Piece(
        midi=midi,
        score=written(score, asked["key"]),
        style=model.style,
        arrangement=model.arrangement,
        seed=asked["seed"],
        policy=asked["policy"],
        model=model.digest,
    )


def written(score: Score, key: str) -> Written:
    """The first piece of ``score`` in plain figures, as it sounds."""
    meter, shift = METERS[int(score.meter[0])], int(score.transposition[0])
    steps = int(score.steps[0])
    melody: list[Note] = []
    for step, (action, pitch) in enumerate(
        zip(score.action()[0, :steps].tolist(), score.pitch[0, :steps].tolist(), strict=True)
    ):
        if action == ONSET:
            melody.append(Note(start=step, length=1, pitch=pitch + shift))
        elif action != REST and melody:
            melody[-1].length += 1
    return Written(
        key=key,
        meter=meter.name,
        tempo=round(float(score.tempo[0]), 3),
        bars=int(score.bars[0]),
        steps=steps,
        chords=[chord_name(code, shift) for code in score.chord[0, : int(score.beats[0])].tolist()],
        melody=melody,
    )
