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

from composer.environment.observation import (
    MAX_CHORD_AGE,
    MAX_SINCE_ONSET,
    PHRASE_BARS,
    PLANNED,
    RECALLED_BARS,
    RECENT_CELLS,
    RECENT_PITCHES,
)
from composer.environment.tables import NO_ONSET, Tables
from composer.errors import TriadError
from composer.plan import INDEX
from composer.score import METER_BEAT_STEPS, METER_BEATS, Score, unplanned
from composer.theory import MAX_BEAT_STEPS, METERS
from composer.vocabulary import CHORD, DONE, MELODY, RHYTHM, Vocabulary

_MAX_BEATS = max(meter.beats for meter in METERS)
# Music before the first bar, so that looking back never leaves the tensors: all zeros, which reads as "none".
_BEATS_BEFORE = max(RECALLED_BARS) * _MAX_BEATS
_STEPS_BEFORE = max(RECALLED_BARS) * max(meter.bar_steps for meter in METERS)
_OCTAVE, _LONGEST_GAP = 12, 16
_FIGURES = (2 * _OCTAVE + 2) * (_LONGEST_GAP + 1)
_PLANNED = [INDEX[name] for name in PLANNED]
_RECALLED, _CADENCE, _LEFT = INDEX["recalled"], INDEX["cadence"], INDEX["bars to the phrase's end"]


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
        groove_next: (B,) bool, whether that decision is the rhythm agent's on a groove.
    """

    turn: Tensor
    groove_next: Tensor

    def __init__(self, vocabulary: Vocabulary, device: torch.device | str = "cpu") -> None:
        self.vocabulary = vocabulary
        self.device = torch.device(device)
        self._tables = Tables(vocabulary, self.device)
        self._choices = (self.vocabulary.sizes[CHORD], len(self.vocabulary.cells), self.vocabulary.sizes[MELODY])

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
        size = len(conditions)
        longest = (room_for or conditions).to(self.device)
        beats = METER_BEATS.to(self.device)[longest.meter] * longest.bars
        self._most_bars = int(longest.bars.max())
        most_beats = int(beats.max())
        most_steps = int((beats * METER_BEAT_STEPS.to(self.device)[longest.meter]).max())

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=torch.int64, device=self.device)

        # One spare beat at the end takes the writes of finished pieces.
        self._chord = zeros(size, _BEATS_BEFORE + most_beats + 1)
        self._cell = zeros(size, _BEATS_BEFORE + most_beats + 1)
        self._groove = zeros(size, _BEATS_BEFORE + most_beats + 1)
        self._pitch = zeros(size, _STEPS_BEFORE + most_steps + MAX_BEAT_STEPS)
        self._beat, self._bar_beat, self._bar, self._offset = (zeros(size) for _ in range(4))
        self._cell_now, self._age, self._since_onset, self._sounding = (zeros(size) for _ in range(4))
        self._groove_now, self.groove_next = zeros(size), zeros(size).bool()
        self._recent_chords = zeros(size, 3)
        self._recent_pitches = zeros(size, RECENT_PITCHES)
        # What came after every pair of choices when it was last heard; the pair (none, x) stands for x alone.
        self._after = tuple(zeros(size, (choices + 1) ** 2) for choices in self._choices)
        # The interval that led on from every pair of an interval and the time to the next note, when last heard.
        self._figures = zeros(size, _FIGURES)
        self._last_interval, self._struck_at = zeros(size), zeros(size)
        self._beat_run = torch.arange(MAX_BEAT_STEPS, device=self.device) + _STEPS_BEFORE
        self.turn = torch.full((size,), CHORD, device=self.device)
        self._settle(conditions)

    def restart(self, rows: Tensor, conditions: Conditions) -> None:
        """Throw away the pieces at ``rows`` (R,) int64 and begin new ones there.

        Args:
            rows: which pieces.
            conditions: of the whole batch (B rows), new at ``rows`` and as before elsewhere.
        """
        for state in self._state():
            state[rows] = 0
        self.turn[rows] = CHORD
        self._settle(conditions.to(self.device))

    def copy_rows(self, rows: Tensor) -> None:
        """Every piece goes on from where the piece at ``rows`` (B,) int64 stands; both need the same conditions."""
        for state in (*self._state(), self.turn):
            state.copy_(state[rows])

    def _state(self) -> tuple[Tensor, ...]:
        """Whatever a piece under way has besides its turn; all zeros at its beginning."""
        return (
            *(self._chord, self._cell, self._pitch, self._beat, self._bar_beat, self._bar, self._offset),
            *(self._cell_now, self._age, self._since_onset, self._sounding),
            *(self._groove, self._groove_now, self.groove_next),
            *(self._recent_chords, self._recent_pitches, *self._after),
            *(self._figures, self._last_interval, self._struck_at),
        )

    def _settle(self, conditions: Conditions) -> None:
        """Take over ``conditions`` and what follows from them."""
        size = len(conditions)
        self.conditions = conditions
        self._bar_beats = METER_BEATS.to(self.device)[conditions.meter]
        self._beat_steps = METER_BEAT_STEPS.to(self.device)[conditions.meter]
        self._beats = self._bar_beats * conditions.bars
        back = torch.tensor(RECALLED_BARS, device=self.device)
        self._beats_back = _BEATS_BEFORE - back * self._bar_beats[:, None]
        self._cells_back = torch.cat(
            [
                (_BEATS_BEFORE - torch.arange(1, RECENT_CELLS + 1, device=self.device)).expand(size, -1),
                self._beats_back,
            ],
            dim=1,
        )
        self._grooves_back = self._cells_back[:, [0, *range(RECENT_CELLS, self._cells_back.shape[1])]]
        self._steps_back = _STEPS_BEFORE - back * (self._bar_beats * self._beat_steps)[:, None]
        self._last_bar = conditions.bars - 1
        self._accompanied = conditions.accompanied & self._tables.has_grooves[conditions.meter]
        # One spare bar for finished pieces, as for beats. A plan shorter than the piece asks for nothing beyond its
        # end.
        rows, planned = conditions.plan.shape[:2]
        bars = max(self._most_bars, planned) + 1
        self._plan = torch.zeros(rows, bars, conditions.plan.shape[2], dtype=torch.int64, device=self.device)
        self._plan[:, :planned] = conditions.plan
        self._rows = torch.arange(rows, device=self.device)

    @property
    def time(self) -> Tensor:
        """(B,) int64: the sixteenth the next decision is about; the piece's length when it is done."""
        return self._beat * self._beat_steps + self._offset

    @property
    def finished(self) -> bool:
        """Whether every piece is done."""
        return bool((self.turn == DONE).all())

    def observe(self) -> Tensor:
        """(B, F) uint8: what the agent whose turn it is sees; columns as in ``SLOTS``."""
        beat = self._beat[:, None]
        melody_turn = self.turn == MELODY
        until = self._tables.next_onset[self._cell_now, self._offset + 1].minimum(self._beat_steps) - self._offset
        plan = self._plan[self._rows, self._bar]
        lag = plan[:, _RECALLED] * self._bar_beats
        recalls = (lag > 0) & (lag <= self._beat)
        lag = lag * recalls
        there = (self._beat - lag + _BEATS_BEFORE)[:, None]
        step = (self.time - lag * self._beat_steps + _STEPS_BEFORE)[:, None]
        then, before = (self._pitch.gather(1, column)[:, 0] for column in (step, step - 1))
        last = self._recent_pitches[:, 0]
        known = recalls & (before > 0) & (last > 0)
        led = self._figures.gather(1, self._figure())[:, 0]
        highest = self.vocabulary.sizes[MELODY]
        single = [
            self.turn,
            self.conditions.mode,
            self.conditions.meter,
            self._bar_beat,
            self._bar % PHRASE_BARS,
            (self._last_bar - self._bar).clamp(0, PHRASE_BARS),
            self._offset,
            until * melody_turn,
            self._sounding,
            self._since_onset,
            self.groove_next,
            self._groove_now,
        ]
        return torch.cat(
            [
                torch.stack(single, dim=1),
                self._recent_chords,
                self._age[:, None],
                self._chord.gather(1, self._beats_back + beat),
                self._cell_now[:, None],
                self._cell.gather(1, self._cells_back + beat),
                self._groove.gather(1, self._grooves_back + beat),
                self._recent_pitches,
                self._pitch.gather(1, self._steps_back + self.time[:, None]),
                torch.stack(
                    [
                        self._chord.gather(1, there)[:, 0] * recalls,
                        self._cell.gather(1, there)[:, 0] * recalls,
                        self._groove.gather(1, there)[:, 0] * recalls,
                        then * recalls,
                        self._pitch.gather(1, step + (self._beat_steps * recalls)[:, None])[:, 0] * recalls,
                        (last + then - before).clamp(1, highest) * known,
                        (last - then + before).clamp(1, highest) * known,
                    ],
                    dim=1,
                ),
                *(self._after[agent].gather(1, self._pairs(agent)) for agent in (CHORD, RHYTHM, MELODY)),
                ((last + led - _OCTAVE - 1).clamp(1, highest) * (led > 0))[:, None],
                (plan[:, _CADENCE] * (plan[:, _LEFT] == 1))[:, None],
                plan[:, _PLANNED],
            ],
            dim=1,
        ).to(torch.uint8)

    def legal(self) -> Tensor:
        """(B, A) bool: the actions open to the agent whose turn it is; a finished piece has only action 0."""
        row = torch.where(
            self.turn == CHORD,
            self._recent_chords[:, 0],
            self._tables.mask_base[self.turn] + (self.turn == RHYTHM) * (2 * self.conditions.meter + self._sounding),
        )
        groove_row = self._tables.groove_row[self.conditions.meter, self._bar_beat]
        return self._tables.masks[torch.where(self.groove_next, groove_row, row)]

    def step(self, actions: Tensor) -> None:
        """Carry out one decision in every piece.

        Args:
            actions: (B,) int64, each legal for the agent whose turn it is; ignored where the piece is done.
        """
        tables, turn = self._tables, self.turn
        chord_turn, melody_turn, groove_turn = turn == CHORD, turn == MELODY, self.groove_next
        cell_turn = (turn == RHYTHM) & ~groove_turn

        changed = chord_turn & (actions > 0)
        for agent, decided, choice in (
            (CHORD, changed, actions),
            (RHYTHM, cell_turn, actions + 1),
            (MELODY, melody_turn, actions + 1),
        ):
            # Where another agent decides, what is there already is written again.
            after, pairs = self._after[agent], self._pairs(agent)
            after.scatter_(1, pairs, torch.where(decided[:, None], choice[:, None], after.gather(1, pairs)))
        last, figure = self._recent_pitches[:, 0], self._figure()
        interval = torch.where(last > 0, (actions + 1 - last).clamp(-_OCTAVE, _OCTAVE) + _OCTAVE + 1, 0)
        follows = (melody_turn & (last > 0))[:, None]
        self._figures.scatter_(1, figure, torch.where(follows, interval[:, None], self._figures.gather(1, figure)))
        self._last_interval = torch.where(melody_turn, interval, self._last_interval)
        self._struck_at = torch.where(melody_turn, self.time, self._struck_at)
        moved = torch.cat([actions[:, None], self._recent_chords[:, :-1]], dim=1)
        self._recent_chords = torch.where(changed[:, None], moved, self._recent_chords)
        self._age = self._age * ~changed
        moved = torch.cat([actions[:, None] + 1, self._recent_pitches[:, :-1]], dim=1)
        self._recent_pitches = torch.where(melody_turn[:, None], moved, self._recent_pitches)
        cell = torch.where(cell_turn, actions + 1, self._cell_now)
        groove = torch.where(groove_turn, actions - tables.first_groove + 1, self._groove_now)

        # What stands at the cursor is written at every step; the cursor's beat is rewritten until it is left, and a
        # pitch that runs over the barline is overwritten by the next beat's first write.
        column = (self._beat + _BEATS_BEFORE)[:, None]
        self._chord.scatter_(1, column, self._recent_chords[:, :1])
        self._cell.scatter_(1, column, cell[:, None])
        self._groove.scatter_(1, column, groove[:, None])
        run = self.time[:, None] + self._beat_run
        self._pitch.scatter_(1, run, self._recent_pitches[:, :1].expand(-1, MAX_BEAT_STEPS))

        onset = tables.next_onset[cell, (self._offset + 1) * melody_turn]
        deciding = cell_turn | melody_turn
        has_onset = onset < NO_ONSET
        to_melody = deciding & has_onset
        leave = deciding & ~has_onset

        self._beat = self._beat + leave
        bar_beat = self._bar_beat + leave
        new_bar = bar_beat == self._bar_beats
        self._bar_beat = bar_beat * ~new_bar
        self._bar = self._bar + new_bar
        self._offset = onset * to_melody
        self._age = (self._age + leave).clamp(max=MAX_CHORD_AGE)
        self._sounding = torch.where(leave, tables.rings_on[cell], self._sounding)
        since = tables.since_onset[cell] + tables.no_onset[cell] * self._since_onset
        self._since_onset = torch.where(leave, since.clamp(max=MAX_SINCE_ONSET), self._since_onset)
        self._cell_now = cell * ~leave
        turn_of_beat = torch.where(
            self._beat < self._beats, tables.beat_turn[self.conditions.meter, self._bar_beat], DONE
        )
        self._groove_now = groove * ~(leave & (turn_of_beat != RHYTHM))
        self.groove_next = chord_turn & self._accompanied
        self.turn = torch.where(to_melody, MELODY, torch.where(chord_turn | groove_turn, RHYTHM, turn_of_beat))

    def _figure(self) -> Tensor:
        """(B, 1) int64: where ``self._figures`` holds what followed the last interval and the time since."""
        gap = (self.time - self._struck_at).clamp(0, _LONGEST_GAP)
        return (self._last_interval * (_LONGEST_GAP + 1) + gap)[:, None]

    def _pairs(self, agent: int) -> Tensor:
        """(B, 2) int64: where ``self._after`` holds what followed the agent's last choice, and its last two."""
        if agent == RHYTHM:
            last = self._cell.gather(1, self._cells_back[:, :2] + self._beat[:, None])
        else:
            last = (self._recent_chords if agent == CHORD else self._recent_pitches)[:, :2]
        return torch.stack([last[:, 0], last[:, 1] * (self._choices[agent] + 1) + last[:, 0]], dim=1)

    def score(self) -> Score:
        """The pieces as written so far; what is not yet decided is silent and without chord."""
        conditions, vocabulary = self.conditions, self.vocabulary
        beats = torch.arange(self._chord.shape[1] - _BEATS_BEFORE - 1, device=self.device)
        inside = beats < self._beats[:, None]
        chord = vocabulary.chord_codes.to(self.device)[self._chord[:, _BEATS_BEFORE:-1]] * inside
        cell = self._tables.cell_codes[self._cell[:, _BEATS_BEFORE:-1]]
        place = self._tables.place_in_segment[conditions.meter[:, None], beats % self._bar_beats[:, None]]
        bits = 2 * self._beat_steps[:, None]
        groove = self._tables.groove_codes[self._groove[:, _BEATS_BEFORE:-1]] >> bits * place
        groove = (groove & ((1 << bits) - 1)) * inside
        step = self._pitch[:, _STEPS_BEFORE : self._pitch.shape[1] - MAX_BEAT_STEPS]
        pitch = (step + vocabulary.low - 1) * (step > 0)
        written = torch.arange(pitch.shape[1], device=self.device) < (self._beats * self._beat_steps)[:, None]
        return Score(
            chord=chord.to(torch.int16),
            cell=cell.to(torch.int16),
            pitch=(pitch * written).to(torch.int16),
            groove=groove.to(torch.int16),
            meter=conditions.meter,
            mode=conditions.mode,
            bars=conditions.bars,
            tonic=conditions.tonic,
            tempo=conditions.tempo,
            plan=conditions.plan,
        )
