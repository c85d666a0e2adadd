"""A piece as a lead sheet in MusicXML 4.0: the melody with its chord symbols, sections and tempo.

Notes are cut where a reader expects it: at barlines, and at beats unless they begin on one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

from composer.arrangement.piece import Piece, read_piece
from composer.arrangement.spelling import pitch_class_name, signature
from composer.export.files import written_whole
from composer.score import Score
from composer.theory import MODES, Key, Meter, chord_quality, chord_root

DIVISIONS = 4  # sixteenths in a quarter note
# Length in sixteenths -> note type and dots.
_VALUES: Mapping[int, tuple[str, int]] = {
    **{1: ("16th", 0), 2: ("eighth", 0), 3: ("eighth", 1), 4: ("quarter", 0), 6: ("quarter", 1)},
    **{8: ("half", 0), 12: ("half", 1), 16: ("whole", 0), 24: ("whole", 1)},
}
# Chord quality -> kind of MusicXML; the symbol musicians write goes with it.
_KINDS: Mapping[str, str] = {
    "dominant-seventh": "dominant",
    "dominant-seventh-suspended": "suspended-fourth",
}
_LOW_CLEF = 57  # mean MIDI pitch below which the bass clef needs fewer ledger lines
_DOCTYPE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" '
    '"http://www.musicxml.org/dtds/partwise.dtd">\n'
)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A written note, or a rest where there is no pitch: from ``start`` to ``end`` (sixteenths), tied or not."""

    start: int
    end: int
    pitch: int | None
    tied_from: bool
    tied_to: bool


def lead_sheet(score: Score, piece: int = 0, *, title: str = "") -> str:
    """The MusicXML document of one piece of a score, from the grid and not from a performance.

    Raises:
        ArrangementError: if there is no such piece, or it has no bars.
    """
    music = read_piece(score, piece)
    root = ElementTree.Element("score-partwise", version="4.0")
    if title:
        _text(ElementTree.SubElement(root, "work"), "work-title", title)
    _text(ElementTree.SubElement(ElementTree.SubElement(root, "identification"), "encoding"), "software", "Triad")
    part = ElementTree.SubElement(ElementTree.SubElement(root, "part-list"), "score-part", id="P1")
    _text(part, "part-name", "Melody")
    written = ElementTree.SubElement(root, "part", id="P1")
    stretches = list(_stretches(music))
    beams = _beams(stretches, music.meter)
    for bar in range(music.bars):
        _measure(written, music, bar, stretches, beams)
    ElementTree.indent(root, " ")
    return _DOCTYPE + ElementTree.tostring(root, encoding="unicode") + "\n"


def write_lead_sheet(score: Score, path: str | os.PathLike[str], *, piece: int = 0, title: str = "") -> None:
    """Write :func:`lead_sheet` to ``path``.

    Raises:
        ExportError: if the path cannot be written.
    """
    text = lead_sheet(score, piece, title=title)
    with written_whole(path) as draft:
        draft.write_text(text, encoding="utf-8")


def _stretches(music: Piece) -> Iterator[_Stretch]:
    """Notes and rests without gaps, each of a value that can be written."""
    at = 0
    for tone in music.melody:
        yield from _cut(at, tone.start, None, music.meter)
        yield from _cut(tone.start, tone.end, tone.pitch, music.meter)
        at = tone.end
    yield from _cut(at, music.steps, None, music.meter)


def _cut(start: int, end: int, pitch: int | None, meter: Meter) -> Iterator[_Stretch]:
    at = start
    while at < end:
        inside = at % meter.beat_steps
        most = min(end, at - at % meter.bar_steps + meter.bar_steps) - at
        if inside:
            most = min(most, meter.beat_steps - inside)
        fits = [length for length in _VALUES if length <= most and _readable(length, inside, meter)]
        length = max(fits)
        tied = pitch is not None
        yield _Stretch(at, at + length, pitch, tied and at > start, tied and at + length < end)
        at += length


def _readable(length: int, inside: int, meter: Meter) -> bool:
    """Whole beats from a beat; within one, what does not hide its eighths."""
    if inside == 0 and length > meter.beat_steps:
        return length % meter.beat_steps == 0
    return length == 1 if inside % 2 else True


