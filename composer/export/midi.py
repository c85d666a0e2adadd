"""An arrangement as a Standard MIDI File: type 1, 480 ticks to the quarter note, the same bytes every time.

Written with mido: pretty_midi keeps neither program and controllers at tick 0 nor markers and texts.
"""

from __future__ import annotations

import os

import mido

from composer.arrangement.model import PPQ, Arrangement, Track
from composer.arrangement.spelling import tonic_name
from composer.export.files import written_whole
from composer.theory import MODES

_VOLUME, _PAN, _REVERB, _CHORUS = 7, 10, 91, 93
_CLOCKS_PER_STEP = 6  # MIDI clocks: 24 to the quarter note

# At one tick what ends comes first, then what changes, then what begins.
_END, _CHANGE, _BEGIN = range(3)
_Events = list[tuple[int, int, mido.Message | mido.MetaMessage]]


def write_midi(arrangement: Arrangement, path: str | os.PathLike[str], *, made_by: str | None = None) -> None:
    """Write an arrangement to ``path``; ``made_by`` says in a text at its beginning how it came about.

    Track 0 holds the title, tempo, time and key signature, the sections as markers and the chords as texts. Every
    instrument has a track with its name, program, volume, pan and the sends to reverb and chorus at tick 0.

    Raises:
        ExportError: if the path cannot be written.
    """
    file = mido.MidiFile(type=1, ticks_per_beat=PPQ)
    file.tracks.append(_track(_conductor(arrangement, made_by), arrangement.ticks))
    for track in arrangement.tracks:
        file.tracks.append(_track(_instrument(track), arrangement.ticks))
    with written_whole(path) as draft:
        file.save(draft)


def _conductor(arrangement: Arrangement, made_by: str | None) -> _Events:
    meter, key = arrangement.meter, arrangement.key
    start = [
        mido.MetaMessage("track_name", name=_latin(arrangement.title)),
        mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(arrangement.tempo)),
        mido.MetaMessage(
            "time_signature",
            numerator=meter.numerator,
            denominator=meter.denominator,
            clocks_per_click=meter.beat_steps * _CLOCKS_PER_STEP,
        ),
        mido.MetaMessage("key_signature", key=tonic_name(key) + ("m" if MODES[key.mode].name == "minor" else "")),
    ]
    if made_by is not None:
        # Not a text event: those are chord symbols.
        start.append(mido.MetaMessage("copyright", text=_latin(made_by)))
    events: _Events = [(0, _END, message) for message in start]
    for section in arrangement.sections:
        events.append((section.start, _CHANGE, mido.MetaMessage("marker", text=_latin(section.name))))
    for chord in arrangement.chords:
        events.append((chord.start, _BEGIN, mido.MetaMessage("text", text=chord.symbol)))
    return events


def _instrument(track: Track) -> _Events:
    channel, mix = track.channel, track.mix
    controls = ((_VOLUME, mix.gain), (_PAN, mix.pan), (_REVERB, mix.reverb), (_CHORUS, mix.chorus))
    start = [
        mido.MetaMessage("track_name", name=_latin(track.name)),
        mido.Message("program_change", channel=channel, program=track.program),
        *(mido.Message("control_change", channel=channel, control=name, value=value) for name, value in controls),
    ]
    events: _Events = [(0, _CHANGE, message) for message in start]
    for note in track.notes:
        sound = {"channel": channel, "note": note.pitch}
        events.append((note.start, _BEGIN, mido.Message("note_on", velocity=note.velocity, **sound)))
        events.append((note.end, _END, mido.Message("note_off", velocity=0, **sound)))
    return events


def _track(events: _Events, end: int) -> mido.MidiTrack:
    track, now = mido.MidiTrack(), 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        message.time, now = tick - now, tick
        track.append(message)
    track.append(mido.MetaMessage("end_of_track", time=end - now))
    return track


def _latin(text: str) -> str:
    """MIDI texts are Latin-1; what lies outside becomes a question mark."""
    return text.encode("latin-1", "replace").decode("latin-1")
