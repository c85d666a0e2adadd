"""Reads any Standard MIDI File and makes it safe to play: a :class:`Sequence` of matched notes in one track.

Files from the wild hold note-ons without a note-off (FluidSynth 2.3.1 then renders for ever), notes of no length,
broken key signatures (mido refuses the whole file) and tracks that end early. Only what sounds is kept: notes,
controllers, programs, tempo and system exclusive messages. Knows no synthesizer.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from composer.render.errors import RenderError

LARGEST_BYTES = 32 * 2**20
DEFAULT_TEMPO = 500_000  # microseconds a quarter note where the file says nothing: 120 a minute
SHORTEST_NOTE = 32  # a note lasts at least this fraction of a quarter note
_DATA_BYTES = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}
_SUSTAIN, _SOSTENUTO = 64, 66
_OFF, _CONTROL, _ON = range(3)
_TEMPO, _KEY = b"\xff\x51", b"\xff\x59"
# By the number of sharps, from seven flats on.
_MAJOR = ["Cb", "Gb", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#"]
_MINOR = ["Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#", "G#", "D#", "A#"]


@dataclass(frozen=True, slots=True)
class Sequence:
    """A MIDI file made safe.

    Attributes:
        midi: a type-0 file with the same sound, every note matched.
        notes: number of notes.
        channels: the MIDI channels 0..15 with notes, each with a name (the track's, where the file gives one).
        last_note: seconds until the last note ends.
        end: seconds until the last pedal is up and the last note ends.
        title: the name of the first track, which is the piece's; empty where it plays notes of its own among others.
        key: of the first key signature, such as ``"G major"``, or None.
        tempo: the first, in quarter notes a minute.
        warnings: what was mended, one line each.
    """

    midi: bytes
    notes: int
    channels: dict[int, str]
    last_note: float
    end: float
    title: str
    key: str | None
    tempo: float
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Note:
    start: int
    end: int
    channel: int
    pitch: int
    velocity: int


class _BrokenTrackError(Exception):
    """A track that cannot be read on; what came before it stands."""


def read_sequence(data: bytes, name: str) -> Sequence:
    """The playable content of a MIDI file.

    Args:
        data: the file's bytes.
        name: what to call it in messages.

    Raises:
        RenderError: if it is no MIDI file, is larger than 32 MiB, or is of a kind that has no single timeline.
    """
    if len(data) > LARGEST_BYTES:
        raise RenderError(f"{name} has {len(data)} bytes: a MIDI file of at most {LARGEST_BYTES} can be rendered")
    if data[:4] == b"RIFF" and data[8:12] == b"RMID":
        data = data[data.find(b"MThd") :] if b"MThd" in data else b""
    if data[:4] != b"MThd" or len(data) < 14:
        raise RenderError(f"{name} is no MIDI file (no MThd header): give a .mid file")
    length, kind, _, division = struct.unpack(">IHHH", data[4:14])
    if kind == 2:
        raise RenderError(f"{name} is a MIDI file of type 2 (independent patterns): save it as type 0 or 1")
    if division == 0 or division & 0x8000:
        raise RenderError(f"{name} counts time in film frames or not at all: save it with ticks per quarter note")
    warnings: list[str] = []
    events: list[tuple[int, bytes]] = []
    names: dict[int, str] = {}
    title, plays = "", False
    for number, chunk in enumerate(_tracks(data, 8 + length)):
        try:
            for tick, message, track_name in _messages(chunk):
                events.append((tick, message))
                if number == 0:
                    plays |= 0x90 <= message[0] < 0xA0
                    title = "" if plays and kind == 1 else track_name
                if track_name and 0x90 <= message[0] < 0xA0:
                    names.setdefault(message[0] & 15, track_name)
        except _BrokenTrackError as error:
            warnings.append(f"track {number + 1} of {name} breaks off: {error}")
    events.sort(key=lambda event: event[0])
    signatures = [message for _, message in events if message[:2] == _KEY]
    events = [event for event in events if event[1][:2] != _KEY]
    notes, controls, unmatched = _paired(events, max(1, division // SHORTEST_NOTE))
    if unmatched:
        warnings.append(f"{unmatched} notes of {name} have no end: they were ended with the file")
    last_note = max((note.end for note in notes), default=0)
    pedals = [tick for tick, message in controls if message[0] & 0xF0 == 0xB0 and message[1] == _SUSTAIN]
    end = max([last_note, *pedals])
    used = sorted({note.channel for note in notes})
    clock = _Clock(controls, division)
    return Sequence(
        midi=_written(notes, controls, used, end, division),
        notes=len(notes),
        channels={channel: names.get(channel, f"channel {channel + 1}") for channel in used},
        last_note=clock.seconds(last_note),
        end=clock.seconds(end),
        title=title,
        key=_key(signatures[0]) if signatures else None,
        tempo=clock.tempo(division),
        warnings=tuple(warnings),
    )


def _key(signature: bytes) -> str | None:
    """The name of a raw key signature; None for one that does not exist."""
    sharps, minor = int.from_bytes(signature[2:3], signed=True), signature[3]
    if not -7 <= sharps <= 7 or minor > 1:
        return None
    return f"{_MINOR[sharps + 7]} minor" if minor else f"{_MAJOR[sharps + 7]} major"


def _tracks(data: bytes, place: int) -> Iterator[bytes]:
    while place + 8 <= len(data):
        kind, length = data[place : place + 4], struct.unpack(">I", data[place + 4 : place + 8])[0]
        if kind == b"MTrk":
            yield data[place + 8 : place + 8 + length]
        place += 8 + length


def _number(chunk: bytes, place: int) -> tuple[int, int]:
    """A variable-length number at ``place`` and the place behind it."""
    value = 0
    for count in range(4):
        if place >= len(chunk):
            raise _BrokenTrackError("it ends inside an event")
        byte = chunk[place]
        place += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place
        if count == 3:
            break
    raise _BrokenTrackError("a number has more than four bytes")


def _messages(chunk: bytes) -> Iterator[tuple[int, bytes, str]]:
    """(tick, raw message, track name so far) of what sounds; a tempo is a raw meta message."""
    place = tick = running = 0
    name = ""
    while place < len(chunk):
        delta, place = _number(chunk, place)
        tick += delta
        if place >= len(chunk):
            raise _BrokenTrackError("it ends inside an event")
        status = chunk[place]
        if status < 0x80:
            if not running:
                raise _BrokenTrackError(f"data byte {status} stands where an event must begin")
            status = running
        else:
            place += 1
        if status == 0xFF:
            if place >= len(chunk):
                raise _BrokenTrackError("it ends inside an event")
            kind = chunk[place]
            length, place = _number(chunk, place + 1)
            content = chunk[place : place + length]
            place += length
            if kind == 0x2F:
                return
            if kind == 0x03 and not name:
                name = content.decode("utf-8", "replace").strip()
            if kind == 0x51 and len(content) == 3 and any(content):
                yield tick, _TEMPO + b"\x03" + content, name
            if kind == 0x59 and len(content) == 2:
                yield tick, _KEY + content, name
        elif status in (0xF0, 0xF7):
            length, place = _number(chunk, place)
            content = chunk[place : place + length]
            place += length
            if status == 0xF0 and content.endswith(b"\xf7"):
                yield tick, b"\xf0" + _length(length) + content, name
        elif status < 0xF0:
            running = status
            count = _DATA_BYTES[status & 0xF0]
            content = chunk[place : place + count]
            place += count
            if len(content) < count or max(content) > 0x7F:
                raise _BrokenTrackError("an event holds no valid data")
            yield tick, bytes((status, *content)), name
        else:
            raise _BrokenTrackError(f"status {status:#x} has no place in a file")


def _paired(events: list[tuple[int, bytes]], shortest: int) -> tuple[list[_Note], list[tuple[int, bytes]], int]:
    """Notes with both ends, the other messages, and how many notes had no end."""
    sounding: dict[tuple[int, int], tuple[int, int]] = {}
    by_key: dict[tuple[int, int], list[_Note]] = defaultdict(list)
    controls = []

    def close(key: tuple[int, int], tick: int) -> None:
        start, velocity = sounding.pop(key)
        by_key[key].append(_Note(start, max(tick, start + shortest), *key, velocity))

    for tick, message in events:
        kind = message[0] & 0xF0
        if kind not in (0x80, 0x90):
            controls.append((tick, message))
            continue
        key = (message[0] & 15, message[1])
        if key in sounding:
            close(key, tick)
        if kind == 0x90 and message[2]:
            sounding[key] = (tick, message[2])
    last = max((tick for tick, _ in events), default=0)
    unmatched = len(sounding)
    for key in list(sounding):
        close(key, last)
    notes = []
    for line in by_key.values():
        for note, following in zip(line, [*line[1:], None], strict=True):
            end = note.end if following is None else min(note.end, following.start)
            if end > note.start:
                notes.append(_Note(note.start, end, note.channel, note.pitch, note.velocity))
    notes.sort(key=lambda note: (note.start, note.channel, note.pitch))
    return notes, controls, unmatched


def _written(
    notes: list[_Note], controls: list[tuple[int, bytes]], used: list[int], end: int, division: int
) -> bytes:
    """A type-0 file; at one tick notes end first, then controls change, then notes begin."""
    events = [(note.start, _ON, bytes((0x90 | note.channel, note.pitch, note.velocity))) for note in notes]
    events += [(note.end, _OFF, bytes((0x80 | note.channel, note.pitch, 0))) for note in notes]
    events += [(tick, _CONTROL, message) for tick, message in controls if tick <= end]
    events.sort(key=lambda event: event[:2])
    events += [
        (end, _CONTROL, bytes((0xB0 | channel, pedal, 0))) for channel in used for pedal in (_SUSTAIN, _SOSTENUTO)
    ]
    body = bytearray()
    now = 0
    for tick, _, message in events:
        body += _length(tick - now) + message
        now = tick
    body += b"\x00\xff\x2f\x00"
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, division) + b"MTrk" + struct.pack(">I", len(body)) + bytes(body)


def _length(value: int) -> bytes:
    """A variable-length number: seven bits a byte, the highest first."""
    parts = [value & 0x7F]
    while value := value >> 7:
        parts.append(value & 0x7F | 0x80)
    return bytes(reversed(parts))


class _Clock:
    """Ticks to seconds through the tempo changes of a file."""

    def __init__(self, controls: list[tuple[int, bytes]], division: int) -> None:
        self._ticks, self._seconds, self._rates = [0], [0.0], [DEFAULT_TEMPO / 1e6 / division]
        for tick, message in controls:
            if message[:2] == _TEMPO:
                self._seconds.append(self.seconds(tick))
                self._ticks.append(tick)
                self._rates.append(int.from_bytes(message[3:6], "big") / 1e6 / division)

    def tempo(self, division: int) -> float:
        """Quarter notes a minute at tick 0."""
        return 60 / (self._rates[bisect_right(self._ticks, 0) - 1] * division)

    def seconds(self, tick: int) -> float:
        place = bisect_right(self._ticks, tick) - 1
        return self._seconds[place] + (tick - self._ticks[place]) * self._rates[place]
