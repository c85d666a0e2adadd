"""The shared score: a batch of pieces as integer tensors. Nothing else in Triad holds music.

A piece has four parts; the agents write them:

===========  ===============  =====================================================================
part         shape            content
===========  ===============  =====================================================================
``chord``    (B, beats)       chord code sounding in each beat (:func:`composer.theory.chord_code`)
``cell``     (B, beats)       rhythm cell of each beat: base-3 digits {rest, hold, onset} per sixteenth
``pitch``    (B, steps)       MIDI pitch of the note last struck at or before each sixteenth, 0 before it
``groove``   (B, beats)       strokes of the accompaniment: base-4 digits {none, bass, upper, both} per sixteenth
===========  ===============  =====================================================================

Beside them stands the form plan the piece is written to (:mod:`composer.plan`), all zeros where there is none.

Pitches and chords are relative: as if in C major or A minor. The clock is the sixteenth; beats of four
sixteenths (simple metres) or six (compound metres) follow each other without gaps, so beat ``b`` covers steps
``b * beat_steps .. (b + 1) * beat_steps - 1``. Pieces shorter than the batch's tensors are padded with zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from composer import plan as form_plan
from composer.theory import MAX_BEAT_STEPS, METERS, MODES

REST, HOLD, ONSET = 0, 1, 2
CELL_CODES = 3**MAX_BEAT_STEPS

# (CELL_CODES, MAX_BEAT_STEPS): the digits of every cell code, first sixteenth first.
CELL_STEPS = torch.tensor(
    [[code // 3**step % 3 for step in range(MAX_BEAT_STEPS)] for code in range(CELL_CODES)], dtype=torch.int64
)
METER_BEATS = torch.tensor([meter.beats for meter in METERS])
METER_BEAT_STEPS = torch.tensor([meter.beat_steps for meter in METERS])
METER_BAR_STEPS = METER_BEATS * METER_BEAT_STEPS
_REFERENCE_TONICS = torch.tensor([mode.reference_tonic for mode in MODES])


@dataclass(frozen=True, slots=True)
class Score:
    """A batch of B pieces.

    Attributes:
        chord: (B, N) int16, chord code of each beat, 0 for no chord.
        cell: (B, N) int16, rhythm cell code of each beat.
        pitch: (B, T) int16, MIDI pitch last struck, 0 before the first note.
        groove: (B, N) int16, accompaniment strokes of each beat; all 0 in a piece whose accompaniment is not known.
        meter: (B,) int64, index into :data:`composer.theory.METERS`.
        mode: (B,) int64, index into :data:`composer.theory.MODES`.
        bars: (B,) int64, length in bars.
        tonic: (B,) int64, pitch class 0..11 the piece sounds in.
        tempo: (B,) float32, quarter notes per minute.
        plan: (B, M, WIDTH) uint8, the form plan of each bar (:data:`composer.plan.COLUMNS`), zeros where none is.
    """

    chord: Tensor
    cell: Tensor
    pitch: Tensor
    groove: Tensor
    meter: Tensor
    mode: Tensor
    bars: Tensor
    tonic: Tensor
    tempo: Tensor
    plan: Tensor

    def __len__(self) -> int:
        """Number of pieces B."""
        return self.chord.shape[0]

    @property
    def beat_steps(self) -> Tensor:
        """(B,) sixteenths in a beat."""
        return METER_BEAT_STEPS.to(self.meter.device)[self.meter]

    @property
    def beats(self) -> Tensor:
        """(B,) length in beats."""
        return METER_BEATS.to(self.meter.device)[self.meter] * self.bars

    @property
    def bar_steps(self) -> Tensor:
        """(B,) sixteenths in a bar."""
        return METER_BAR_STEPS.to(self.meter.device)[self.meter]

    @property
    def steps(self) -> Tensor:
        """(B,) length in sixteenths."""
        return self.bar_steps * self.bars

    @property
    def transposition(self) -> Tensor:
        """(B,) semitones from the written to the sounding pitch, -6..5."""
        return (self.tonic - _REFERENCE_TONICS.to(self.mode.device)[self.mode] + 6) % 12 - 6

    def valid(self) -> Tensor:
        """(B, T) bool: steps that belong to the piece rather than to the padding."""
        return torch.arange(self.pitch.shape[1], device=self.pitch.device) < self.steps[:, None]

    def beat_of_step(self) -> Tensor:
        """(B, T) int64: the beat each step lies in, clamped to the last beat of the tensor."""
        steps = torch.arange(self.pitch.shape[1], device=self.pitch.device)
        return (steps // self.beat_steps[:, None]).clamp(max=self.chord.shape[1] - 1)

    def chord_steps(self) -> Tensor:
        """(B, T) int64: the chord code sounding at each step, 0 in the padding."""
        return self.chord.long().gather(1, self.beat_of_step()) * self.valid()

    def action(self) -> Tensor:
        """(B, T) int64: REST, HOLD or ONSET at each step; REST in the padding."""
        steps = torch.arange(self.pitch.shape[1], device=self.pitch.device)
        offset = steps % self.beat_steps[:, None]
        cell = self.cell.long().gather(1, self.beat_of_step())
        return CELL_STEPS.to(cell.device)[cell, offset] * self.valid()

    def strokes(self) -> Tensor:
        """(B, T) int64: what the accompaniment strikes at each step: 0 nothing, 1 bass, 2 upper voices, 3 both."""
        steps = torch.arange(self.pitch.shape[1], device=self.pitch.device)
        offset = steps % self.beat_steps[:, None]
        groove = self.groove.long().gather(1, self.beat_of_step())
        return (groove >> 2 * offset) % 4 * self.valid()

    @property
    def accompanied(self) -> Tensor:
        """(B,) bool: pieces whose accompaniment is known."""
        return (self.groove != 0).any(1)

    def onset(self) -> Tensor:
        """(B, T) bool: steps at which a melody note begins."""
        return self.action() == ONSET

    def sounding(self) -> Tensor:
        """(B, T) int64: MIDI pitch sounding at each step, 0 in rests and padding."""
        return self.pitch.long() * (self.action() != REST)

    def select(self, rows: Tensor | slice | Sequence[int]) -> Score:
        """The pieces at ``rows``, in that order; the padding is kept."""
        if not isinstance(rows, (Tensor, slice)):
            rows = torch.tensor(list(rows), dtype=torch.int64)
        return Score(*(getattr(self, field.name)[rows] for field in fields(self)))

    def trimmed(self) -> Score:
        """The same pieces without the columns that are padding in all of them."""
        beats, steps = int(self.beats.max()), int(self.steps.max())
        return replace(
            self,
            chord=self.chord[:, :beats].contiguous(),
            cell=self.cell[:, :beats].contiguous(),
            pitch=self.pitch[:, :steps].contiguous(),
            groove=self.groove[:, :beats].contiguous(),
        )

    def excerpt(self, start: Tensor, bars: int) -> Score:
        """``bars`` bars from bar ``start`` (B,) of each piece, as pieces of their own.

        A note tied over the excerpt's first barline is struck anew there. The plan of the whole is not the excerpt's:
        it has none. Every piece must be long enough: ``start + bars <= self.bars``.
        """
        if bool((start < 0).any()) or bool((start + bars > self.bars).any()):
            raise ValueError(f"an excerpt of {bars} bars reaches beyond the end of a piece")
        meter_beats = METER_BEATS[self.meter]
        beat_count, step_count = int((meter_beats * bars).max()), int((self.bar_steps * bars).max())
        beat_columns = start[:, None] * meter_beats[:, None] + torch.arange(beat_count)
        step_columns = start[:, None] * self.bar_steps[:, None] + torch.arange(step_count)
        beat_inside = torch.arange(beat_count) < (meter_beats * bars)[:, None]
        step_inside = torch.arange(step_count) < (self.bar_steps * bars)[:, None]
        beat_columns = beat_columns.clamp(max=self.chord.shape[1] - 1)
        step_columns = step_columns.clamp(max=self.pitch.shape[1] - 1)
        cell = self.cell.gather(1, beat_columns) * beat_inside
        # The first digit is the lowest one: HOLD -> ONSET adds one to the code.
        cell[:, 0] += (cell[:, 0] % 3 == HOLD).to(cell.dtype)
        pitch = self.pitch.gather(1, step_columns) * step_inside
        excerpt = replace(
            self,
            chord=self.chord.gather(1, beat_columns) * beat_inside,
            cell=cell,
            pitch=pitch,
            groove=self.groove.gather(1, beat_columns) * beat_inside,
            bars=torch.full_like(self.bars, bars),
            plan=unplanned(len(self), bars),
        )
        before_first = excerpt.onset().cumsum(1) == 0
        return replace(excerpt, pitch=pitch * ~before_first)


def unplanned(pieces: int, bars: int) -> Tensor:
    """(pieces, bars, WIDTH) uint8: a plan that asks for nothing."""
    return torch.zeros(pieces, bars, form_plan.WIDTH, dtype=torch.uint8)


def concatenate(scores: Sequence[Score]) -> Score:
    """One batch of all pieces of ``scores``, padded to the longest."""
    if not scores:
        raise ValueError("there is no score to concatenate")

    def join(name: str) -> Tensor:
        parts = [getattr(score, name) for score in scores]
        if parts[0].dim() == 1:
            return torch.cat(parts)
        width = max(part.shape[1] for part in parts)
        beyond = (0, 0) * (parts[0].dim() - 2)
        return torch.cat([torch.nn.functional.pad(part, (*beyond, 0, width - part.shape[1])) for part in parts])

    return Score(*(join(field.name) for field in fields(Score)))


def from_melody(
    melody: Tensor,
    chord: Tensor,
    *,
    meter: Tensor,
    mode: Tensor,
    bars: Tensor,
    tonic: Tensor,
    tempo: Tensor,
    groove: Tensor | None = None,
) -> Score:
    """A score from a melody line written as one event a step.

    Args:
        melody: (B, T) integers: 0 rest, 1 hold, otherwise the MIDI pitch struck there. A hold after a rest is
            read as a rest.
        chord: (B, N) chord codes a beat.
        meter: (B,) as in :class:`Score`, like the four below.
        mode: (B,).
        bars: (B,).
        tonic: (B,).
        tempo: (B,).
        groove: (B, N) as in :class:`Score`; none where it is not known.
    """
    rows, length = melody.shape
    melody = melody.long()
    onset = melody > HOLD
    steps = torch.arange(length).expand(rows, length)
    latest_onset = torch.where(onset, steps, -1).cummax(1).values
    latest_rest = torch.where(melody == REST, steps, -1).cummax(1).values
    action = torch.where(onset, ONSET, torch.where(latest_onset > latest_rest, HOLD, REST))
    pitch = melody.gather(1, latest_onset.clamp(min=0)) * (latest_onset >= 0)
    beat_steps = METER_BEAT_STEPS[meter]
    digits = torch.arange(MAX_BEAT_STEPS)
    columns = torch.arange(chord.shape[1])[:, None] * beat_steps[:, None, None] + digits
    inside = (digits < beat_steps[:, None, None]) & (columns < length)
    flat = columns.clamp(max=length - 1).flatten(1)
    weighted = action.gather(1, flat).view(columns.shape) * inside * 3**digits
    score = Score(
        chord=chord.to(torch.int16),
        cell=weighted.sum(2).to(torch.int16),
        pitch=pitch.to(torch.int16),
        groove=torch.zeros_like(chord, dtype=torch.int16) if groove is None else groove.to(torch.int16),
        meter=meter.long(),
        mode=mode.long(),
        bars=bars.long(),
        tonic=tonic.long(),
        tempo=tempo.to(torch.float32),
        plan=unplanned(rows, int(bars.max())),
    )
    beat_inside = torch.arange(chord.shape[1]) < score.beats[:, None]
    return replace(
        score,
        chord=score.chord * beat_inside,
        cell=score.cell * beat_inside,
        pitch=score.pitch * score.valid(),
        groove=score.groove * beat_inside,
    )
