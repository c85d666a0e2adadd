"""MIDI files written note by note, as other programs would export them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import mido

# (start, length, pitch) in sixteenths; fractions are allowed.
Note = tuple[float, float, int]


@dataclass(frozen=True)
class Track:
    """A track to write."""

    notes: Sequence[Note]
    name: str = ""
    channel: int = 0
    program: int = 0


def midi(
    *tracks: Track,
    meters: Sequence[tuple[float, int, int]] = ((0, 4, 4),),
    keys: Sequence[tuple[float, str]] = (),
    tempos: Sequence[tuple[float, float]] = ((0, 100),),
    ticks: int = 480,
    kind: int = 1,
) -> bytes:
    """The bytes of a MIDI file; times in sixteenths, tempos in quarter notes a minute."""
    head: list[tuple[float, mido.MetaMessage]] = []
    for at, upper, lower in meters:
        head.append((at, mido.MetaMessage("time_signature", numerator=upper, denominator=lower)))
    for at, key in keys:
        head.append((at, mido.MetaMessage("key_signature", key=key)))
    for at, tempo in tempos:
        head.append((at, mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo))))
    file = mido.MidiFile(type=kind, ticks_per_beat=ticks)
    bodies = [_messages(track) for track in tracks]
    if kind == 0:
        file.tracks.append(_in_time([*head, *(event for body in bodies for event in body)], ticks))
    else:
        file.tracks.append(_in_time(head, ticks))
        file.tracks.extend(_in_time(body, ticks) for body in bodies)
    data = io.BytesIO()
    file.save(file=data)
    return data.getvalue()


def tune(pitches: str, length: float = 4, start: float = 0) -> list[Note]:
    """Notes of one length, one after the other: ``"60 62 - 64"``, where ``-`` lengthens the note before it."""
    notes: list[Note] = []
    for index, word in enumerate(pitches.split()):
        if word == "-":
            first, before, pitch = notes[-1]
            notes[-1] = (first, before + length, pitch)
        elif word != ".":
            notes.append((start + index * length, length, int(word)))
    return notes


def blocks(chords: Sequence[Sequence[int]], length: float = 16, start: float = 0) -> list[Note]:
    """Chords of one length, one after the other."""
    return [(start + index * length, length, pitch) for index, chord in enumerate(chords) for pitch in chord]


def _messages(track: Track) -> list[tuple[float, mido.Message]]:
    # Note-offs come before note-ons of the same place, and meta messages before both.
    events: list[tuple[float, mido.Message]] = []
    if track.name:
        events.append((0, mido.MetaMessage("track_name", name=track.name)))
    events.append((0, mido.Message("program_change", channel=track.channel, program=track.program)))
    for start, length, pitch in track.notes:
        events.append((start, mido.Message("note_on", channel=track.channel, note=pitch, velocity=80)))
        events.append((start + length, mido.Message("note_off", channel=track.channel, note=pitch)))
    return events


def _in_time(events: Sequence[tuple[float, mido.Message]], ticks: int) -> mido.MidiTrack:
    track = mido.MidiTrack()
    clock = 0
    order = sorted(events, key=lambda event: (round(event[0] * ticks / 4), event[1].type == "note_on"))
    for at, message in order:
        tick = round(at * ticks / 4)
        track.append(message.copy(time=tick - clock))
        clock = tick
    return track


C, F, G = (48, 52, 55), (53, 57, 60), (55, 59, 62)
# Frère Jacques, eight bars with a chord to each.
FRERE = tune("72 74 76 72 72 74 76 72 76 77 79 - 76 77 79 -") + tune(
    "79 81 79 77 76 - 72 - 79 81 79 77 76 - 72 - 72 - 67 - 72 - - - 72 - 67 - 72 - - -", 2, 64
)
FRERE_CHORDS = blocks([C, C, C, C, C, C], 16) + blocks([G, C, G, C], 8, 96)
FRERE_BARS = 8
