"""One MIDI file to one piece: the order of the steps, and what is said about each.

Knows no tensor, so that worker processes start quickly; :mod:`composer.corpus.store` makes a score of the pieces.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import numpy as np

from composer.corpus import groove
from composer.corpus import harmony as chords
from composer.corpus.barlines import Bars, accents, find_bars
from composer.corpus.errors import Unusable
from composer.corpus.grid import NEAR, Alignment, align, is_written
from composer.corpus.keys import Clues, find_key
from composer.corpus.melody import HOLD, REST, Line, line
from composer.corpus.meters import UNTOLD, Stretch, declared_barlines, longest, stretches
from composer.corpus.midi import DEFAULT_TEMPO, Floats, Ints, Part, Song, read_song
from composer.corpus.parts import Roles, find_roles, harmony_weights
from composer.theory import METERS, NO_CHORD, Key, Meter, transpose_chord

READER_VERSION = 3  # raise it whenever the same files would give another corpus

MIN_BARS = 4
MAX_OFF_GRID = 0.35  # share of notes off the grid; half of all notes struck at random are
MAX_LOOSE = 0.25
_REGISTER = 69.5  # MIDI pitch the mean of a melody is brought to, by octaves
_MELODY_IN_HARMONY = 0.3
_ACCOMPANIED = 0.25  # share of the slots that must have harmony for it to be read rather than implied
_GUESSED_METERS = ("4/4", "3/4")


@dataclass(frozen=True, slots=True)
class PieceMeta:
    """Where a piece came from and how it was read.

    Attributes:
        file: path in the corpus folder.
        key, meter: as found, such as ``"D minor"`` and ``"4/4"``.
        tempo: quarter notes a minute.
        bars: length.
        melody: the melody's track.
        harmony: ``"block"`` (chord track read as written), ``"heard"`` (recognised) or ``"implied"`` by the melody.
        harmony_tracks: the tracks it was read from.
        notes: what was changed on the way, in words.
    """

    file: str
    key: str
    meter: str
    tempo: float
    bars: int
    melody: str
    harmony: str
    harmony_tracks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """A JSON object with a member for each attribute."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece on the grid, relative to C major or A minor.

    Attributes:
        events: (steps,) 0 rest, 1 hold, else the MIDI pitch struck.
        chords: (beats,) chord codes.
        groove: (beats,) accompaniment strokes, as in :class:`composer.score.Score`; all 0 where nothing accompanies.
        meter: index into the metres.
        key: the key it sounds in.
        meta: what the report says of it.
        octave: semitones its melody was moved by, a multiple of 12.
    """

    events: Ints
    chords: Ints
    groove: Ints
    meter: int
    key: Key
    meta: PieceMeta
    octave: int = 0


def read_piece(data: bytes, file: str) -> Piece:
    """The piece in a MIDI file.

    Args:
        data: the file's bytes.
        file: its name, for the report.

    Raises:
        Unusable: with the reason, if there is no piece Triad can learn from.
    """
    song = read_song(data)
    roles = find_roles(song.parts)
    notes: list[str] = []
    alignment = align(np.concatenate([part.start for part in song.parts]))
    off = min(alignment.off_grid, alignment.off_thirds)
    # Duplets beside triplets, both written to the tick, are on neither grid as a whole, yet quite in time.
    if off > MAX_OFF_GRID and alignment.loose > MAX_LOOSE:
        raise Unusable(
            "off the grid", f"{off:.0%} of the notes lie between the sixteenths (at most {MAX_OFF_GRID:.0%} may)"
        )
    swung = alignment.off_thirds < MAX_OFF_GRID < alignment.off_grid
    if swung:
        song, roles, notes = _as_compound(song, roles, alignment)
        alignment = align(np.concatenate([part.start for part in song.parts]))
    bars = _bars(song, roles, alignment, swung, notes)
    return _write(song, roles, bars, alignment.phase, file, notes)


def _as_compound(song: Song, roles: Roles, alignment: Alignment) -> tuple[Song, Roles, list[str]]:
    """The song with every beat of three triplet eighths written as one of six sixteenths."""
    note = f"{alignment.triplets:.0%} of the notes are triplets: read in compound time"

    def stretch(part: Part) -> Part:
        return replace(part, start=part.start * 1.5, end=part.end * 1.5)

    stretched = {id(part): stretch(part) for part in song.parts}
    song = Song(
        tuple(stretched[id(part)] for part in song.parts),
        tuple((at * 1.5, tempo * 1.5) for at, tempo in song.tempos or ((0.0, DEFAULT_TEMPO),)),
        tuple((at * 1.5, upper * 3, lower * 2) for at, upper, lower in song.meters),
        tuple((at * 1.5, key) for at, key in song.keys),
    )
    roles = replace(
        roles,
        melody=stretched[id(roles.melody)],
        harmony=tuple(stretched[id(part)] for part in roles.harmony),
    )
    return song, roles, [note]


def _bars(song: Song, roles: Roles, alignment: Alignment, swung: bool, notes: list[str]) -> Bars:
    """The piece's bars: as declared where the file is written to the tick, else found by ear."""
    end = max(float(part.end.max()) for part in song.parts) - alignment.phase
    runs = stretches(song.meters, end, float(roles.melody.start[0]))
    told = any(run.signature not in UNTOLD for run in runs)
    lengths = np.concatenate([part.end - part.start for part in song.parts])
    if told and alignment.exact and is_written(lengths):
        return _declared_bars(runs, end, notes)
    curves = accents(roles.melody, roles.harmony, alignment.phase, int(np.ceil(end)) + 1)
    names = {run.meter for run in runs}
    guesses = _GUESSED_METERS if len(names) > 1 or names & {"", "4/4"} else tuple(names)
    offset = min(alignment.phase, 1.0 - alignment.phase)
    declared = declared_barlines(song.meters, end) if offset < NEAR else np.zeros(0)
    bars = find_bars(curves, ("12/8",) if swung else guesses, np.round(declared).astype(np.int64))
    notes.append("bars found by ear")
    if bars.short:
        notes.append(f"{bars.short} short bars filled up")
    return bars


