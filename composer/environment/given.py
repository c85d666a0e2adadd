"""What of a score is settled before the agents write the rest.

Given parts are decided for the agents as :func:`composer.environment.rollout.follow` decides real pieces: by the
nearest choice their vocabulary has. What they then see is the given music as they can say it; what is kept in the
end is the given music itself, note for note (:func:`Given.laid_over`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from composer.environment.coordinator import Coordinator
from composer.score import CELL_STEPS, HOLD, REST, Score
from composer.vocabulary import CHORD, DONE, MELODY, RHYTHM, Vocabulary

PARTS = ("chord", "cell", "groove", "pitch")


@dataclass(frozen=True, slots=True)
class Given:
    """B pieces and which of their beats are settled, part by part.

    A beat whose cell is free beside one whose cell is given joins it without touching a given note: a free beat after
    a given one lets no note ring on from it, and a free beat before one that begins with a held note ends with a note
    that rings on.

    Attributes:
        score: the pieces, with the plans the rest is written under; what is free in them is ignored.
        chord: (B, N) bool, beats whose chord is given.
        cell: (B, N) bool, beats whose rhythm is given.
        groove: (B, N) bool, beats whose accompaniment is given.
        pitch: (B, N) bool, beats in which notes take the pitch that sounds there in ``score``.
    """

    score: Score
    chord: Tensor
    cell: Tensor
    groove: Tensor
    pitch: Tensor

    @classmethod
    def nothing(cls, score: Score) -> Given:
        """Every beat of every part is free."""
        return cls(score, *(torch.zeros_like(score.chord, dtype=torch.bool) for _ in PARTS))

    def where(self, beats: Tensor, *parts: str) -> Given:
        """The same with ``parts`` of :data:`PARTS` given in ``beats`` (B, N) bool too."""
        return replace(self, **{part: getattr(self, part) | beats for part in parts})

    def select(self, rows: Tensor) -> Given:
        """The pieces at ``rows``."""
        return Given(self.score.select(rows), *(getattr(self, part)[rows] for part in PARTS))

    def laid_over(self, written: Score) -> Score:
        """``written`` with the given parts exactly as given; pitches are carried on anew from the notes struck."""
        given = self.score
        kept = replace(
            written,
            chord=torch.where(self.chord, given.chord, written.chord),
            cell=torch.where(self.cell, given.cell, written.cell),
            groove=torch.where(self.groove, given.groove, written.groove),
        )
        at = kept.beat_of_step()
        pitch = torch.where(self.pitch.gather(1, at), given.pitch, written.pitch).long()
        # A given note that is held over from a free beat has the pitch of the note it continues.
        onset = kept.onset()
        steps = torch.arange(pitch.shape[1]).expand_as(pitch)
        latest = torch.where(onset, steps, -1).cummax(1).values
        carried = pitch.gather(1, latest.clamp(min=0)) * (latest >= 0) * kept.valid()
        return replace(kept, pitch=carried.to(given.pitch.dtype))


class Guide:
    """What given parts decide while a coordinator writes, for B pieces on the CPU.

    Args:
        vocabulary: of the agents.
        given: the parts.
    """

    def __init__(self, vocabulary: Vocabulary, given: Given) -> None:
        score = given.score
        self._given = given
        self._first_groove = len(vocabulary.cells)
        self._chord = vocabulary.nearest_chord[score.chord.long()]
        self._cell = vocabulary.nearest_cell[score.meter[:, None], score.cell.long()]
        self._groove = vocabulary.nearest_groove(score)
        self._pitch = vocabulary.nearest_pitch(score.pitch)
        self._beat_steps = score.beat_steps
        first = CELL_STEPS[score.cell.long(), 0]
        free, held = ~given.cell, given.cell & (first == HOLD)
        none = torch.zeros(len(score), 1, dtype=torch.bool)
        self._struck_anew = free & torch.cat([none, given.cell[:, :-1]], 1)
        self._rings_on = free & torch.cat([held[:, 1:], none], 1)
        cells = [CELL_STEPS[cell.code, : cell.steps] for cell in vocabulary.cells]
        others = [False] * (vocabulary.actions - len(cells))
        self._holds = torch.tensor([int(cell[0]) == HOLD for cell in cells] + others)
        self._silent_end = torch.tensor([int(cell[-1]) == REST for cell in cells] + others)

    def legal(self, coordinator: Coordinator) -> Tensor:
        """(B, A) bool: the coordinator's mask, less what would touch a given note."""
        legal, beat = coordinator.legal(), self._beat(coordinator)
        cell_turn = (coordinator.turn == RHYTHM) & ~coordinator.groove_next
        barred = (self._at(self._struck_anew, beat) & cell_turn)[:, None] & self._holds
        barred |= (self._at(self._rings_on, beat) & cell_turn)[:, None] & self._silent_end
        return legal & ~barred

    def decide(self, coordinator: Coordinator, legal: Tensor, sounding: Tensor) -> tuple[Tensor, Tensor]:
        """What is given to the agents whose turn it is.

        Args:
            coordinator: under way.
            legal: (B, A) bool.
            sounding: (B,) int64, the action of the chord that sounds, 0 before the first.

        Returns:
            (B,) bool whether the decision is given, and (B,) int64 the action that stands for it; the first legal one
            where the nearest choice is not open, as a held cell after a rest.
        """
        given, turn, beat = self._given, coordinator.turn, self._beat(coordinator)
        time = coordinator.time.clamp(max=self._pitch.shape[1] - 1)
        chord = self._at(self._chord, beat)
        action = torch.where(turn == RHYTHM, self._at(self._cell, beat), self._at(self._pitch, time))
        action = torch.where(turn == CHORD, chord * (chord != sounding), action)
        action = torch.where(coordinator.groove_next, self._at(self._groove, beat), action)
        settled = torch.where(turn == RHYTHM, self._at(given.cell, beat), self._at(given.pitch, beat))
        settled = torch.where(turn == CHORD, self._at(given.chord, beat), settled)
        settled = torch.where(coordinator.groove_next, self._at(given.groove, beat), settled) & (turn != DONE)
        open_ = legal.gather(1, action.clamp(min=0)[:, None])[:, 0] & (action >= 0)
        return settled, torch.where(open_, action, legal.int().argmax(1))

    def heard(self, coordinator: Coordinator) -> Tensor:
        """(B,) bool: whether a given decision says how well what is written fits: a given note or its rhythm."""
        beat = self._beat(coordinator)
        note = (coordinator.turn == MELODY) & self._at(self._given.pitch, beat)
        rhythm = (coordinator.turn == RHYTHM) & ~coordinator.groove_next & self._at(self._given.cell, beat)
        return note | rhythm

    def _beat(self, coordinator: Coordinator) -> Tensor:
        return (coordinator.time // self._beat_steps).clamp(max=self._chord.shape[1] - 1)

    @staticmethod
    def _at(table: Tensor, place: Tensor) -> Tensor:
        return table.gather(1, place[:, None])[:, 0]
