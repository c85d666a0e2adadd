"""Whole pieces at a time: let a policy write them, or let real pieces be written again.

Both give the same record of decisions, so that priors learn from real music through the very observations the
agents act on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from composer.environment.coordinator import Conditions, Coordinator
from composer.score import Score
from composer.vocabulary import CHORD, DONE, RHYTHM, Vocabulary

Policy = Callable[[Tensor, Tensor, Tensor], Tensor]
"""``(turn (B,), observation (B, F), legal (B, A)) -> actions (B,)``; rows whose turn is DONE are ignored."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """D decisions, in the order they were taken: by step, then by piece.

    Attributes:
        piece: (D,) int64, row of the batch.
        turn: (D,) int64, the agent that decided.
        time: (D,) int64, the sixteenth decided about.
        observation: (D, F) uint8.
        legal: (D, A) bool.
        action: (D,) int64.
    """

    piece: Tensor
    turn: Tensor
    time: Tensor
    observation: Tensor
    legal: Tensor
    action: Tensor

    def __len__(self) -> int:
        """Number of decisions D."""
        return self.piece.shape[0]

    def select(self, rows: Tensor) -> Decisions:
        """The decisions at ``rows``, an index or a mask."""
        return Decisions(*(getattr(self, field.name)[rows] for field in fields(self)))

    def of_agent(self, agent: int) -> Decisions:
        """One agent's decisions, piece after piece, each in order of time."""
        mine = (self.turn == agent).nonzero().flatten()
        return self.select(mine[torch.sort(self.piece[mine], stable=True).indices])


def play(
    vocabulary: Vocabulary, conditions: Conditions, policy: Policy, *, abreast: bool = False
) -> tuple[Score, Decisions]:
    """Let ``policy`` write a batch of pieces from the first bar to the last.

    Args:
        vocabulary: what it may choose.
        conditions: of the pieces.
        policy: decides.
        abreast: pieces that are ahead wait for the others, so that one agent at a time is asked: fewer, larger
            questions, at the price of more steps.
    """
    coordinator = Coordinator(vocabulary, conditions.meter.device)
    coordinator.begin(conditions)
    return _run(coordinator, policy, abreast=abreast)


def follow(vocabulary: Vocabulary, scores: Score) -> tuple[Score, Decisions]:
    """Write real pieces again, decision by decision.

    Returns:
        the pieces as the vocabulary can say them (chords, cells, grooves and pitches outside it are replaced by the
        nearest ones), and the decisions that write them.
    """
    coordinator = Coordinator(vocabulary)
    coordinator.begin(Conditions.of(scores))
    chord = vocabulary.nearest_chord[scores.chord.long()]
    cell = vocabulary.nearest_cell[scores.meter[:, None], scores.cell.long()]
    pitch = vocabulary.nearest_pitch(scores.pitch)
    groove = vocabulary.nearest_groove(scores)
    sounding = torch.zeros(len(scores), dtype=torch.int64)

    def copy(turn: Tensor, observation: Tensor, legal: Tensor) -> Tensor:
        nonlocal sounding
        time = coordinator.time.clamp(max=pitch.shape[1] - 1)
        beat = (time // scores.beat_steps).clamp(max=chord.shape[1] - 1)
        wanted = torch.stack([column.gather(1, beat[:, None])[:, 0] for column in (chord, cell, groove)])
        held = (turn == CHORD) & (wanted[0] == sounding)
        sounding = torch.where((turn == CHORD) & (wanted[0] > 0), wanted[0], sounding)
        actions = torch.where(turn == RHYTHM, wanted[1], pitch.gather(1, time[:, None])[:, 0])
        actions = torch.where(turn == CHORD, wanted[0] * ~held, actions)
        actions = torch.where(coordinator.groove_next, wanted[2], actions)
        # A nearest choice can be illegal where its neighbour was replaced too, such as a held cell after a rest, or
        # "no chord" before the first one: then take the first choice that is legal.
        chosen_is_legal = legal.gather(1, actions[:, None])[:, 0]
        return torch.where(chosen_is_legal, actions, legal.int().argmax(1))

    return _run(coordinator, copy)


def _run(coordinator: Coordinator, policy: Policy, *, abreast: bool = False) -> tuple[Score, Decisions]:
    rows = torch.arange(len(coordinator.conditions), device=coordinator.device)
    steps: list[tuple[Tensor, ...]] = []
    while not coordinator.finished:
        turn, time = coordinator.turn, coordinator.time
        observation, legal = coordinator.observe(), coordinator.legal()
        if abreast:
            order = coordinator.order
            ahead = order > order.min()
            turn = torch.where(ahead, DONE, turn)
        actions = policy(turn, observation, legal)
        if abreast:
            actions = torch.where(ahead, coordinator.wait, actions)
        steps.append((rows, turn, time, observation, legal, actions))
        coordinator.step(actions)
    turns = torch.cat([step[1] for step in steps])
    decided = (turns != DONE).nonzero().flatten()
    return coordinator.score(), Decisions(*(torch.cat(column)[decided] for column in zip(*steps, strict=True)))


def uniform_policy(generator: torch.Generator) -> Policy:
    """Every legal action is equally likely."""

    def act(turn: Tensor, observation: Tensor, legal: Tensor) -> Tensor:
        count = legal.cumsum(1)
        # The k-th legal action, k uniform: much cheaper than a multinomial over the whole mask.
        drawn = torch.rand(len(legal), 1, generator=generator, device=legal.device) * count[:, -1:]
        return (count > drawn.long()).int().argmax(1)

    return act
