"""What a training run reports while it runs: plain numbers, for whoever logs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Record:
    """The metrics of one agent, or of all of them together, at one moment.

    A resumed run repeats the records after its checkpoint with the same numbers (``steps_per_second`` and ``seconds``
    apart), so ``(phase, agent, step)`` tells which ones are already logged.

    Attributes:
        phase: ``prior`` while the priors are learned, ``learn`` afterwards.
        agent: ``chord``, ``rhythm`` or ``melody``; ``trio`` for what concerns all three.
        step: the epoch (prior) or the iteration (learn), from 1.
        metrics: by name. Agents: ``loss``, ``mean_q``, ``td_error``, ``temperature``, ``kl``, ``entropy``,
            ``epsilon``, ``reward`` (a piece), ``decisions`` (a piece); priors: ``nll``, ``training_nll``,
            ``best_nll`` (nats a decision). Trio: ``reward`` (a bar of every term, ``reward/<term>``), ``steps``,
            ``steps_per_second``, ``seconds``.
    """

    phase: Literal["prior", "learn"]
    agent: str
    step: int
    metrics: Mapping[str, float]
