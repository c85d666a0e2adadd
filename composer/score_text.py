"""A piece as text, for terminals, tests and bug reports."""

from __future__ import annotations

from composer.groove import Groove
from composer.plan import CADENCES, INDEX, SECTIONS
from composer.score import CELL_STEPS, ONSET, Score
from composer.theory import METERS, Key, chord_name, pitch_name
from composer.vocabulary import Cell


def describe(score: Score, piece: int = 0) -> str:
    """One piece as text: a heading, then a line for every bar with its chords, rhythm cells and pitches.

    Chords and pitches are named as they sound, after transposition to the piece's key. Where the form is planned, a
    line before each phrase says its section, length and cadence. Behind the cells stands the groove of an accompanied
    piece: ``b`` the bass, ``u`` the upper voices, ``x`` both.
    """
    meter = METERS[int(score.meter[piece])]
    key = Key(int(score.tonic[piece]), int(score.mode[piece]))
    shift = int(score.transposition[piece])
    bars = int(score.bars[piece])
    lines = [f"{key.name}, {meter.name}, {bars} bars, {float(score.tempo[piece]):g} quarter notes a minute"]
    accompanied = bool(score.accompanied[piece])
    for bar in range(bars):
        lines += _phrase(score.plan[piece, bar].tolist())
        chords, cells, grooves, pitches = [], [], [], []
        for beat in range(bar * meter.beats, (bar + 1) * meter.beats):
            code, cell = int(score.chord[piece, beat]), int(score.cell[piece, beat])
            same = beat % meter.beats > 0 and code == int(score.chord[piece, beat - 1])
            chords.append("/" if same else chord_name(code, shift))
            cells.append(Cell(meter.beat_steps, cell).pattern)
            grooves.append(Groove(meter.beat_steps, int(score.groove[piece, beat])).pattern)
            first_step = beat * meter.beat_steps
            for step in range(meter.beat_steps):
                if int(CELL_STEPS[cell, step]) == ONSET:
                    pitch = int(score.pitch[piece, first_step + step])
                    pitches.append(pitch_name(pitch + shift) if pitch else "?")
        rhythm = "  ".join("|".join(row) for row in ((cells, grooves) if accompanied else (cells,)))
        lines.append(f"{bar + 1:4}  {' '.join(chords):24} {rhythm}  {' '.join(pitches)}".rstrip())
    return "\n".join(lines)


def _phrase(plan: list[int]) -> list[str]:
    """A heading where the plan of a bar (:data:`composer.plan.COLUMNS`) begins a phrase."""
    section, bars, cadence = (plan[INDEX[name]] for name in ("section", "bars to the phrase's end", "cadence"))
    if plan[INDEX["bar of the phrase"]] != 1 or not section:
        return []
    closes = f", {CADENCES[cadence - 1]} cadence" if cadence > 1 + CADENCES.index("none") else ""
    return [f"{SECTIONS[section - 1]}: {bars} bars{closes}"]
