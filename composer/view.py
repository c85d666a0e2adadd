"""One reading of a score that all terms share: metrical levels, notes in a row, bars side by side.

A :class:`View` computes each of its parts once, when first asked for, so that thirty terms on the same pieces cost
little more than their own formulas. It judges nothing and knows no corpus.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from composer.score import METER_BAR_STEPS, METER_BEATS, ONSET, REST, Score
from composer.theory import CHORD_CODES, METERS, MODES, NO_CHORD, Meter, chord_pitch_classes, chord_quality

BAR_LEVEL = 4
HALF_BAR_LEVEL = 3
BEAT_LEVEL = 2
WINDOW_BARS = 4
MAX_BAR_STEPS = max(meter.bar_steps for meter in METERS)

# Triads by what they do: with a minor third, with a diminished fifth below a minor third, and all others.
MAJOR_KIND, MINOR_KIND, DIMINISHED_KIND = range(3)
CHORD_CLASSES = 1 + 12 * 3


def metrical_level(meter: Meter, step: int) -> int:
    """How strong a sixteenth of the bar is: 4 barline, 3 half-bar, 2 beat, 1 half or third of a beat, 0 others.

    The metrical grid of Lerdahl and Jackendoff (A Generative Theory of Tonal Music, 1983). A half-bar exists in
    metres of four beats only: 3/4 has one strong beat.
    """
    beat, offset = divmod(step, meter.beat_steps)
    if offset:
        return int(offset % 2 == 0)
    if beat == 0:
        return BAR_LEVEL
    return HALF_BAR_LEVEL if meter.beats == 4 and beat == 2 else BEAT_LEVEL


def _steps_to_stronger(meter: Meter, step: int) -> int:
    """Sixteenths from ``step`` to the next beat that is stronger than it."""
    own = metrical_level(meter, step)
    later = range(step + 1, meter.bar_steps + 1)
    wanted = max(own + 1, BEAT_LEVEL)
    return next(
        (other - step for other in later if other == meter.bar_steps or metrical_level(meter, other) >= wanted),
        meter.bar_steps,
    )


def _chord_class(code: int) -> int:
    if code == NO_CHORD:
        return 0
    intervals = chord_quality(code).intervals
    kind = MAJOR_KIND
    if 3 in intervals:
        kind = DIMINISHED_KIND if 6 in intervals else MINOR_KIND
    return 1 + 12 * kind + (code - 1) % 12


def _by_step(rule: object) -> Tensor:
    assert callable(rule)
    rows = [[rule(meter, step) if step < meter.bar_steps else 0 for step in range(MAX_BAR_STEPS)] for meter in METERS]
    return torch.tensor(rows)


# (metres, sixteenths of a bar): tables of the two rules above.
LEVELS = _by_step(metrical_level)
STEPS_TO_STRONGER = _by_step(_steps_to_stronger)
# (CHORD_CODES, 12) bool: which pitch classes a chord holds.
CHORD_TONES = torch.tensor(
    [[pitch in chord_pitch_classes(code) for pitch in range(12)] for code in range(CHORD_CODES)]
)
# (CHORD_CODES,) int64: 0 no chord, otherwise 1 + 12 * kind + root.
CHORD_CLASS = torch.tensor([_chord_class(code) for code in range(CHORD_CODES)])
# Terciles of four bars of pop melody: the number of notes, and the share of them struck off the beat.
_CROWDS = torch.tensor([17.5, 22.5])
_OFF_BEATS = torch.tensor([0.46, 0.6])
TONICS = torch.tensor([mode.reference_tonic for mode in MODES])


@dataclass(frozen=True)
class Notes:
    """The melody's notes of each piece, in order; N is the most notes any piece has (at least 1).

    Attributes:
        here: (B, N) bool, False in the padding.
        step: (B, N) int64, sixteenth the note is struck at.
        pitch: (B, N) int64, MIDI pitch, relative.
        gap: (B, N) int64, sixteenths to the next note, or to the piece's end.
        length: (B, N) int64, sixteenths it sounds.
        chord: (B, N) int64, chord code at its onset.
        tone: (B, N) bool, it belongs to that chord.
        bar: (B, N) int64, bar it is struck in.
        place: (B, N) int64, sixteenth of that bar.
        level: (B, N) int64, metrical level 0..4 of its onset.
    """

    here: Tensor
    step: Tensor
    pitch: Tensor
    gap: Tensor
    length: Tensor
    chord: Tensor
    tone: Tensor
    bar: Tensor
    place: Tensor
    level: Tensor

    @cached_property
    def interval(self) -> Tensor:
        """(B, N) int64: semitones from the note before; 0 at the first note."""
        return torch.diff(self.pitch, dim=1, prepend=self.pitch[:, :1])

    @cached_property
    def follows(self) -> Tensor:
        """(B, N) bool: another note came before this one."""
        return self.here & (torch.arange(self.here.shape[1]) > 0)

    @cached_property
    def followed(self) -> Tensor:
        """(B, N) bool: another note comes after this one."""
        return torch.nn.functional.pad(self.here[:, 1:], (0, 1))

    @cached_property
    def closes_bar(self) -> Tensor:
        """(B, N) bool: it is the last note struck in its bar."""
        next_bar = torch.nn.functional.pad(self.bar[:, 1:], (0, 1), value=-1)
        return self.here & ~(self.followed & (next_bar == self.bar))


class View:
    """The readings of B pieces of T sixteenths, M bars (the longest) of at most S sixteenths."""

    def __init__(self, score: Score) -> None:
        self.score = score
        self.count, self.width = score.pitch.shape

    @classmethod
    def of(cls, score: Score | View) -> View:
        """``score`` itself where it is a view already, so that terms called together share their readings."""
        return score if isinstance(score, View) else cls(score)

    @cached_property
    def steps(self) -> Tensor:
        """(T,) int64: 0, 1, 2, ..."""
        return torch.arange(self.width)

    @cached_property
    def valid(self) -> Tensor:
        """(B, T) bool: inside the piece."""
        return self.score.valid()

    @cached_property
    def action(self) -> Tensor:
        """(B, T) int64: REST, HOLD or ONSET."""
        return self.score.action()

    @cached_property
    def onset(self) -> Tensor:
        """(B, T) bool: a note is struck."""
        return self.action == ONSET

    @cached_property
    def sounding(self) -> Tensor:
        """(B, T) int64: MIDI pitch sounding, 0 in rests."""
        return self.score.pitch.long() * (self.action != REST)

    @cached_property
    def chord(self) -> Tensor:
        """(B, T) int64: chord code."""
        return self.score.chord_steps()

    @cached_property
    def bar(self) -> Tensor:
        """(B, T) int64: bar each step lies in (it runs on in the padding)."""
        return self.steps // self.score.bar_steps[:, None]

    @cached_property
    def place(self) -> Tensor:
        """(B, T) int64: sixteenth of the bar."""
        return self.steps % self.score.bar_steps[:, None]

    @cached_property
    def level(self) -> Tensor:
        """(B, T) int64: metrical level 0..4, 0 in the padding."""
        return LEVELS[self.score.meter[:, None], self.place] * self.valid

    @cached_property
    def tone(self) -> Tensor:
        """(B, T) bool: the sounding pitch belongs to the chord; False in rests and without a chord."""
        return CHORD_TONES[self.chord, self.sounding % 12] & (self.sounding > 0)

    @cached_property
    def notes(self) -> Notes:
        """The melody as notes in a row."""
        rank = self.onset.cumsum(1) - 1
        most = max(int(rank[:, -1].max()) + 1, 1) if self.count else 1
        step = torch.zeros(self.count, most + 1, dtype=torch.int64)
        step.scatter_(1, torch.where(self.onset, rank, most), self.steps.expand(self.count, -1))
        step = step[:, :most]
        here = torch.arange(most) <= rank[:, -1:]
        end = self.score.steps[:, None]
        step = torch.where(here, step, end)
        gap = torch.cat([step[:, 1:], end], 1) - step
        silent = torch.where(self.action == REST, self.steps, self.width)
        next_rest = silent.flip(1).cummin(1).values.flip(1)
        step = torch.where(here, step, 0)
        length = torch.minimum(gap, next_rest.gather(1, step) - step)
        chord, pitch = self.chord.gather(1, step), self.score.pitch.long().gather(1, step)
        return Notes(
            here=here,
            step=step,
            pitch=pitch * here,
            gap=gap * here,
            length=length * here,
            chord=chord * here,
            tone=CHORD_TONES[chord, pitch % 12] & here,
            bar=self.bar.gather(1, step),
            place=self.place.gather(1, step),
            level=self.level.gather(1, step),
        )

    @cached_property
    def bar_count(self) -> int:
        """M: bars of the longest piece."""
        return max(int(self.score.bars.max()), 1) if self.count else 1

    @cached_property
    def bar_here(self) -> Tensor:
        """(B, M) bool: the piece has this bar."""
        return torch.arange(self.bar_count) < self.score.bars[:, None]

    @cached_property
    def bar_end(self) -> Tensor:
        """(B, M) int64: the bar's last sixteenth, clamped to the tensor."""
        last = (torch.arange(self.bar_count) + 1) * self.score.bar_steps[:, None] - 1
        return last.clamp(max=self.width - 1)

    @cached_property
    def _bar_columns(self) -> tuple[Tensor, Tensor]:
        longest = int(METER_BAR_STEPS[self.score.meter].max()) if self.count else 1
        bar_steps = self.score.bar_steps[:, None, None]
        column = torch.arange(self.bar_count)[:, None] * bar_steps + torch.arange(longest)
        inside = (torch.arange(longest) < bar_steps) & self.bar_here[:, :, None] & (column < self.width)
        return column.clamp(max=self.width - 1), inside

    def in_bars(self, values: Tensor) -> Tensor:
        """(B, M, S): what stands at each sixteenth (B, T) of each bar, 0 beyond the bar and the piece."""
        column, inside = self._bar_columns
        return values.gather(1, column.flatten(1)).view(column.shape) * inside

    @cached_property
    def struck(self) -> Tensor:
        """(B, M, S) int64: the pitch struck at each sixteenth of each bar, 0 where none is."""
        return self.in_bars(self.score.pitch.long() * self.onset)

    @cached_property
    def bar_onsets(self) -> Tensor:
        """(B, M) int64: notes struck in each bar."""
        return (self.struck > 0).sum(2)

    @cached_property
    def bar_off_beats(self) -> Tensor:
        """(B, M) int64: notes struck off the beat in each bar."""
        off_beat = self.notes.here & (self.notes.level < BEAT_LEVEL)
        count = torch.zeros(self.count, self.bar_count, dtype=torch.int64)
        return count.scatter_add_(1, self.notes.bar, off_beat.long())

    def window(self, values: Tensor) -> Tensor:
        """(B, M) float32: the sum of ``values`` (B, M) over each bar and the three before it."""
        total = torch.nn.functional.pad(values.float().cumsum(1), (WINDOW_BARS, 0))
        return total[:, WINDOW_BARS:] - total[:, :-WINDOW_BARS]

    @cached_property
    def style(self) -> Tensor:
        """(B, M) int64 in 0..8: how busy (three classes) and how far off the beat (three) the last four bars are."""
        notes = self.window(self.bar_onsets)
        off_beat = self.window(self.bar_off_beats) / notes.clamp(min=1)
        return torch.bucketize(notes, _CROWDS) * 3 + torch.bucketize(off_beat, _OFF_BEATS)

    def by_beat(self, values: Tensor) -> Tensor:
        """(B, M, beats of the longest bar) int64: what (B, beats) holds for each beat of each bar, -1 beyond it."""
        beats = METER_BEATS[self.score.meter][:, None, None]
        most = int(beats.max()) if self.count else 1
        column = torch.arange(self.bar_count)[:, None] * beats + torch.arange(most)
        inside = (torch.arange(most) < beats) & self.bar_here[:, :, None]
        column = column.clamp(max=values.shape[1] - 1)
        return torch.where(inside, values.long().gather(1, column.flatten(1)).view(column.shape), -1)

    @cached_property
    def bar_chords(self) -> Tensor:
        """(B, M, beats of the longest bar) int64: chord code of each beat of each bar, -1 beyond the bar."""
        return self.by_beat(self.score.chord)

    @cached_property
    def closing_note(self) -> tuple[Tensor, Tensor]:
        """(B, M) int64: the row of :attr:`notes` that is struck last in each bar, and (B, M) bool: there is one."""
        index = torch.arange(self.notes.step.shape[1]) * self.notes.closes_bar
        shape = (self.count, self.bar_count)
        return torch.zeros(shape, dtype=torch.int64).scatter_add_(1, self.notes.bar, index), self.bar_onsets > 0

    @cached_property
    def change(self) -> Tensor:
        """(B, N) bool: another chord begins at this beat; the first chord of a piece begins there."""
        chord = self.score.chord.long()
        before = torch.nn.functional.pad(chord[:, :-1], (1, 0))
        inside = torch.arange(chord.shape[1]) < self.score.beats[:, None]
        return (chord != before) & (chord != NO_CHORD) & inside

    @cached_property
    def chord_before(self) -> Tensor:
        """(B, N) int64: the chord that stood before the one of this beat, 0 where none did."""
        chord = self.score.chord.long()
        beats = torch.arange(chord.shape[1])
        start = torch.where(self.change, beats, -1).cummax(1).values
        # The beat before the present chord began; a rest of the harmony there counts as no chord.
        return chord.gather(1, (start - 1).clamp(min=0)) * (start > 0)

    @cached_property
    def beat_step(self) -> Tensor:
        """(B, N) int64: the sixteenth each beat begins at, clamped to the tensor."""
        start = torch.arange(self.score.chord.shape[1]) * self.score.beat_steps[:, None]
        return start.clamp(max=self.width - 1)

    def likeness(self, part: str, lag: int) -> tuple[Tensor, Tensor]:
        """How like each bar is to the one ``lag`` bars before it.

        Args:
            part: ``"rhythm"`` compares onsets, ``"melody"`` onsets with their pitches (both: common ones over all
                of either bar, the Jaccard index), ``"harmony"`` the share of beats under the same chord.
            lag: bars back, at least 1.

        Returns:
            (B, M) float32 in 0..1 and (B, M) bool, False where there is nothing to compare: the first ``lag`` bars,
            and where either bar is silent (or without harmony).
        """
        return self._likeness.setdefault((part, lag), self._compare(part, lag))

    @cached_property
    def _likeness(self) -> dict[tuple[str, int], tuple[Tensor, Tensor]]:
        return {}

    def _compare(self, part: str, lag: int) -> tuple[Tensor, Tensor]:
        if (part, lag) in self._likeness:
            return self._likeness[part, lag]
        shape = (self.count, self.bar_count)
        value, known = torch.zeros(shape), torch.zeros(shape, dtype=torch.bool)
        if lag < self.bar_count:
            bars = self.bar_chords if part == "harmony" else self.struck
            now, then = bars[:, lag:], bars[:, :-lag]
            here, there = now > 0, then > 0
            same = here & there if part == "rhythm" else here & (now == then)
            value[:, lag:] = same.sum(2) / (here | there).sum(2).clamp(min=1)
            known[:, lag:] = here.any(2) & there.any(2)
        return value, known
