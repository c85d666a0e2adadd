"""The audit of the reward terms, with the models that ship: does what has a weight rank music rightly?

Music that comes with Triad is audited always, pop songs where TRIAD_TEST_DATA names a folder that holds them. The
weights were settled on the pop songs, whose priors come closest to real music: there a term must also rank real music
over what the prior writes under a plan, and must not count notes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from agents.training import planned
from agents.trio import Trio
from composer.corpus import Corpus, bundled_corpus, cached_corpus, read_corpus
from composer.evaluation import AuditRow, audit
from composer.rewards import TERMS
from flows.stages import HELD_OUT
from flows.styles import SHIPPED

LEAST, MOST_NOTES = 0.6, 0.3
PIECES = 200


def rows(style: str, held_out: Corpus) -> dict[str, AuditRow]:
    """The audit of all terms that have a weight: real music kept out of training, the prior's and random pieces."""
    trio = Trio.load(SHIPPED / style)
    real = planned(trio.vocabulary, held_out.of_meters(["4/4"]).excerpts(trio.config.bars))
    drawn = torch.randperm(len(trio.plans), generator=torch.Generator().manual_seed(1))[:PIECES]
    prior, random = (trio.compose(trio.plans.select(drawn), policy=policy, seed=1) for policy in ("prior", "random"))
    found = audit(real, prior, random, trio.reference)
    return {row.term: row for row in found.rows if any(TERMS[row.term].weights.values())}


def failing(found: dict[str, AuditRow], passes: Callable[[AuditRow], bool]) -> list[AuditRow]:
    assert len(found) >= 10
    return [row for row in found.values() if not passes(row)]


def test_terms_rank_real_chorales_and_the_priors_over_noise(tmp_path: Path) -> None:
    corpus, _, _ = cached_corpus(bundled_corpus("chorale"), tmp_path)

    def passes(row: AuditRow) -> bool:
        return min(row.real_over_random or 0.0, row.prior_over_random or 0.0) >= LEAST

    assert failing(rows("chorale", corpus.split(HELD_OUT)[1]), passes) == []


@pytest.mark.skipif("TRIAD_TEST_DATA" not in os.environ, reason="TRIAD_TEST_DATA names no folder of real songs")
def test_terms_rank_real_pop_songs_over_the_priors_and_those_over_noise_and_count_no_notes(tmp_path: Path) -> None:
    songs = Path(os.environ["TRIAD_TEST_DATA"]) / "pop909"
    for file in songs.glob("*/*.mid"):
        if int(file.stem) > 600:
            shutil.copy(file, tmp_path)
    held_out, _ = read_corpus(tmp_path)

    def passes(row: AuditRow) -> bool:
        areas = (row.real_over_prior, row.prior_over_random, row.real_over_random)
        return min(area or 0.0 for area in areas) >= LEAST and abs(row.notes or 0.0) < MOST_NOTES

    assert failing(rows("pop", held_out), passes) == []
