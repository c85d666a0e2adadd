"""Accompanying chords: voiced and led over the whole piece, then struck by pattern; also single voices of a choir."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from composer.arrangement.dynamics import velocity
from composer.arrangement.model import STEP_TICKS, Note
from composer.arrangement.patterns import ACCENTS, HOLD, REST
from composer.arrangement.piece import Piece
from composer.arrangement.signs import comping_signs, pattern_signs
from composer.arrangement.style import CompingConfig, VoiceConfig
from composer.arrangement.voicing import Frame, lead_voices


def voice_harmonies(
    piece: Piece,
    ranges: Sequence[tuple[int, int]],
    bass: Sequence[Note],
    melody: Sequence[Note],
    *,
    choir: bool = False,
) -> list[tuple[int, ...]]:
    """A voicing for each harmony, above the bass and below the melody that sound with it.

    Args:
        piece: for its harmonies.
        ranges: lowest and highest pitch of each voice, the lowest voice first.
        bass: that part as written, sorted by start.
        melody: likewise.
        choir: whether bass and melody are voices like these, with which parallels are avoided.
    """
    frames = []
    low, high = _Window(bass), _Window(melody)
    for harmony in piece.harmonies:
        start, end = harmony.start * STEP_TICKS, harmony.end * STEP_TICKS
        under, over = low.pitches(start, end), high.pitches(start, end)
        outer = ((under or [0])[0], (over or [127])[0]) if choir else ()
        frames.append(Frame(harmony.code, max(under, default=0), min(over, default=127), outer))
    return lead_voices(frames, ranges)


class _Window:
    """The notes of a line that sound in spans asked for in order of time."""

    def __init__(self, notes: Sequence[Note]) -> None:
        self._notes = notes
        self._first = 0

    def pitches(self, start: int, end: int) -> list[int]:
        while self._first < len(self._notes) and self._notes[self._first].end <= start:
            self._first += 1
        found = []
        for note in self._notes[self._first :]:
            if note.start >= end:
                break
            found.append(note.pitch)
        return found


@dataclass(frozen=True, slots=True)
class _Stroke:
    start: int
    sign: str
    fresh: bool  # the first of its harmony


def write_voices(piece: Piece, track: CompingConfig | VoiceConfig, voicings: Sequence[tuple[int, ...]]) -> list[Note]:
    """The strokes of ``track`` on the voices it plays.

    Args:
        piece: the piece.
        track: its patterns and manner.
        voicings: for each harmony the pitches this track plays, the lowest first.
    """
    if piece.strokes and isinstance(track, CompingConfig) and track.groove is not None:
        signs = comping_signs(piece, track.groove, track.voices)
    else:
        signs = pattern_signs(piece, track.patterns, "comping")
    ring = isinstance(track, CompingConfig) and track.ring
    notes: list[Note] = []
    tied: dict[int, int] = {}  # pitch -> index of the note that sounds up to now
    for harmony, voicing in zip(piece.harmonies, voicings, strict=True):
        strokes = _strokes(piece, track, signs, harmony.start, harmony.end)
        ends = [*(stroke.start for stroke in strokes[1:]), harmony.end]
        carried, tied = tied, {}
        for place, (stroke, end) in enumerate(zip(strokes, ends, strict=True)):
            if stroke.sign == REST:
                continue
            single = stroke.sign in "123456"
            voices = [min(int(stroke.sign), len(voicing)) - 1] if single else range(len(voicing))
            for voice in voices:
                pitch = voicing[voice]
                if ring:
                    end = _rings_until(strokes[place + 1 :], voice, len(voicing), harmony.end)
                held = carried.get(pitch) if stroke.sign == HOLD and track.tie else None
                loud = velocity(track.velocity, piece, stroke.start, ACCENTS.get(stroke.sign, 0))
                if held is not None:
                    before = notes[held]
                    notes[held] = Note(before.start, end * STEP_TICKS, pitch, before.velocity)
                    index = held
                else:
                    index = len(notes)
                    notes.append(Note(stroke.start * STEP_TICKS, end * STEP_TICKS, pitch, loud))
                if end == harmony.end:
                    tied[pitch] = index
    return notes


def _strokes(
    piece: Piece, track: CompingConfig | VoiceConfig, signs: list[str], start: int, end: int
) -> list[_Stroke]:
    """What changes inside a harmony. A hold at its first step is a chord that must be struck anew or tied."""
    strokes: list[_Stroke] = []
    for step in range(start, end):
        sign = signs[step]
        if piece.phrase_at(step).energy < track.enter:
            sign = REST
        elif step >= piece.ending:
            sign = "x" if step == piece.ending else HOLD
        if sign != HOLD or step == start:
            strokes.append(_Stroke(step, sign, step == start))
    return strokes


def _rings_until(later: Sequence[_Stroke], voice: int, voices: int, end: int) -> int:
    """The step at which a voice is struck again, alone or with all, or silenced."""
    again = (
        stroke.start for stroke in later if not stroke.sign.isdigit() or min(int(stroke.sign), voices) - 1 == voice
    )
    return next(again, end)
