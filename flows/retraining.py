"""What a retraining does between training and promotion, as plain functions: pick a challenger, compare it in rounds.

Knows no Prefect and no MLflow.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats

from agents.seeding import derive, generator
from agents.trio import Trio
from composer.corpus import Corpus, bundled_corpus
from composer.corpus.reader import midi_files, source_digest
from composer.evaluation.evaluation import Evaluation, Profile, judge
from composer.rewards import RewardWeights
from flows.composing import Model
from flows.errors import FlowError
from flows.gate import quality
from flows.music import Excerpts, draw_conditions
from flows.stages import CorpusFile, parted
from flows.styles import DEFAULT_STYLE


@dataclass(frozen=True, slots=True)
class Round:
    """One draw of pieces and how they stand beside real music.

    Attributes:
        overlap: of feature distributions with the real pieces, 0..1.
        reward: theory reward a bar of all agents together.
        real_reward: the same of the real pieces.
    """

    overlap: float
    reward: float
    real_reward: float

    @property
    def quality(self) -> float:
        """What models are compared by (:func:`flows.gate.quality`)."""
        return quality(self.overlap, self.reward, self.real_reward)


def content_digest(source: Path | None, style: str | None) -> str:
    """What a folder of music holds by now, in sixteen hexadecimal digits; of a corpus file, its own content.

    Raises:
        CorpusError: if there is no music.
    """
    if source is not None and source.is_file():
        return hashlib.sha256(source.read_bytes()).hexdigest()[:16]
    folder = bundled_corpus(style or DEFAULT_STYLE) if source is None else source
    return source_digest(folder, midi_files(folder))


def pick(candidates: Mapping[int, Model], corpus: CorpusFile, held_out: CorpusFile | None, count: int) -> int:
    """The seed whose pieces lie nearest to the music that was *learned from*; held-out music decides nothing here.

    Args:
        candidates: trained models by seed.
        corpus: the music.
        held_out: what is kept out of training, where it is no part of ``corpus``.
        count: pieces to compose with each.
    """
    if len(candidates) == 1:
        return next(iter(candidates))
    training, _ = parted(corpus, held_out)
    judged = {
        seed: rounds([model], training, training, rounds=1, count=count, seed=seed)[0][0].quality
        for seed, model in candidates.items()
    }
    return max(judged, key=lambda seed: (judged[seed], -seed))


def rounds(
    models: Sequence[Model],
    training: Corpus,
    real: Corpus,
    *,
    rounds: int,
    count: int,
    seed: int,
    progress: Callable[[float], None] = lambda share: None,
) -> list[list[Round]]:
    """Judge models in the same rounds: in each they compose under the same plans, from the same seed.

    The first model's vocabulary, statistics and weights are everybody's yardstick.

    Args:
        models: to judge.
        training: whose plans are composed under.
        real: the music to stand beside.
        rounds: how many, each with a seed of its own.
        count: pieces of each model in each round.
        seed: of all of them.
        progress: called with the share that is done.

    Returns:
        for each model its rounds.

    Raises:
        FlowError: if a model holds no agents.
    """
    trios = [_trio(model) for model in models]
    first = trios[0]
    learned, kept = (Excerpts.of(part, first.vocabulary, first.config.bars) for part in (training, real))
    weights = RewardWeights(terms=first.config.rewards)
    music = Profile(kept.score, learned.score, first.reference, kept.songs)
    real_reward = _reward(judge(music, [music], seed, weights))
    found: list[list[Round]] = [[] for _ in trios]
    for number in range(rounds):
        conditions = draw_conditions(learned.score, count, generator(seed, "round", str(number)))
        for row, trio in zip(found, trios, strict=True):
            score = trio.compose(conditions, policy="agents", seed=derive(seed, "round", str(number)))
            judged = judge(Profile(score, learned.score, first.reference), [music], seed, weights)
            row.append(Round(judged.overlap or 0.0, _reward(judged), real_reward))
        progress((number + 1) / rounds)
    return found


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Student's 95 % confidence interval of a mean over rounds; a point where nothing varies or there is one."""
    if len(values) < 2 or np.ptp(values) == 0:
        return float(np.mean(values)), float(np.mean(values))
    low, high = stats.t.interval(0.95, len(values) - 1, float(np.mean(values)), float(stats.sem(values)))
    return float(low), float(high)


def report(verdict: str, rows: Mapping[str, Sequence[Round]]) -> str:
    """The comparison as Markdown: verdict first, then each model's figures with their intervals, then every round."""
    lines = [
        f"**{verdict}**",
        "",
        "| | quality | 95 % interval | overlap | theory reward a bar |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, own in rows.items():
        values = [one.quality for one in own]
        low, high = interval(values)
        lines.append(
            f"| {name} | {np.mean(values):.4f} | [{low:.4f}, {high:.4f}] | "
            f"{np.mean([one.overlap for one in own]):.4f} | {np.mean([one.reward for one in own]):.3f} |"
        )
    real = next(iter(rows.values()))[0].real_reward
    lines += [
        "",
        f"Real music earns {real:.3f} a bar. Quality is the overlap with held-out music, less what theory lacks.",
        "",
        f"| round | {' | '.join(rows)} |",
        f"|---|{'---:|' * len(rows)}",
        *(
            f"| {number + 1} | {' | '.join(f'{one.quality:.4f}' for one in together)} |"
            for number, together in enumerate(zip(*rows.values(), strict=True))
        ),
    ]
    return "\n".join(lines) + "\n"


def _trio(model: Model) -> Trio:
    if model.trio is None:
        raise FlowError(f"{model.source} holds no agents to compare")
    return model.trio


def _reward(found: Evaluation) -> float:
    return sum(estimate.mean or 0.0 for estimate in found.reward.values())
