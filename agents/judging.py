"""What finished pieces earn the three agents: the seam between the reward terms and the learners."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from composer.rewards import Balance, Reference, RewardWeights, agent_rewards, reward_terms, term_totals
from composer.score import Score
from composer.view import View


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on B finished pieces.

    Attributes:
        rewards: (3, B, T) float32, each agent's reward at each sixteenth.
        terms: the mean credit a bar of each reward term over all pieces, for the log; may be empty.
    """

    rewards: Tensor
    terms: Mapping[str, float]


class Judge(Protocol):
    """Judges finished pieces (tensors on the CPU), and may change its mind as it sees more of them."""

    def __call__(self, score: Score) -> Judgement:
        """What the pieces earn."""
        ...

    def tensors(self) -> dict[str, Tensor]:
        """What it has learned, by name, for a checkpoint."""
        ...

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over what :meth:`tensors` gave."""
        ...


class CorpusJudge:
    """Judges by Triad's reward terms, centred on a corpus, and holds the mixture of the pieces at the corpus'.

    Args:
        reference: the corpus' statistics.
        weights: of the terms.
        balance: the rate of the :class:`composer.rewards.Balance`; 0 leaves it out.
    """

    def __init__(self, reference: Reference, weights: RewardWeights, balance: float) -> None:
        self._reference, self._weights = reference, weights
        self._balance = Balance(reference, balance) if balance else None

    def __call__(self, score: Score) -> Judgement:
        """The weighted terms and, where there is one, what the balance adds; the balance learns from the pieces."""
        view = View(score)
        terms = reward_terms(view, self._reference)
        rewards = agent_rewards(terms, self._weights)
        totals = {name: float(total.mean()) for name, total in term_totals(terms, score).items()}
        if self._balance is not None:
            rewards = rewards + self._balance.weigh(view, self._reference)
            totals |= {f"gap/{name}": gap for name, gap in self._balance.gaps().items()}
        return Judgement(rewards, totals)

    def tensors(self) -> dict[str, Tensor]:
        """The balance's state."""
        return {} if self._balance is None else self._balance.tensors()

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over a balance's state."""
        if self._balance is not None:
            self._balance.restore(tensors)


class PlainJudge:
    """Judges by any function of finished pieces to (3, B, T) float32."""

    def __init__(self, reward: Callable[[Score], Tensor]) -> None:
        self._reward = reward

    def __call__(self, score: Score) -> Judgement:
        """What the function gives."""
        return Judgement(self._reward(score), {})

    def tensors(self) -> dict[str, Tensor]:
        """Nothing: a function has no state."""
        return {}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Do nothing."""
