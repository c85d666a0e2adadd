"""The coordinating environment: three agents write B pieces at once, each piece at its own place.

Within a beat the chord agent chooses first (only at the metre's chord beats, where the rhythm agent then chooses the
groove of the accompaniment up to the next one), then the rhythm agent picks the beat's cell, then the melody agent a
pitch for every onset in the cell. Each agent sees what the others have just chosen, so
they coordinate inside a step without enumerating joint actions. Pieces move on independently: after a few steps one
waits for a chord while another waits for a pitch. Every operation has a fixed shape and no Python loop runs over
pieces; all randomness lies with the caller.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from composer.environment.layout import BEATS_BEFORE, CALENDAR, LED, STEPS_BEFORE, Layout
from composer.environment.observation import PHRASE_BARS, PLANNED
from composer.environment.tables import (
    AT,
    FIRST_REGISTER,
    KINDS,
    OFFSETS,
    PLACE,
    REGISTER,
    REGISTERS,
    SUMMED,
    TO_CELL,
    TO_CHORD,
    TO_END,
    TO_GROOVE,
    TO_MELODY,
    tables_of,
)
from composer.errors import TriadError
from composer.plan import INDEX
from composer.score import METER_BEAT_STEPS, METER_BEATS, Score, unplanned
from composer.theory import METERS
from composer.vocabulary import DONE, MELODY, Vocabulary

_RECALLED, _CADENCE, _LEFT = INDEX["recalled"], INDEX["cadence"], INDEX["bars to the phrase's end"]
_BEAT, _OFFSET, _CELL, _CASE = (REGISTER[name] for name in ("beat", "offset", "cell", "case row"))
_GOES_ON = slice(REGISTER["goes on"], REGISTER["goes on"] + 1)


class EnvironmentConditionError(TriadError):
    """Conditions that no piece can be written under."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What is settled before the first decision, for each of B pieces.

    Attributes:
        meter: (B,) int64, index into :data:`composer.theory.METERS`.
        mode: (B,) int64, index into :data:`composer.theory.MODES`.
        bars: (B,) int64, length in bars, at least 1.
        tonic: (B,) int64, pitch class the piece shall sound in.
        tempo: (B,) float32, quarter notes per minute.
        accompanied: (B,) bool, whether grooves are chosen, where the vocabulary has any.
        plan: (B, M, WIDTH) uint8, the form plan of each bar (:data:`composer.plan.COLUMNS`), zeros where none is.
    """

    meter: Tensor
    mode: Tensor
    bars: Tensor
    tonic: Tensor
    tempo: Tensor
    accompanied: Tensor
    plan: Tensor

    @classmethod
    def uniform(
        cls, count: int, *, meter: int = 0, mode: int = 0, bars: int = 16, tonic: int = 0, tempo: float = 96.0
    ) -> Conditions:
        """The same conditions for ``count`` pieces; nothing is planned."""
        return cls(
            meter=torch.full((count,), meter),
            mode=torch.full((count,), mode),
            bars=torch.full((count,), bars),
            tonic=torch.full((count,), tonic),
            tempo=torch.full((count,), tempo, dtype=torch.float32),
            accompanied=torch.ones(count, dtype=torch.bool),
            plan=unplanned(count, bars),
        )

    @classmethod
    def of(cls, score: Score) -> Conditions:
        """The conditions the pieces of ``score`` were written under."""
        return cls(*(getattr(score, field.name) for field in fields(cls)))

    def __len__(self) -> int:
        """Number of pieces B."""
        return self.meter.shape[0]

    def select(self, rows: Tensor) -> Conditions:
        """The conditions at ``rows``, an index or a mask."""
        return Conditions(*(getattr(self, field.name)[rows] for field in fields(self)))

    def to(self, device: torch.device | str) -> Conditions:
        """The same on another device."""
        return Conditions(*(getattr(self, field.name).to(device) for field in fields(self)))


class Coordinator:
    """B pieces under way.

    Attributes:
        vocabulary: what the agents may choose.
        turn: (B,) int64, who decides next in each piece: CHORD, RHYTHM, MELODY or DONE.
        wait: an action that lets a piece stand still while others go on; it is never among the legal ones.
    """

    turn: Tensor

    def __init__(self, vocabulary: Vocabulary, device: torch.device | str = "cpu") -> None:
        self.vocabulary = vocabulary
        self.device = torch.device(device)
        self._tables = tables_of(vocabulary, self.device)
        self._led = LED.to(self.device)
        self.wait = self._tables.wait

    def begin(self, conditions: Conditions, room_for: Conditions | None = None) -> None:
        """Start one blank piece for each row of ``conditions``.

        Args:
            conditions: what is settled for each piece.
            room_for: conditions that rows may be restarted under later; room is made for the longest.

        Raises:
            EnvironmentConditionError: if a piece has no bar, or a metre the vocabulary has no rhythm cells for.
        """
        conditions = conditions.to(self.device)
        if len(conditions) == 0 or int(conditions.bars.min()) < 1:
            raise EnvironmentConditionError("a batch needs at least one piece, and a piece at least one bar")
        missing = sorted(set(conditions.meter.tolist()) - set(self.vocabulary.meters()))
        if missing:
            known = ", ".join(METERS[index].name for index in self.vocabulary.meters())
            raise EnvironmentConditionError(
                f"the model has no rhythm cells for {METERS[missing[0]].name}: it was trained on {known}"
            )
        longest = (room_for or conditions).to(self.device)
        beats = METER_BEATS.to(self.device)[longest.meter] * longest.bars
        steps = beats * METER_BEAT_STEPS.to(self.device)[longest.meter]
        self._layout = Layout(self.vocabulary, self._tables, int(beats.max()), int(steps.max()), self.device)
        size = len(conditions)
        self.conditions = conditions
        self._memory = self._layout.blank(self.device).repeat(size, 1)
        # Small numbers are kept in 32 bits: half the memory traffic of what PyTorch wants for addresses.
        self._bases = torch.empty(size, len(self._layout.base), dtype=torch.int32, device=self.device)
        self._places = torch.empty(size, self._layout.beats + 1, len(PLACE), dtype=torch.int32, device=self.device)
        self._first_place = torch.arange(size, device=self.device) * (self._layout.beats + 1)
        self._state = torch.zeros(size, len(AT), dtype=torch.int32, device=self.device)
        # Written over at every step: fresh memory of this size would cost more than the arithmetic.
        self._addresses = torch.empty(self._bases.shape, dtype=torch.int64, device=self.device)
        self._sources = self._layout.source.expand(size, -1)
        self._values = self._tables.written.expand(size, -1)
        self._settle(torch.arange(size, device=self.device))

    def restart(self, rows: Tensor, conditions: Conditions) -> None:
        """Throw away the pieces at ``rows`` (R,) int64 and begin new ones there.

        Args:
            rows: which pieces.
            conditions: of the whole batch (B rows), new at ``rows`` and as before elsewhere.
        """
        self.conditions = conditions.to(self.device)
        self._memory[rows] = self._layout.blank(self.device)
        self._state[rows] = 0
        self._settle(rows)

    def copy_rows(self, rows: Tensor) -> None:
        """Every piece goes on from where the piece at ``rows`` (B,) int64 stands; both need the same conditions."""
        self._memory, self._state, self.turn = self._memory[rows], self._state[rows], self.turn[rows]
        self._address()

    def _settle(self, rows: Tensor) -> None:
        """Take over the conditions at ``rows``, whose pieces are blank, and what follows from them."""
        conditions, layout, tables = self.conditions.select(rows), self._layout, self._tables
        bar_beats = METER_BEATS.to(self.device)[conditions.meter][:, None]
        beat_steps = METER_BEAT_STEPS.to(self.device)[conditions.meter][:, None]
        beat = torch.arange(layout.beats + 1, device=self.device).expand(len(rows), -1)
        bar, bar_beat = beat // bar_beats, beat % bar_beats
        inside = bar < conditions.bars[:, None]
        # A plan shorter than the piece asks for nothing beyond its end.
        planned = inside & (bar < conditions.plan.shape[1])
        at = bar.clamp(max=conditions.plan.shape[1] - 1)
        plan = conditions.plan.gather(1, at[:, :, None].expand(-1, -1, conditions.plan.shape[2])).long()
        plan = plan * planned[:, :, None]
        cadence = plan[:, :, _CADENCE] * (plan[:, :, _LEFT] == 1)
        calendar = {
            "mode": conditions.mode[:, None].expand_as(beat),
            "meter": conditions.meter[:, None].expand_as(beat),
            "beat of the bar": bar_beat,
            "bar of eight": bar % PHRASE_BARS,
            "bars left": (conditions.bars[:, None] - 1 - bar).clamp(0, PHRASE_BARS),
            "cadence of the bar": cadence,
            **{f"planned {name}": plan[:, :, INDEX[name]] for name in PLANNED},
        }
        settled = torch.stack([calendar[name] for name in CALENDAR], 2)
        self._memory[rows, layout.calendar : layout.chord] = settled.flatten(1).to(torch.uint8)

        kind = torch.where(inside, tables.beat_kind[conditions.meter[:, None], bar_beat], TO_END)
        accompanied = conditions.accompanied & tables.has_grooves[conditions.meter]
        lag = plan[:, :, _RECALLED] * bar_beats
        # Where nothing is recalled, the recalled place lies before the first bar, where there is nothing.
        recalls = (lag > 0) & (lag <= beat)
        places = {
            "after chord": torch.where(accompanied, TO_GROOVE, TO_CELL)[:, None].expand_as(beat),
            "to cell": torch.full_like(beat, TO_CELL),
            "to melody": torch.full_like(beat, TO_MELODY),
            "at a beat": kind,
            "groove mask": tables.groove_row[conditions.meter[:, None], bar_beat],
            "recalled beat": torch.where(recalls, beat - lag, -BEATS_BEFORE),
            "less the lag": torch.where(recalls, -lag, -beat) * beat_steps - ~recalls * (STEPS_BEFORE - 1),
        }
        self._places[rows] = torch.stack([places[name] for name in PLACE], 2).int()
        self._bases[rows] = layout.bases(conditions.meter)
        self._state[rows, 0] = TO_CHORD
        self._state[rows, 1:FIRST_REGISTER] = self._places[rows, 0]
        registers = self._state[:, FIRST_REGISTER : FIRST_REGISTER + len(REGISTERS)]
        self._arrive(self._state[:, :FIRST_REGISTER], registers)

    def _arrive(self, place: Tensor, registers: Tensor) -> None:
        """Take over whose turn it is and where (B, 1 + P), the registers (B, R), and what follows from them."""
        state = torch.cat([place, registers], 1)
        self._state = torch.cat([state, state[:, SUMMED[0]] + state[:, SUMMED[1]]], 1)
        self.turn = self._tables.agent_of_kind.index_select(0, self._state[:, 0])
        self._address()

    def _address(self) -> None:
        """Work out the addresses of everything that is seen and written next."""
        layout = self._layout
        found = torch.addcmul(self._bases, self._state.gather(1, self._sources), layout.factor)
        self._addresses.copy_(found)

    @property
    def groove_next(self) -> Tensor:
        """(B,) bool, whether the next decision is the rhythm agent's on a groove."""
        return self._state[:, 0] == TO_GROOVE

    @property
    def time(self) -> Tensor:
        """(B,) int64: the sixteenth the next decision is about; the piece's length when it is done."""
        return self._state[:, AT["time"]].long()

    @property
    def order(self) -> Tensor:
        """(B,) int32: how far each piece is; by beat, then chord, groove, cell, pitches; the end lies beyond all."""
        return self._tables.order_of_kind.index_select(0, self._state[:, 0]) + self._state[:, AT["beat"]] * KINDS

    @property
    def finished(self) -> bool:
        """Whether every piece is done."""
        return bool((self.turn == DONE).all())

    def observe(self) -> Tensor:
        """(B, F) uint8: what the agent whose turn it is sees; columns as in ``SLOTS``."""
        layout = self._layout
        self._memory[:, layout.state : layout.calendar] = self._state
        found = self._memory.gather(1, self._addresses[:, : layout.led.stop])
        # Where pitches are led: so far from the last one as others lie apart.
        added, subtracted, known = found[:, layout.led].int().view(len(found), 3, -1).unbind(1)
        led = (added - subtracted + self._state[:, AT["pitch"], None]).clamp_(1, self.vocabulary.sizes[MELODY])
        observation = found[:, : layout.seen]
        return observation.index_copy(1, self._led, (led * (known > 0)).to(torch.uint8))

    def legal(self) -> Tensor:
        """(B, A) bool: the actions open to the agent whose turn it is; a finished piece has only action 0."""
        column = self._state[:, :1].long() + (self._layout.masks - 1)
        return self._tables.masks.index_select(0, self._addresses.gather(1, column).view(-1))

    def step(self, actions: Tensor) -> None:
        """Carry out one decision in every piece.

        Args:
            actions: (B,) int64, each legal for the agent whose turn it is, or ``wait``; ignored where the piece is
                done.
        """
        tables, state, layout = self._tables, self._state, self._layout
        choice = torch.add(actions, state[:, 0], alpha=tables.width)
        interval = torch.add(actions, state[:, AT["pitch"]], alpha=tables.width)
        said = torch.cat([state, tables.said.index_select(0, choice), tables.interval.index_select(0, interval)], 1)
        registers = said.gather(1, tables.moves.index_select(0, choice))

        # What stands at the cursor is written at every step; the cursor's beat is rewritten until it is left, and a
        # pitch that runs over the barline is overwritten by the next beat's first write.
        targets = self._addresses[:, layout.targets].gather(1, tables.writes.index_select(0, choice))
        self._memory.scatter_(1, targets, registers.gather(1, self._values).to(torch.uint8))

        row = torch.add(registers[:, _OFFSET] + registers[:, _CASE], registers[:, _CELL], alpha=OFFSETS)
        kept, added = tables.keep.index_select(0, row), tables.add.index_select(0, row)
        registers = torch.addcmul(added, registers, kept).minimum(tables.limits)
        place = self._places.view(-1, len(PLACE)).index_select(0, self._first_place + registers[:, _BEAT])
        self._arrive(torch.cat([place.gather(1, registers[:, _GOES_ON].long()), place], 1), registers)

    def score(self) -> Score:
        """The pieces as written so far; what is not yet decided is silent and without chord."""
        conditions, vocabulary, layout = self.conditions, self.vocabulary, self._layout

        def written(grid: int, before: int, length: int) -> Tensor:
            return self._memory[:, grid + before : grid + before + length].long()

        bar_beats = METER_BEATS.to(self.device)[conditions.meter][:, None]
        beat_steps = METER_BEAT_STEPS.to(self.device)[conditions.meter][:, None]
        ends = bar_beats * conditions.bars[:, None]
        beats = torch.arange(layout.beats, device=self.device)
        inside = beats < ends
        chord, cell, groove = (
            written(grid, BEATS_BEFORE, layout.beats) for grid in (layout.chord, layout.cell, layout.groove)
        )
        place = self._tables.place_in_segment[conditions.meter[:, None], beats % bar_beats]
        groove = self._tables.groove_codes[groove] >> 2 * beat_steps * place
        step = written(layout.pitch, STEPS_BEFORE, layout.steps)
        pitch = (step + vocabulary.low - 1) * (step > 0)
        sounding = torch.arange(layout.steps, device=self.device) < ends * beat_steps
        return Score(
            chord=(vocabulary.chord_codes.to(self.device)[chord] * inside).to(torch.int16),
            cell=self._tables.cell_codes[cell].to(torch.int16),
            pitch=(pitch * sounding).to(torch.int16),
            groove=((groove & ((1 << 2 * beat_steps) - 1)) * inside).to(torch.int16),
            meter=conditions.meter,
            mode=conditions.mode,
            bars=conditions.bars,
            tonic=conditions.tonic,
            tempo=conditions.tempo,
            plan=conditions.plan,
        )
