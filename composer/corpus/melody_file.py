"""A melody somebody gives: one line of a MIDI file, note for note, on the grid of its own bars.

The corpus reader may choose, shorten and move music until it can be learned from. Here nothing is changed that can
be kept: the line's pitches and octave, its rests, its bars as the file declares them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from composer.corpus.errors import Unusable
from composer.corpus.keys import Clues, find_key
from composer.corpus.midi import DEFAULT_TEMPO, Part, Song, read_song
from composer.corpus.parts import find_roles, melody_score
from composer.errors import TriadError
from composer.score import HOLD, REST, Score, from_melody
from composer.theory import METER_INDEX, METERS, NO_CHORD, Key

MOST_BARS = 512
_TOLERANCE = 0.02  # sixteenths: what is nearer to the grid lies on it
_MOST_MOVED = 0.25  # share of the notes that may lie off the grid


class MelodyError(TriadError):
    """A file that holds no melody that can be written around."""


@dataclass(frozen=True, slots=True)
class Melody:
    """A melody on the grid.

    Attributes:
        score: one piece without chords, pitches relative as in every score, in the octave of the file.
        track: the name of the line it was read from.
        notes: what was changed on the way, in words.
    """

    score: Score
    track: str
    notes: tuple[str, ...]


def read_melody(
    path: Path, *, track: str | None = None, key: Key | None = None, meter: int | None = None, bars: int | None = None
) -> Melody:
    """The melody in a MIDI file.

    Args:
        path: the file.
        track: the name or number (from 1) of the line; else the one that looks most like a melody.
        key: it is in; else the one it sounds in.
        meter: index into the metres, to be compared with the file's; else the file's, 4/4 where it says none.
        bars: length; else as long as the melody sounds.

    Raises:
        MelodyError: if the file cannot be read, the line is no melody, or metre or length do not fit.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MelodyError(f"{path} cannot be read: {error.strerror or error}; name a MIDI file (.mid)") from None
    try:
        song = read_song(data)
        part = _line(song, track, path)
    except Unusable as error:
        raise MelodyError(f"{path} holds no melody: {error.reason}, {error.detail}") from None
    index, notes = _meter(song, meter, path), []
    metre = METERS[index]
    start, end = (np.floor(times + 0.5).astype(np.int64) for times in (part.start, part.end))
    off = int((np.abs(part.start - start) > _TOLERANCE).sum())
    if off > _MOST_MOVED * len(part):
        raise MelodyError(
            f"{path}: {off} of {len(part)} notes of {part.label} lie between the sixteenths: quantise it, or write "
            "triplets in 6/8 or 12/8"
        )
    if off:
        notes.append(f"{off} notes moved to the nearest sixteenth")
    end = np.maximum(end, start + 1)
    first = int(start.min()) // metre.bar_steps
    if first:
        notes.append(f"{first} silent bars before the melody left out")
        start, end = start - first * metre.bar_steps, end - first * metre.bar_steps
    _check_one_line(start, part, metre.bar_steps, first, path)
    end = np.minimum(end, np.append(start[1:], end.max()))
    sounding = -(-int(end.max()) // metre.bar_steps)
    # A note let go a sixteenth into the next bar does not make that bar.
    length = max(sounding, int(start.max()) // metre.bar_steps + 1) if bars is None else bars
    if length > MOST_BARS:
        raise MelodyError(f"{path} has {length} bars of {metre.name}, at most {MOST_BARS}: cut it")
    if bars is not None and bars < int(start.max()) // metre.bar_steps + 1:
        raise MelodyError(
            f"{path} sings in {int(start.max()) // metre.bar_steps + 1} bars and {bars} are asked for: ask for more, "
            "or cut it"
        )
    steps = length * metre.bar_steps
    events = np.full(steps, REST)
    for begin, stop, pitch in zip(start.tolist(), np.minimum(end, steps).tolist(), part.pitch.tolist(), strict=True):
        events[begin] = max(int(pitch), 2)
        events[begin + 1 : stop] = HOLD
    chosen = key or _key(song, start, end, part)
    events = np.where(events > HOLD, events - chosen.transposition, events)
    if events[events > HOLD].min() < HOLD + 1 or events.max() > 127:
        raise MelodyError(f"{path}: {part.label} reaches beyond what can be written in {chosen.name}: move an octave")
    score = from_melody(
        torch.from_numpy(events)[None],
        torch.full((1, length * metre.beats), NO_CHORD),
        meter=torch.tensor([index]),
        mode=torch.tensor([chosen.mode]),
        bars=torch.tensor([length]),
        tonic=torch.tensor([chosen.tonic]),
        tempo=torch.tensor([_tempo(song)]),
    )
    return Melody(score, part.label, tuple(notes))


def transposed(score: Score, semitones: int) -> Score:
    """The score with its written melody moved; chords, key and rests stay."""
    return replace(score, pitch=torch.where(score.pitch > 0, score.pitch + semitones, score.pitch))


def _line(song: Song, track: str | None, path: Path) -> Part:
    pitched = [part for part in song.parts if not part.is_drum]
    if not pitched:
        raise Unusable("no melody", "it has no pitched notes")
    if track is not None:
        named = [part for part in pitched if part.name.casefold() == track.casefold()]
        named = named or [part for number, part in enumerate(pitched, start=1) if str(number) == track]
        if not named:
            known = ", ".join(f"{number} {part.label}" for number, part in enumerate(pitched, start=1))
            raise MelodyError(f"{path} has no track {track!r}: choose one of {known}")
        return named[0]
    if len(pitched) == 1:
        return pitched[0]
    try:
        return find_roles(song.parts).melody
    except Unusable:
        span = max(float(part.end.max()) for part in pitched)
        return max(pitched, key=lambda part: melody_score(part, span))


def _meter(song: Song, wanted: int | None, path: Path) -> int:
    names = {f"{upper}/{lower}" for _, upper, lower in song.meters}
    if len(names) > 1:
        raise MelodyError(f"{path} changes its metre ({', '.join(sorted(names))}): cut it into pieces of one metre")
    name = next(iter(names), None)
    if name is not None and name not in METER_INDEX:
        raise MelodyError(f"{path} is in {name}: Triad writes in {', '.join(METER_INDEX)}")
    if wanted is not None and name is not None and METER_INDEX[name] != wanted:
        raise MelodyError(
            f"the melody of {path} is in {name} and {METERS[wanted].name} is asked for: leave the metre "
            "out, or rewrite the melody"
        )
    return METER_INDEX[name or METERS[wanted or 0].name]


def _check_one_line(start: np.ndarray, part: Part, bar_steps: int, first: int, path: Path) -> None:
    together = np.flatnonzero(np.diff(start) == 0)
    if len(together):
        bar = int(start[together[0]]) // bar_steps + 1 + first
        raise MelodyError(
            f"{path}: {part.label} strikes {len(together) + 1} notes together with others, first in bar {bar}: a "
            "melody is one line; name another track with --track, or 'triad arrange' the whole file"
        )


def _key(song: Song, start: np.ndarray, end: np.ndarray, part: Part) -> Key:
    tones = np.zeros(12)
    np.add.at(tones, part.pitch % 12, np.minimum(end - start, 16))
    return find_key(
        Clues(
            melody=tones,
            harmony=tones,
            closing_melody=int(part.pitch[-1]) % 12,
            closing_bass=int(part.pitch[-1]) % 12,
            opening_bass=int(part.pitch[0]) % 12,
            signature=song.keys[-1][1] if song.keys else None,
        )
    )


def _tempo(song: Song) -> float:
    return song.tempos[0][1] if song.tempos else DEFAULT_TEMPO