def _declared_bars(runs: list[Stretch], end: float, notes: list[str]) -> Bars:
    found = longest(runs)
    if found is None:
        names = ", ".join(sorted({run.signature for run in runs}))
        known = ", ".join(meter.name for meter in METERS)
        raise Unusable("unknown metre", f"{names}; Triad knows {known}")
    run, bars = found
    if run.end - run.start < end - METERS[bars.meter].bar_steps:
        notes.append(f"the longest stretch of one metre kept: {run.meter}, {len(bars.lines) - 1} bars")
    return bars


def _write(song: Song, roles: Roles, bars: Bars, phase: float, file: str, notes: list[str]) -> Piece:
    """The piece on the grid of its bars."""
    meter = METERS[bars.meter]
    steps = (len(bars.lines) - 1) * meter.bar_steps
    tune = _placed((roles.melody,), bars, phase)
    if not len(tune.pitch):
        raise Unusable("no melody", f"track '{roles.melody.label}' is silent in the stretch that was kept")
    full = line(tune.start, tune.end, tune.pitch, steps)
    first, last = _sounding_bars(full.events, meter)
    if last - first < MIN_BARS or _bars_with_notes(full.events, meter) < MIN_BARS:
        raise Unusable("too short", f"{_bars_with_notes(full.events, meter)} bars with notes, at least {MIN_BARS}")
    _describe(full, notes)
    window = slice(first * meter.bar_steps, last * meter.bar_steps)
    length = window.stop - window.start
    shift = -float(window.start)
    tune = tune.moved(shift)
    parts = roles.harmony + ((roles.melody,) if roles.polyphonic else ())
    backing = _placed(parts, bars, phase).moved(shift) if parts else _Notes.none()
    key = _key(song, tune, backing, length, bars, phase)
    codes, kind = _chords(roles, tune, backing, key, meter, length)
    semitones = -key.transposition
    events = full.events[window].copy()
    struck = events > HOLD
    # A note held over from before the first kept bar has no beginning here.
    lead = int(struck.argmax())
    events[:lead] = REST
    octave = 12 * round((_REGISTER - semitones - float(events[struck].mean())) / 12)
    events[struck] += semitones + octave
    if octave:
        notes.append(f"melody moved by {octave // 12:+d} octave{'s' if abs(octave) > 12 else ''}")
    if events[struck].min() < 2 or events[struck].max() > 127:
        raise Unusable("no melody", f"track '{roles.melody.label}' spans more than the MIDI range")
    meta = PieceMeta(
        file=file,
        key=key.name,
        meter=meter.name,
        tempo=round(_tempo(song, bars), 2),
        bars=last - first,
        melody=roles.melody.label,
        harmony=kind,
        harmony_tracks=tuple(part.label for part in parts) if kind != "implied" else (),
        notes=tuple(notes),
    )
    beats = np.array([transpose_chord(code, semitones) for code in codes], dtype=np.int64)
    return Piece(events, beats, _groove(roles, bars, phase, shift, length), bars.meter, key, meta, octave)