def _beams(stretches: list[_Stretch], meter: Meter) -> dict[int, str]:
    """By step ``begin``, ``continue`` or ``end`` for eighths and shorter notes of one beat."""
    groups: dict[int, list[int]] = {}
    place = 0
    for note in stretches:
        short = note.pitch is not None and note.end - note.start <= 3
        # A rest or a long note ends the group.
        place += not short
        if short:
            groups.setdefault(place * 10_000 + note.start // meter.beat_steps, []).append(note.start)
    found: dict[int, str] = {}
    for group in groups.values():
        if len(group) > 1:
            found |= dict.fromkeys(group, "continue") | {group[0]: "begin", group[-1]: "end"}
    return found


def _measure(
    written: ElementTree.Element, music: Piece, bar: int, stretches: list[_Stretch], beams: Mapping[int, str]
) -> None:
    meter = music.meter
    first, last = bar * meter.bar_steps, (bar + 1) * meter.bar_steps
    measure = ElementTree.SubElement(written, "measure", number=str(bar + 1))
    if bar == 0:
        _attributes(measure, music)
    for phrase in music.phrases:
        if phrase.start == bar and phrase.opens:
            _text(_direction(measure), "rehearsal", phrase.name)
    if bar == 0:
        _tempo(measure, music)
    own = [note for note in stretches if first <= note.start < last]
    for note in own:
        for chord in music.harmonies:
            if note.start <= chord.start < note.end:
                _harmony(measure, chord.code, music.key, chord.start - note.start)
        _note(measure, note, music.key, beams.get(note.start), len(own) == 1 and note.pitch is None)


def _attributes(measure: ElementTree.Element, music: Piece) -> None:
    attributes = ElementTree.SubElement(measure, "attributes")
    _text(attributes, "divisions", DIVISIONS)
    key = ElementTree.SubElement(attributes, "key")
    _text(key, "fifths", signature(music.key))
    _text(key, "mode", MODES[music.key.mode].name)
    time = ElementTree.SubElement(attributes, "time")
    _text(time, "beats", music.meter.numerator)
    _text(time, "beat-type", music.meter.denominator)
    pitches = [tone.pitch for tone in music.melody] or [_LOW_CLEF]
    low = sum(pitches) / len(pitches) < _LOW_CLEF
    clef = ElementTree.SubElement(attributes, "clef")
    _text(clef, "sign", "F" if low else "G")
    _text(clef, "line", 4 if low else 2)


def _direction(measure: ElementTree.Element) -> ElementTree.Element:
    direction = ElementTree.SubElement(measure, "direction", placement="above")
    return ElementTree.SubElement(direction, "direction-type")


def _tempo(measure: ElementTree.Element, music: Piece) -> None:
    direction = ElementTree.SubElement(measure, "direction", placement="above")
    # In words: a metronome mark is drawn with letters of a music font, which no PDF maker here knows.
    _text(ElementTree.SubElement(direction, "direction-type"), "words", f"{music.tempo:g} quarter notes a minute")
    ElementTree.SubElement(direction, "sound", tempo=f"{music.tempo:g}")


def _harmony(measure: ElementTree.Element, code: int, key: Key, offset: int) -> None:
    harmony = ElementTree.SubElement(measure, "harmony")
    root = ElementTree.SubElement(harmony, "root")
    step, alter = _spelled(chord_root(code), key)
    _text(root, "root-step", step)
    if alter:
        _text(root, "root-alter", alter)
    quality = chord_quality(code)
    kind = _text(harmony, "kind", _KINDS.get(quality.name, quality.name))
    kind.set("text", quality.symbol)
    if offset:
        _text(harmony, "offset", offset)


def _note(measure: ElementTree.Element, note: _Stretch, key: Key, beam: str | None, whole_bar: bool) -> None:
    element = ElementTree.SubElement(measure, "note")
    if note.pitch is None:
        rest = ElementTree.SubElement(element, "rest")
        if whole_bar:
            rest.set("measure", "yes")
    else:
        step, alter = _spelled(note.pitch % 12, key)
        pitch = ElementTree.SubElement(element, "pitch")
        _text(pitch, "step", step)
        if alter:
            _text(pitch, "alter", alter)
        # The octave is the letter's: Cb5 sounds as B4.
        _text(pitch, "octave", (note.pitch - alter) // 12 - 1)
    _text(element, "duration", note.end - note.start)
    ties = [kind for kind, tied in (("stop", note.tied_from), ("start", note.tied_to)) if tied]
    for kind in ties:
        ElementTree.SubElement(element, "tie", type=kind)
    _text(element, "voice", 1)
    value, dots = _VALUES[note.end - note.start]
    if not whole_bar:
        _text(element, "type", value)
        for _ in range(dots):
            ElementTree.SubElement(element, "dot")
    if beam:
        _text(element, "beam", beam).set("number", "1")
    if ties:
        notations = ElementTree.SubElement(element, "notations")
        for kind in ties:
            ElementTree.SubElement(notations, "tied", type=kind)


def _spelled(pitch_class: int, key: Key) -> tuple[str, int]:
    """Letter and alteration in semitones of a pitch class in a key."""
    match = re.fullmatch(r"([A-G])(#*|b*)", pitch_class_name(pitch_class, key))
    assert match is not None
    return match[1], len(match[2]) if "#" in match[2] else -len(match[2])


def _text(parent: ElementTree.Element, name: str, content: object) -> ElementTree.Element:
    element = ElementTree.SubElement(parent, name)
    element.text = str(content)
    return element
