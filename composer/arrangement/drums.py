"""The drums: a groove by energy, a fill where a phrase ends, a crash where one begins, one last stroke."""

from __future__ import annotations

from collections.abc import Mapping

from composer.arrangement.dynamics import velocity
from composer.arrangement.kit import DRUMS
from composer.arrangement.model import STEP_TICKS, Note
from composer.arrangement.patterns import ACCENTS, HOLD, REST, level_of, read_pattern
from composer.arrangement.piece import Piece
from composer.arrangement.style import DrumsConfig

CRASH_ENERGY = 0.55  # a calm first phrase begins without a crash
CRASH_ACCENT = 8.0
_YIELDS_TO_CRASH = frozenset({"hat", "open", "ride", "bell", "shaker", "tambourine"})


def write_drums(piece: Piece, track: DrumsConfig) -> list[Note]:
    """All strokes in ticks; each lasts a sixteenth, the crash and the last stroke to the end of their bar."""
    bar_steps = piece.meter.bar_steps
    grooves, fills = track.grooves[piece.meter.name], track.fills[piece.meter.name]
    notes: list[Note] = []
    for bar in range(piece.bars):
        start = bar * bar_steps
        phrase = piece.phrase_at(start)
        if phrase.energy < track.enter:
            continue
        fill = bar == phrase.end - 1 and bar < piece.bars - 1
        choice = fills if fill else grooves
        lines: Mapping[str, str] = choice[level_of(phrase.energy, len(choice))]
        crash = bar == phrase.start and bool(track.crash) and (bar > 0 or phrase.energy >= CRASH_ENERGY)
        for drum, line in lines.items():
            for offset, sign in enumerate(read_pattern(line, "drums", bar_steps)):
                if sign in (HOLD, REST) or (crash and offset == 0 and drum in _YIELDS_TO_CRASH):
                    continue
                step = start + offset
                if step >= piece.ending:
                    break
                notes.append(_stroke(piece, track, drum, step, 1, ACCENTS.get(sign, 0)))
        if crash:
            notes.append(_stroke(piece, track, track.crash, start, bar_steps, CRASH_ACCENT))
    if piece.phrases[-1].energy >= track.enter:
        last = ("kick", track.crash) if track.crash else ("kick",)
        rest = piece.steps - piece.ending
        notes += [_stroke(piece, track, drum, piece.ending, rest, CRASH_ACCENT) for drum in last]
    return notes


def _stroke(piece: Piece, track: DrumsConfig, drum: str, step: int, steps: int, accent: float) -> Note:
    loud = velocity(track.velocity, piece, step, accent)
    return Note(step * STEP_TICKS, (step + steps) * STEP_TICKS, DRUMS[drum], loud)
