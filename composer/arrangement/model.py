"""What an arrangement is: tracks of notes in ticks, with key, metre, tempo, chords and sections. Plain data.

The clock is the tick: 480 to a quarter note, so a sixteenth has 120. Pitches are MIDI pitches as they sound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from composer.arrangement.errors import ArrangementError
from composer.theory import Key, Meter

PPQ = 480
STEP_TICKS = PPQ // 4
SHORTEST_NOTE = STEP_TICKS // 4
DRUM_CHANNEL = 9
# A MIDI file holds the length of a quarter note in 24 bits of microseconds, so nothing slower than 3.6 a minute.
SLOWEST, FASTEST = 4.0, 999.0


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """A note from tick ``start`` to tick ``end``; ``pitch`` and ``velocity`` 1..127 as in MIDI."""

    start: int
    end: int
    pitch: int
    velocity: int


@dataclass(frozen=True, slots=True)
class Mix:
    """A track's place in the mix, as MIDI controllers 0..127: ``pan`` 64 is the centre, the rest are levels."""

    gain: int
    pan: int
    reverb: int
    chorus: int


@dataclass(frozen=True, slots=True)
class Track:
    """One instrument.

    Attributes:
        name: what a musician calls it, such as ``"Bass"``.
        part: the kind of line it plays: melody, comping, voice, bass or drums.
        program: General MIDI program 0..127; for drums the kit.
        channel: MIDI channel 0..15; 9 is the drums'.
        mix: its place in the mix.
        notes: sorted by start; none overlaps another of its pitch, none is shorter than 30 ticks.
    """

    name: str
    part: str
    program: int
    channel: int
    mix: Mix
    notes: tuple[Note, ...]

    @property
    def is_drum(self) -> bool:
        """Whether pitches mean drums."""
        return self.channel == DRUM_CHANNEL


@dataclass(frozen=True, slots=True)
class ChordSpan:
    """A chord from tick ``start`` to ``end``: its code as it sounds and its ``symbol`` spelled in the key."""

    start: int
    end: int
    code: int
    symbol: str


@dataclass(frozen=True, slots=True)
class Section:
    """A section from tick ``start`` to ``end``; those with the same letter share their melody."""

    start: int
    end: int
    name: str


@dataclass(frozen=True)
class Arrangement:
    """A piece for several instruments, ready to be written to a file or drawn.

    Attributes:
        title: the piece's name.
        style: the style it was arranged in.
        seed: the seed of whatever was drawn by lot.
        key: the key it sounds in.
        key_name: the key, spelled as musicians write it.
        meter: the metre.
        tempo: quarter notes a minute, 4..999.
        bars: length in bars.
        tracks: the instruments, melody first.
        chords: the harmony, without gaps where it is known.
        sections: the sections, without gaps.
    """

    title: str
    style: str
    seed: int
    key: Key
    key_name: str
    meter: Meter
    tempo: float
    bars: int
    tracks: tuple[Track, ...]
    chords: tuple[ChordSpan, ...]
    sections: tuple[Section, ...]

    def __post_init__(self) -> None:
        check_tempo(self.tempo)

    @property
    def bar_ticks(self) -> int:
        """Ticks in a bar."""
        return self.meter.bar_steps * STEP_TICKS

    @property
    def beat_ticks(self) -> int:
        """Ticks in a beat as a listener taps it (a dotted quarter note in 6/8)."""
        return self.meter.beat_steps * STEP_TICKS

    @property
    def ticks(self) -> int:
        """Length in ticks: the end of the last bar."""
        return self.bars * self.bar_ticks

    def seconds(self, tick: int) -> float:
        """Seconds from the start to ``tick``."""
        return tick / PPQ * 60.0 / self.tempo


def check_tempo(tempo: float) -> None:
    """Raise ArrangementError unless a MIDI file can hold a tempo in quarter notes a minute."""
    if not SLOWEST <= tempo <= FASTEST:
        raise ArrangementError(
            f"tempo {tempo:g} is outside {SLOWEST:g}..{FASTEST:g} quarter notes a minute:"
            " a MIDI file cannot hold it; choose one inside"
        )


def tidy(notes: Sequence[Note], end: int) -> tuple[Note, ...]:
    """Notes made playable: sorted, inside 0..``end``, at least 30 ticks long, none over another of its pitch.

    Where two notes of a pitch overlap the earlier one yields; of two that begin too close together to yield, the
    one with the higher velocity stays.
    """
    by_pitch: dict[int, list[Note]] = {}
    for note in sorted(notes):
        start = min(max(note.start, 0), end - SHORTEST_NOTE)
        note = Note(start, min(max(note.end, start + SHORTEST_NOTE), end), note.pitch, note.velocity)
        line = by_pitch.setdefault(note.pitch, [])
        if line and line[-1].end > note.start:
            before = line.pop()
            if note.start - before.start < SHORTEST_NOTE:
                note = Note(before.start, max(before.end, note.end), note.pitch, max(before.velocity, note.velocity))
            else:
                line.append(Note(before.start, note.start, before.pitch, before.velocity))
        line.append(note)
    return tuple(sorted(note for line in by_pitch.values() for note in line))
