"""A small corpus and a small training run that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import torch
from torch import Tensor

from agents.config import TrainConfig
from agents.judging import Judge, PlainJudge
from agents.records import Record
from composer.corpus import Corpus, PieceMeta
from composer.environment import Conditions, play, uniform_policy
from composer.rewards import Reference
from composer.score import Score, concatenate
from composer.vocabulary import MELODY
from tests.composer.examples import VOCABULARY

SMALL = {"hidden": 16, "batch_size": 64, "updates": 2, "replay_capacity": 4000}


def small_config(**changes: object) -> TrainConfig:
    return TrainConfig.from_json(
        {
            "seed": 7,
            "steps": 2000,
            "pieces": 8,
            "bars": 4,
            "checkpoint_every": 3,
            "priors": {"hidden": 16, "batch_size": 256, "epochs": 2, "epoch_steps": 1},
            **dict.fromkeys(("chord", "rhythm", "melody"), SMALL),
            **changes,
        }
    )


@cache
def small_corpus(seed: int = 0) -> Corpus:
    """Twenty pieces of eight bars in 4/4 and four in 3/4: random, but all their pitches lie in the lower octave."""
    random = torch.Generator().manual_seed(seed)
    draw = uniform_policy(random)

    def low(turn: Tensor, observation: Tensor, legal: Tensor) -> Tensor:
        return draw(turn, observation, legal & ~((turn == MELODY)[:, None] & (torch.arange(legal.shape[1]) >= 12)))

    scores = concatenate(
        [
            play(VOCABULARY, Conditions.uniform(count, meter=meter, mode=mode, bars=8), low)[0]
            for count, meter, mode in ((12, 0, 0), (8, 0, 1), (4, 1, 0))
        ]
    )
    meta = [PieceMeta(f"{row:02}.mid", "C major", "4/4", 96.0, 8, "melody", "block") for row in range(len(scores))]
    return Corpus.of(scores, meta)


def simple_reward(score: Score) -> Tensor:
    """Everyone earns 1 for every onset on a beat, and loses 1/2 for every other onset."""
    onset = score.onset().float()
    on_beat = (torch.arange(onset.shape[1]) % score.beat_steps[:, None] == 0).float()
    return (onset * (1.5 * on_beat - 0.5)).expand(3, -1, -1)


def simple_judge(reference: Reference) -> Judge:
    return PlainJudge(simple_reward)


def without_clock(records: Iterable[Record]) -> list[Record]:
    """The records without the metrics that tell how long something took."""
    timed = ("seconds", "steps_per_second")
    return [
        Record(
            record.phase,
            record.agent,
            record.step,
            {name: value for name, value in record.metrics.items() if name not in timed},
        )
        for record in records
    ]