@dataclass(frozen=True, slots=True)
class _Notes:
    """Notes on the piece's clock, ordered by onset; ``weight`` is how much each counts in the harmony."""

    start: Floats
    end: Floats
    pitch: Ints
    weight: Floats

    @classmethod
    def none(cls) -> _Notes:
        return cls(np.zeros(0), np.zeros(0), np.zeros(0, dtype=np.int64), np.zeros(0))

    def moved(self, shift: float) -> _Notes:
        return replace(self, start=self.start + shift, end=self.end + shift)

    def rounded(self, steps: int) -> tuple[Ints, Ints, Ints, Floats]:
        """Whole sixteenths within 0..steps, at least one long, the pitches and weights; no note outside."""
        start = np.floor(self.start + 0.5).astype(np.int64)
        end = np.maximum(np.floor(self.end + 0.5).astype(np.int64), start + 1)
        inside = (end > 0) & (start < steps)
        return (
            np.clip(start, 0, steps)[inside],
            np.clip(end, 0, steps)[inside],
            self.pitch[inside],
            self.weight[inside],
        )


def _placed(parts: tuple[Part, ...], bars: Bars, phase: float) -> _Notes:
    start = np.concatenate([part.start for part in parts]) - phase
    end = np.concatenate([part.end for part in parts]) - phase
    pitch = np.concatenate([part.pitch for part in parts])
    weight = np.concatenate(
        [np.full(len(part), loud) for part, loud in zip(parts, harmony_weights(parts), strict=True)]
    )
    # Rounding must not carry a note over a barline of a short bar: half a sixteenth early belongs to the next bar.
    inside = (start >= bars.lines[0] - 0.5) & (start < bars.lines[-1] - 0.5)
    start, end, pitch, weight = start[inside], np.minimum(end[inside], bars.lines[-1]), pitch[inside], weight[inside]
    order = np.lexsort((pitch, start))
    placed_start = bars.place(start + 0.5) - 0.5
    placed_end = np.maximum(bars.place(end), placed_start + 0.05)
    placed_end = np.where(end >= bars.lines[-1], (len(bars.lines) - 1) * METERS[bars.meter].bar_steps, placed_end)
    return _Notes(placed_start[order], placed_end[order], pitch[order], weight[order])


def _sounding_bars(events: Ints, meter: Meter) -> tuple[int, int]:
    """The first bar with an onset, and the bar after the last one with sound."""
    onset = (events > HOLD).reshape(-1, meter.bar_steps).any(1)
    sound = (events != REST).reshape(-1, meter.bar_steps).any(1)
    if not onset.any():
        return 0, 0
    return int(onset.argmax()), len(sound) - int(sound[::-1].argmax())


def _bars_with_notes(events: Ints, meter: Meter) -> int:
    return int((events > HOLD).reshape(-1, meter.bar_steps).any(1).sum())


def _describe(full: Line, notes: list[str]) -> None:
    for count, words in (
        (full.displaced, "notes moved to the nearest sixteenth"),
        (full.ornaments, "ornaments left out"),
        (full.inner, "notes of lower voices left out"),
    ):
        if count:
            notes.append(f"{count} {words}")


