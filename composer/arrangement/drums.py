"""The drums: the style's bars or a drummer's, a fill where a phrase ends, a crash where one begins, a last stroke."""

from __future__ import annotations

import random
from collections.abc import Mapping

from composer.arrangement.drummer import Stroke, play_grooves
from composer.arrangement.dynamics import rise, velocity
from composer.arrangement.grooves import Feel, groove_bank
from composer.arrangement.kit import DRUMS
from composer.arrangement.model import STEP_TICKS, Note
from composer.arrangement.patterns import ACCENTS, HOLD, REST, level_of, read_pattern
from composer.arrangement.piece import Piece
from composer.arrangement.style import LEARNED_METER, DrumsConfig

CRASH_ENERGY = 0.55  # a calm first phrase begins without a crash
CRASH_ACCENT = 8.0
_YIELDS_TO_CRASH = frozenset({"hat", "open", "ride", "bell", "shaker", "tambourine"})


def write_drums(
    piece: Piece, track: DrumsConfig, feel: Feel, generator: random.Random, *, human: bool = False
) -> list[Note]:
    """All strokes in ticks; each lasts a sixteenth, the crash and the last stroke to the end of their bar.

    Args:
        piece: the piece.
        track: the kit, and its bars or the family whose drummer plays.
        feel: whether that drummer's beats divide in two or three.
        generator: draws his grooves.
        human: whether strokes lie where he played them rather than on the grid.
    """
    bar_steps = piece.meter.bar_steps
    learned = bool(track.family) and piece.meter.name == LEARNED_METER
    if learned:
        bars = play_grooves(piece, groove_bank().families[track.family], feel, generator)
    else:
        bars = _written(piece, track)
    notes: list[Note] = []
    for bar, strokes in enumerate(bars):
        start = bar * bar_steps
        phrase = piece.phrase_at(start)
        if phrase.energy < track.enter:
            continue
        crash = bar == phrase.start and phrase.opens and bool(track.crash)
        crash = crash and (bar > 0 or phrase.energy >= CRASH_ENERGY)
        for stroke in strokes:
            step = start + stroke.step
            if step >= piece.ending or (crash and stroke.step == 0 and stroke.drum in _YIELDS_TO_CRASH):
                continue
            late = round(stroke.late * STEP_TICKS) if human else 0
            # A drummer's strokes have their accents already.
            loud = rise(track.velocity + stroke.accent, piece, step) if learned else None
            notes.append(_note(piece, track, stroke.drum, step, 1, stroke.accent, late, loud))
        if crash and start < piece.ending:
            notes.append(_note(piece, track, track.crash, start, bar_steps, CRASH_ACCENT))
    if piece.phrases[-1].energy >= track.enter:
        last = ("kick", track.crash) if track.crash else ("kick",)
        rest = piece.steps - piece.ending
        notes += [_note(piece, track, drum, piece.ending, rest, CRASH_ACCENT) for drum in last]
    return notes


def _written(piece: Piece, track: DrumsConfig) -> list[list[Stroke]]:
    """The style's own bars: a groove by energy, the fill where a phrase ends."""
    bar_steps = piece.meter.bar_steps
    grooves, fills = track.grooves[piece.meter.name], track.fills[piece.meter.name]
    bars = []
    for bar in range(piece.bars):
        phrase = piece.phrase_at(bar * bar_steps)
        choice = fills if bar == phrase.end - 1 and bar < piece.bars - 1 else grooves
        lines: Mapping[str, str] = choice[level_of(phrase.energy, len(choice))]
        bars.append(
            [
                Stroke(drum, step, ACCENTS.get(sign, 0))
                for drum, line in lines.items()
                for step, sign in enumerate(read_pattern(line, "drums", bar_steps))
                if sign not in (HOLD, REST)
            ]
        )
    return bars


def _note(
    piece: Piece,
    track: DrumsConfig,
    drum: str,
    step: int,
    steps: int,
    accent: float,
    late: int = 0,
    loud: int | None = None,
) -> Note:
    if loud is None:
        loud = velocity(track.velocity, piece, step, accent)
    return Note(step * STEP_TICKS + late, (step + steps) * STEP_TICKS + late, DRUMS[drum], loud)
