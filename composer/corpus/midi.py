"""A MIDI file as plain note tables on a clock of sixteenths: the door of the corpus room.

Knows mido and nothing of keys, chords or scores. Everything after this module works on :class:`Song`, so a
file that cannot be read is turned away here, with the reason.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

import mido
import numpy as np
from mido.midifiles.meta import KeySignatureError
from numpy.typing import NDArray

from composer.corpus.errors import Unusable
from composer.theory import Key, TheoryError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MAX_BYTES = 2 * 1024 * 1024  # mido reads about half a megabyte a second; a long piano piece has 0.2 MB
MAX_QUARTERS = 20_000  # two and a half hours at 120; a single stray event can claim any tick number
DEFAULT_TEMPO = 120.0  # quarter notes per minute, by the MIDI standard
_TEMPO_RANGE = (10.0, 1000.0)
_FINEST = 64  # denominators beyond it are damage, not music
_DRUM_CHANNEL = 9  # channel 10 counted from one
_BROKEN = (OSError, ValueError, ZeroDivisionError, IndexError, KeySignatureError)


@dataclass(frozen=True, slots=True)
class Part:
    """The notes of one instrument, ordered by onset, then pitch.

    Attributes:
        name: track name, may be empty.
        track: index of the track in the file.
        channel: MIDI channel 0..15.
        program: General MIDI program 0..127 at the first note.
        start, end: (N,) sixteenths from the file's beginning, ``end > start``.
        pitch: (N,) MIDI pitch.
        velocity: (N,) 1..127.
    """

    name: str
    track: int
    channel: int
    program: int
    start: Floats
    end: Floats
    pitch: Ints
    velocity: Ints

    def __len__(self) -> int:
        """Number of notes."""
        return len(self.start)

    @property
    def is_drum(self) -> bool:
        """Whether the part plays on the percussion channel."""
        return self.channel == _DRUM_CHANNEL

    @property
    def label(self) -> str:
        """The track's name, or its number where it has none."""
        return self.name or f"track {self.track}"


@dataclass(frozen=True, slots=True)
class Song:
    """A MIDI file's content; all times in sixteenths.

    Attributes:
        parts: the instruments that play at least one note, in file order.
        tempos: (sixteenth, quarter notes per minute) in time order.
        meters: (sixteenth, numerator, denominator) in time order.
        keys: (sixteenth, key) in time order. A minor signature is written out by few programs.
    """

    parts: tuple[Part, ...]
    tempos: tuple[tuple[float, float], ...]
    meters: tuple[tuple[float, int, int], ...]
    keys: tuple[tuple[float, Key], ...]


def read_song(data: bytes) -> Song:
    """The notes and signatures of a Standard MIDI File.

    Raises:
        Unusable: if the bytes are no MIDI file Triad can read; the reason says why.
    """
    if len(data) > MAX_BYTES:
        raise Unusable("too large", f"{len(data) / 2**20:.1f} MB, at most {MAX_BYTES // 2**20} MB are read")
    try:
        midi = mido.MidiFile(file=io.BytesIO(data), clip=True)
    except EOFError:  # mido says no more than that
        raise Unusable("broken MIDI", "it breaks off before its end") from None
    except _BROKEN as error:
        raise Unusable("broken MIDI", str(error) or type(error).__name__) from None
    if midi.type == 2:
        raise Unusable("broken MIDI", "type 2 holds unrelated patterns, not one piece")
    if midi.ticks_per_beat <= 0:
        raise Unusable("no beat", "its clock counts film frames or nothing, not beats: export it with a beat clock")
    return _song(midi.tracks, 4.0 / midi.ticks_per_beat)


def _song(tracks: Iterable[mido.MidiTrack], step: float) -> Song:
    parts: list[Part] = []
    tempos: list[tuple[float, float]] = []
    meters: list[tuple[float, int, int]] = []
    keys: list[tuple[float, Key]] = []
    for index, track in enumerate(tracks):
        tick, name = 0, ""
        programs: dict[int, int] = {}
        open_notes: dict[tuple[int, int], tuple[int, int]] = {}
        notes: dict[int, list[tuple[int, int, int, int]]] = {}
        first_program: dict[int, int] = {}
        for message in track:
            tick += message.time
            kind = message.type
            if kind in ("note_on", "note_off"):
                place = (message.channel, message.note)
                # A second note-on without a note-off between them strikes the note anew.
                if place in open_notes:
                    start, velocity = open_notes.pop(place)
                    notes[message.channel].append((start, tick, message.note, velocity))
                if kind == "note_on" and message.velocity > 0:
                    open_notes[place] = (tick, message.velocity)
                    notes.setdefault(message.channel, [])
                    first_program.setdefault(message.channel, programs.get(message.channel, 0))
            elif kind == "program_change":
                programs[message.channel] = message.program
            elif kind == "track_name" and not name:
                name = _text(message.name)
            elif kind == "set_tempo" and message.tempo > 0:
                tempos.append((tick * step, 60e6 / message.tempo))
            elif kind == "time_signature" and message.numerator > 0 and message.denominator <= _FINEST:
                meters.append((tick * step, message.numerator, message.denominator))
            elif kind == "key_signature":
                keys += _key(tick * step, message.key)
        if tick * step > 4 * MAX_QUARTERS:
            raise Unusable("too long", f"{tick * step / 4:.0f} quarter notes, at most {MAX_QUARTERS} are read")
        for (channel, pitch), (start, velocity) in open_notes.items():
            notes[channel].append((start, tick, pitch, velocity))
        parts += [
            _part(name, index, channel, first_program[channel], notes[channel], step) for channel in sorted(notes)
        ]
    tempos = [(at, tempo) for at, tempo in tempos if _TEMPO_RANGE[0] <= tempo <= _TEMPO_RANGE[1]]
    return Song(tuple(parts), tuple(sorted(tempos)), tuple(sorted(meters)), tuple(sorted(keys, key=_time)))


def _time(event: tuple[float, Key]) -> float:
    return event[0]


def _key(at: float, text: str) -> list[tuple[float, Key]]:
    try:
        return [(at, Key.parse(text))]
    except TheoryError:
        return []


def _text(raw: str) -> str:
    """A track name; programs of today write UTF-8 where the standard knew Latin-1 only."""
    with suppress(UnicodeError):
        raw = raw.encode("latin-1").decode("utf-8")
    return " ".join("".join(letter if letter.isprintable() else " " for letter in raw).split())


def _part(
    name: str, track: int, channel: int, program: int, notes: list[tuple[int, int, int, int]], step: float
) -> Part:
    table = np.array(sorted(notes, key=lambda note: (note[0], note[2], note[1])), dtype=np.int64)
    start, end, pitch, velocity = table.T
    return Part(name, track, channel, program, start * step, np.maximum(end, start + 1) * step, pitch, velocity)
