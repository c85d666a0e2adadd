"""Rebuild the MIDI files in composer/corpus/bundled from the scores that the PyPI package music21 carries.

Run ``python scripts/bundle_corpus.py`` with the ``dev`` extra installed; the same music21 gives the same bytes. Only
pitches, durations, key, metre and tempo are taken: the notes of music whose composers and collectors died long ago,
none of the editors' words, layout or ornaments.
"""

from __future__ import annotations

import argparse
import io
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import mido
from music21 import converter, corpus, meter, note, stream
from music21.exceptions21 import Music21Exception

BUNDLED = Path(__file__).parent.parent / "composer" / "corpus" / "bundled"
TICKS = 24  # a quarter note; holds triplets and thirty-seconds
STEP = Fraction(1, TICKS)

# Quarter notes a minute for tunes that carry no tempo, by the words of their title or rhythm.
TEMPOS = (
    (("strathspey", "fling", "clog", "hornpipe"), 132),
    (("reel",), 176),
    (("slip", "hop"), 150),
    (("jig",), 156),
    (("waltz",), 120),
    (("march", "quick"), 112),
)
AIR_TEMPO = 84
CHORALE_TEMPO = 76
# Chorales in 4/4 change their harmony on every quarter note. They are written here in doubled values at twice the
# tempo, as hymn books with half notes have them: they sound the same, and each chord has half a bar to itself.
DOUBLED = {"4/4": 2}

# How many tunes of each metre and mode are taken, so that no kind crowds out the others. Duple time is 2/4, 2/2, 4/4.
QUOTAS = {
    "folk/dances": {("duple", "major"): 90, ("duple", "minor"): 60, ("jig", "major"): 30, ("jig", "minor"): 20},
    "folk/airs": {("duple", "major"): 50, ("duple", "minor"): 50, ("triple", "major"): 30, ("triple", "minor"): 20},
}
BOOKS = {
    "folk/dances": ("ryansMammoth/*.abc", "oneills1850/1001-1050.abc", "oneills1850/1201-1300.abc"),
    "folk/airs": ("airdsAirs/book*.abc", "oneills1850/0*.abc"),
}
KINDS = {"4/4": "duple", "2/2": "duple", "2/4": "duple", "3/4": "triple", "6/8": "jig", "9/8": "jig"}
MINOR_MODES = frozenset({"minor", "dorian", "aeolian", "phrygian"})


class Skip(Exception):  # noqa: N818 - a verdict on one score
    """Why a score is left out."""


@dataclass(frozen=True)
class Voice:
    """Notes of one part in quarter notes from the first barline: (start, duration, MIDI pitch)."""

    name: str
    notes: tuple[tuple[Fraction, Fraction, int], ...]


@dataclass(frozen=True)
class Tune:
    """A score to write."""

    name: str
    title: str
    numerator: int
    denominator: int
    sharps: int
    minor: bool
    tempo: int
    voices: tuple[Voice, ...]


def main() -> None:
    """Write all files and say how many."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=BUNDLED)
    output = parser.parse_args().output
    warnings.simplefilter("ignore")
    for style, tunes in (("chorale", chorales()), *((style, melodies(style)) for style in QUOTAS)):
        folder = output / style
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.mid"):
            old.unlink()
        sizes = [(folder / f"{tune.name}.mid").write_bytes(midi_bytes(tune)) for tune in tunes]
        print(f"{style}: {len(sizes)} files, {sum(sizes)} bytes")


def chorales() -> Iterator[Tune]:
    """Bach's four-part chorales that keep one metre, the soprano as melody."""
    seen: set[tuple[Voice, ...]] = set()
    skipped: Counter[str] = Counter()
    for path in sorted(corpus.getComposer("bach"), key=lambda path: path.name):
        if path.suffix != ".mxl":
            continue
        try:
            tune = chorale(parsed(path, "musicxml"), path.name.removesuffix(".mxl"))
        except (Skip, Music21Exception) as verdict:
            skipped[str(verdict)] += 1
            continue
        if tune.voices in seen:
            skipped["the same as another"] += 1
            continue
        seen.add(tune.voices)
        yield tune
    print("chorales left out:", dict(skipped))