def _key(song: Song, tune: _Notes, backing: _Notes, steps: int, bars: Bars, phase: float) -> Key:
    middle = float(bars.lines[len(bars.lines) // 2]) + phase
    declared = [key for at, key in song.keys if at <= middle]
    start, _, pitch, _ = tune.rounded(steps)
    low = backing if len(backing.rounded(steps)[0]) else tune
    low_start, _, low_pitch, _ = low.rounded(steps)
    return find_key(
        Clues(
            melody=_tones(tune, steps),
            harmony=_tones(low, steps),
            closing_melody=int(pitch[start.argmax()]) % 12,
            closing_bass=int(low_pitch[low_start >= low_start.max() - 1].min()) % 12,
            opening_bass=int(low_pitch[low_start <= low_start.min() + 1].min()) % 12,
            signature=declared[-1] if declared else None,
        )
    )


def _tones(notes: _Notes, steps: int) -> Floats:
    """(12,) sounding time of each pitch class; a long note counts as one bar at most."""
    start, end, pitch, _ = notes.rounded(steps)
    tones = np.zeros(12)
    np.add.at(tones, pitch % 12, np.minimum(end - start, 16))
    return tones


def _chords(roles: Roles, tune: _Notes, backing: _Notes, key: Key, meter: Meter, steps: int) -> tuple[list[int], str]:
    """(beats,) chord codes and how they were found."""
    bar_beats = steps // meter.beat_steps
    places = [beat for beat in range(bar_beats) if beat % meter.beats in meter.chord_beats]
    slots = np.array(places) * meter.beat_steps
    start, end, pitch, weight = backing.rounded(steps)
    if roles.block and len(pitch):
        found, kind = chords.read_blocks(start, end, pitch, slots, steps), "block"
    else:
        tune_start, tune_end, tune_pitch, _ = tune.rounded(steps)
        heard = chords.sounds(start, end, pitch, weight, slots, steps) if len(pitch) else None
        if heard is not None and float(heard.tones.any(1).mean()) >= _ACCOMPANIED:
            both = chords.sounds(
                np.concatenate([start, tune_start]),
                np.concatenate([end, tune_end]),
                np.concatenate([pitch, tune_pitch]),
                np.concatenate([weight, np.full(len(tune_pitch), _MELODY_IN_HARMONY)]),
                slots,
                steps,
            )
            found, kind = chords.recognise(both), "heard"
        else:
            own = chords.sounds(tune_start, tune_end, tune_pitch, np.ones(len(tune_pitch)), slots, steps)
            own = replace(own, bass=np.zeros_like(own.bass))
            strong = [beat % meter.beats == 0 for beat in places]
            found, kind = chords.imply(own, key, strong), "implied"
    codes = [NO_CHORD] * bar_beats
    for beat, code, following in zip(places, found, [*places[1:], bar_beats], strict=True):
        codes[beat:following] = [code] * (following - beat)
    return codes, kind


def _groove(roles: Roles, bars: Bars, phase: float, shift: float, steps: int) -> Ints:
    """(beats,) the strokes of the accompaniment; block chords say what the harmony is, not how it is played."""
    meter, beat_steps = METERS[bars.meter], METERS[bars.meter].beat_steps
    bass, upper = groove.accompanying(roles.harmony)
    if roles.block or not upper:
        return np.zeros(steps // beat_steps, dtype=np.int64)
    placed = [_placed(parts, bars, phase).moved(shift) for parts in (bass, upper) if parts]
    start, end, pitch = (
        np.concatenate([getattr(notes, name) for notes in placed]) for name in ("start", "end", "pitch")
    )
    bass_part = np.repeat([1, 0][-len(placed) :], [len(notes.start) for notes in placed])
    order = np.argsort(start, kind="stable")
    beat = np.arange(steps) // beat_steps
    segment = np.cumsum(np.isin(beat % meter.beats, meter.chord_beats) & (np.arange(steps) % beat_steps == 0)) - 1
    found = groove.strokes(start[order], end[order], pitch[order], bass_part[order], segment)
    return groove.packed(found, beat_steps)


def _tempo(song: Song, bars: Bars) -> float:
    """The tempo that lasts longest, in sixteenths, between the first and the last barline."""
    events = [*song.tempos] or [(0.0, DEFAULT_TEMPO)]
    shares: dict[float, float] = {}
    for index, (at, tempo) in enumerate(events):
        begin = max(at, float(bars.lines[0])) if index else float(bars.lines[0])
        stop = events[index + 1][0] if index + 1 < len(events) else float(bars.lines[-1])
        shares[tempo] = shares.get(tempo, 0.0) + max(0.0, min(stop, float(bars.lines[-1])) - begin)
    return max(shares, key=lambda tempo: shares[tempo])
