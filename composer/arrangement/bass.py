"""The bass: roots in the nearest octave, fifths and thirds by pattern, notes that lead into a change."""

from __future__ import annotations

from composer.arrangement.dynamics import velocity
from composer.arrangement.melody import fold
from composer.arrangement.model import STEP_TICKS, Note
from composer.arrangement.patterns import HOLD, REST
from composer.arrangement.piece import Harmony, Piece
from composer.arrangement.signs import bass_signs, pattern_signs
from composer.arrangement.style import BassConfig
from composer.theory import MODES, chord_pitch_classes, chord_quality, chord_root

# A root moves to its nearest octave, drawn back to this share of the range from below.
HOME, PULL = 0.35, 0.4


def bass_roots(piece: Piece, low: int, high: int) -> list[int]:
    """The pitch of each harmony's root in ``low``..``high``."""
    home = low + HOME * (high - low)
    roots: list[int] = []
    for harmony in piece.harmonies:
        before = roots[-1] if roots else home
        octaves = [pitch for pitch in range(low, high + 1) if pitch % 12 == chord_root(harmony.code)]
        roots.append(min(octaves, key=lambda pitch: abs(pitch - before) + PULL * abs(pitch - home)))
    return roots


def write_bass(piece: Piece, track: BassConfig) -> list[Note]:
    """The bass line in ticks; silent where there is no harmony."""
    roots = bass_roots(piece, track.low, track.high)
    composed = bool(piece.strokes) and track.groove is not None
    signs = bass_signs(piece, track.groove or "roots") if composed else pattern_signs(piece, track.patterns, "bass")
    notes: list[Note] = []
    for index, (harmony, root) in enumerate(zip(piece.harmonies, roots, strict=True)):
        following = roots[index + 1] if index + 1 < len(roots) else root
        strokes = _strokes(piece, track, signs, harmony)
        for place, (step, sign) in enumerate(strokes):
            end = strokes[place + 1][0] if place + 1 < len(strokes) else harmony.end
            if sign == REST:
                # Without a new stroke a bass note that belongs to the new chord rings on under it.
                if composed and place == 0 and notes and notes[-1].end == step * STEP_TICKS:
                    before = notes[-1]
                    if before.pitch % 12 in chord_pitch_classes(harmony.code):
                        notes[-1] = Note(before.start, end * STEP_TICKS, before.pitch, before.velocity)
                continue
            leads = sign == "a" and end == harmony.end and following != root
            if leads:
                pitch = leading_pitch(root, following, piece, track.low, track.high)
            else:
                pitch = _chord_pitch(sign, harmony.code, root, track.low, track.high)
            notes.append(Note(step * STEP_TICKS, end * STEP_TICKS, pitch, velocity(track.velocity, piece, step)))
    return notes


def _strokes(piece: Piece, track: BassConfig, signs: list[str], harmony: Harmony) -> list[tuple[int, str]]:
    """(step, sign) of what changes inside a harmony: strokes and rests. Its first stroke is the root."""
    strokes: list[tuple[int, str]] = []
    struck = False
    for step in range(harmony.start, harmony.end):
        sign = signs[step]
        if piece.phrase_at(step).energy < track.enter:
            sign = REST
        elif step >= piece.ending:
            sign = "R" if step == piece.ending else HOLD
        if sign == HOLD and step > harmony.start:
            continue
        if sign != REST and not struck:
            sign, struck = "R", True
        strokes.append((step, sign))
    return strokes


def _chord_pitch(sign: str, code: int, root: int, low: int, high: int) -> int:
    intervals = chord_quality(code).intervals
    if sign in "R8":
        return root + 12 if sign == "8" and root + 12 <= high else root
    above = root + intervals[1 if sign == "3" else 2]
    inside = [pitch for pitch in (above, above - 12) if low <= pitch <= high]
    home = low + HOME * (high - low)
    return min(inside, key=lambda pitch: abs(pitch - home)) if inside else root


def leading_pitch(root: int, target: int, piece: Piece, low: int, high: int) -> int:
    """The scale tone beside ``target``, on the side the line comes from; a semitone where both are neighbours.

    Args:
        root: the root sounding now.
        target: the root that comes next.
        piece: for its key.
        low: the instrument's lowest pitch.
        high: its highest.
    """
    mode = MODES[piece.key.mode]
    scale = {(piece.key.tonic + degree) % 12 for degree in mode.scale}
    side = 1 if root > target else -1
    beside = [target + side * distance for distance in (1, 2) if (target + side * distance) % 12 in scale]
    pitch = beside[0] if beside else target + side
    if pitch == root:
        pitch = target + side if abs(root - target) > 1 else target - side
    return fold(pitch, low, high)