def chorale(score: stream.Score, name: str) -> Tune:
    """One chorale.

    Raises:
        Skip: if it has not four voices or changes its metre.
    """
    parts = list(score.parts)
    if [part.partName for part in parts] != ["Soprano", "Alto", "Tenor", "Bass"]:
        raise Skip("not the four voices")
    upper, lower = time_signature(parts[0])
    if f"{upper}/{lower}" not in KINDS:
        raise Skip("not a metre Triad reads")
    names = ("melody", "alto", "tenor", "bass")
    voices = tuple(voice(part, name, Fraction(4 * upper, lower)) for part, name in zip(parts, names, strict=True))
    sharps, minor = signature(parts[0])
    factor = DOUBLED.get(f"{upper}/{lower}", 1)
    voices = tuple(stretched(line, factor) for line in voices)
    return Tune(name, f"J. S. Bach, {name.upper()}", upper, lower, sharps, minor, factor * CHORALE_TEMPO, voices)


def stretched(line: Voice, factor: int) -> Voice:
    """A voice with all its times multiplied."""
    return Voice(line.name, tuple((factor * start, factor * length, pitch) for start, length, pitch in line.notes))


def melodies(style: str) -> Iterator[Tune]:
    """The tunes of a style's books until its quotas are full."""
    left = dict(QUOTAS[style])
    seen: set[tuple[Voice, ...]] = set()
    names: set[str] = set()
    root = Path(corpus.__file__).parent
    skipped: Counter[str] = Counter()
    for pattern in BOOKS[style]:
        for path in sorted(root.glob(pattern)):
            for text in re.split(r"\n(?=X:)", path.read_text("utf-8", "replace").replace("\r", "")):
                if not any(left.values()):
                    return
                try:
                    tune = melody(text, left)
                except (Skip, Music21Exception) as verdict:
                    skipped[str(verdict)[:40]] += 1
                    continue
                if tune.voices in seen or tune.name in names:
                    continue
                seen.add(tune.voices)
                names.add(tune.name)
                left[kind(tune)] -= 1
                yield tune
    print(f"{style} left out:", dict(skipped), "quota left:", left)


def melody(text: str, left: dict[tuple[str, str], int]) -> Tune:
    """One tune in ABC, its repeats played.

    Raises:
        Skip: if it is not plain enough, or the quota of its kind is full.
    """
    fields = dict(reversed(re.findall(r"^([TMKR]): *(.+?) *$", text, re.MULTILINE)))
    if not {"T", "M", "K"} <= fields.keys() or re.search(r"[\[|]\s*[12]", text):
        raise Skip("no header or two endings")
    score = parsed(text, "abc")
    parts = list(score.parts)
    if len(parts) != 1:
        raise Skip("not one part")
    part = parts[0]
    upper, lower = time_signature(part)
    sharps, minor = signature(part)
    group = (KINDS.get(f"{upper}/{lower}", ""), "minor" if minor else "major")
    if left.get(group, 0) <= 0:
        raise Skip("quota full")
    bar = Fraction(4 * upper, lower)
    line = voice(part.expandRepeats(), "melody", bar)
    between = sum((4 * start).denominator > 1 for start, _, _ in line.notes)
    if 4 * between > len(line.notes):
        raise Skip("too many notes between the sixteenths")
    pickup = 1 if line.notes[0][0] * 2 >= bar else 0
    bars = max(start + length for start, length, _ in line.notes) / bar - pickup
    if 0 < bars % 4 < 3:
        raise Skip("its phrases are not of four bars")
    if bars < 16 or bars > 80:
        raise Skip("shorter than 16 bars or longer than 80")
    title = fields["T"]
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    words = f"{title} {fields.get('R', '')}".lower()
    tempo = next((tempo for names, tempo in TEMPOS if any(word in words for word in names)), AIR_TEMPO)
    return Tune(slug, title, upper, lower, sharps, minor, tempo, (line,))


def parsed(source: Path | str, form: str) -> stream.Score:
    """One score of a file or a text.

    Raises:
        Skip: if it holds several.
    """
    score = converter.parse(source, format=form)
    if not isinstance(score, stream.Score):
        raise Skip("not one score")
    return score


def kind(tune: Tune) -> tuple[str, str]:
    """The quota a tune counts for."""
    return KINDS[f"{tune.numerator}/{tune.denominator}"], "minor" if tune.minor else "major"


def time_signature(part: stream.Part) -> tuple[int, int]:
    """The only time signature of a part."""
    found = {(sign.numerator, sign.denominator) for sign in part.flatten().getElementsByClass(meter.TimeSignature)}
    if len(found) != 1:
        raise Skip("not one metre")
    return found.pop()


