from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import mido

from flows.composing import Model
from flows.requests import Request
from flows.serving import answer


def test_an_answer_is_a_midi_file_and_its_score(trained: Path) -> None:
    model = Model.load(trained / "models" / "tunes" / "model")
    piece = answer(model, Request(key="A minor", bars=4, seed=2))
    assert answer(model, Request(key="A minor", bars=4, seed=2)) == piece
    assert (piece.style, piece.arrangement) == ("tunes", "pop")
    file = mido.MidiFile(file=io.BytesIO(base64.b64decode(piece.midi)))
    melody = next(track for track in file.tracks if track.name == "Melody")
    struck = [message.note for message in melody if message.type == "note_on"]
    assert len(struck) == len(piece.score.melody)
    assert (piece.score.key, piece.score.meter, piece.score.steps) == ("A minor", "4/4", 64)
    assert len(piece.score.chords) == 16
    ends = [note.start + note.length for note in piece.score.melody]
    assert all(end <= after.start for end, after in zip(ends, piece.score.melody[1:], strict=False))
    assert ends[-1] <= 64
    json.loads(piece.model_dump_json())