def signature(part: stream.Part) -> tuple[int, bool]:
    """Sharps of the only key signature (flats below 0), and whether its mode is minor-like."""
    found = {
        (sign.sharps, getattr(sign, "mode", "major")) for sign in part.flatten().getElementsByClass("KeySignature")
    }
    if len(found) != 1:
        raise Skip("not one key signature")
    sharps, mode = found.pop()
    return int(sharps), mode in MINOR_MODES


def voice(part: stream.Part, name: str, bar: Fraction) -> Voice:
    """The notes of a part, every bar at its place: pickups end at a barline, bars cut by a repeat are filled up.

    Raises:
        Skip: if the bars do not add up or a note is off the grid of :data:`TICKS`.
    """
    notes: list[tuple[Fraction, Fraction, int]] = []
    clock = Fraction(0)
    tied: dict[int, int] = {}
    for index, measure in enumerate(part.getElementsByClass(stream.Measure)):
        events = [event for event in measure.flatten().notesAndRests if not event.duration.isGrace]
        length = max(
            (Fraction(event.offset) + Fraction(event.quarterLength) for event in events), default=Fraction(0)
        )
        if index == 0 and length < bar:
            clock = bar - length
        place = clock % bar
        if place and place + length > bar:
            if length != bar:
                raise Skip("its bars do not add up")
            clock += bar - place
            if notes:
                start, _, pitch = notes[-1]
                notes[-1] = (start, clock - start, pitch)
        elif length > bar:
            raise Skip("its bars do not add up")
        for event in events:
            if not isinstance(event, note.Note):
                if event.isRest:
                    continue
                raise Skip("not one voice")
            start, duration = clock + Fraction(event.offset), Fraction(event.quarterLength)
            if event.tie is not None and event.tie.type in ("stop", "continue") and event.pitch.midi in tied:
                first, _, pitch = notes[tied[event.pitch.midi]]
                notes[tied[event.pitch.midi]] = (first, start + duration - first, pitch)
            else:
                tied[event.pitch.midi] = len(notes)
                notes.append((start, duration, event.pitch.midi))
            if event.tie is None or event.tie.type == "stop":
                tied.pop(event.pitch.midi, None)
        clock += length
    if not notes or any(
        (start / STEP).denominator > 1 or (length / STEP).denominator > 1 for start, length, _ in notes
    ):
        raise Skip("nothing on the grid")
    return Voice(name, tuple(notes))


def midi_bytes(tune: Tune) -> bytes:
    """A type 1 file: a track of signatures, then a track for each voice."""
    midi = mido.MidiFile(type=1, ticks_per_beat=TICKS)
    head = mido.MidiTrack()
    head.append(mido.MetaMessage("track_name", name=tune.title.encode("ascii", "ignore").decode()))
    head.append(mido.MetaMessage("time_signature", numerator=tune.numerator, denominator=tune.denominator))
    head.append(mido.MetaMessage("key_signature", key=key_name(tune.sharps, tune.minor)))
    head.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tune.tempo)))
    midi.tracks.append(head)
    for channel, line in enumerate(tune.voices):
        midi.tracks.append(voice_track(line, channel))
    file = io.BytesIO()
    midi.save(file=file)
    return file.getvalue()


def voice_track(line: Voice, channel: int) -> mido.MidiTrack:
    """The notes of one voice."""
    events: list[tuple[int, int, int]] = []
    for start, length, pitch in line.notes:
        events += [(int(start / STEP), 80, pitch), (int((start + length) / STEP), 0, pitch)]
    track = mido.MidiTrack([mido.MetaMessage("track_name", name=line.name)])
    clock = 0
    for tick, velocity, pitch in sorted(events):
        track.append(mido.Message("note_on", channel=channel, note=pitch, velocity=velocity, time=tick - clock))
        clock = tick
    return track


def key_name(sharps: int, minor: bool) -> str:
    """The key signature as mido names it; modes other than minor are written as the major of their accidentals."""
    fifths: Sequence[str] = ("Cb", "Gb", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#")
    minors: Sequence[str] = (
        "Abm",
        "Ebm",
        "Bbm",
        "Fm",
        "Cm",
        "Gm",
        "Dm",
        "Am",
        "Em",
        "Bm",
        "F#m",
        "C#m",
        "G#m",
        "D#m",
        "A#m",
    )
    return (minors if minor else fifths)[sharps + 7]


if __name__ == "__main__":
    main()
