"""Sets beside sets: overlaps of distributions, distances between pieces, runs copied from the training songs."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats

from composer.evaluation.tables import Number, defined
from composer.figures import note_tokens
from composer.score import Score
from composer.view import View

Values = NDArray[np.float64]
_TAIL = 1.0  # per cent of the pooled values beyond the outermost edges on either side
_CHUNK = 128


def overlap(first: Values, second: Values) -> Number:
    """The area two distributions have in common, 0..1: ``sum over bins of min(share, share)``.

    Bins are of equal width between the 1st and 99th percentile of both sets' values together, as many as
    Sturges' rule gives for them; values beyond belong to the outermost bins, so that an outlier does not squeeze the
    rest into one bin. NaN values are left out. None where a set has no value.
    """
    first, second = first[np.isfinite(first)], second[np.isfinite(second)]
    if not len(first) or not len(second):
        return None
    pooled = np.concatenate([first, second])
    low, high = np.percentile(pooled, (_TAIL, 100 - _TAIL))
    if low == high:
        low, high = float(pooled.min()), float(pooled.max())
    if low == high:
        return 1.0
    edges = np.histogram_bin_edges(np.clip(pooled, low, high), bins="sturges")
    shares = [np.histogram(np.clip(set_, low, high), edges)[0] / len(set_) for set_ in (first, second)]
    return defined(np.minimum(*shares).sum())


def shift(first: Values, second: Values) -> Number:
    """How far the mean of ``first`` lies from that of ``second``, in standard deviations of ``second``."""
    first, second = first[np.isfinite(first)], second[np.isfinite(second)]
    if not len(first) or len(second) < 2 or np.ptp(second) == 0:
        return None
    return defined((first.mean() - second.mean()) / second.std(ddof=1))


def confidence(rows: Values, generator: np.random.Generator, level: float = 0.95) -> tuple[Values, Values]:
    """Bootstrap confidence interval of the mean of each row.

    Args:
        rows: (K, B) values of B pieces.
        generator: source of the resamples.
        level: the coverage.

    Returns:
        (K,) lower and (K,) upper ends, by percentiles of 1000 resamples (:func:`scipy.stats.bootstrap`).
    """
    if rows.shape[1] < 2:
        return rows.mean(1), rows.mean(1)
    found = stats.bootstrap(
        (rows,),
        np.mean,
        axis=1,
        n_resamples=1000,
        batch=100,
        method="percentile",
        confidence_level=level,
        random_state=generator,
    )
    return found.confidence_interval.low, found.confidence_interval.high


def percentile_interval(resamples: Values, level: float = 0.95) -> tuple[float, float]:
    """The ends between which the middle ``level`` of (R,) resampled figures lies (Efron's percentile bootstrap)."""
    low, high = np.quantile(resamples, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def distances(score: Score) -> Values:
    """(B, B): the share of notes two pieces do not have in common, 0 for the same melody, 1 for none.

    A note is a pitch, relative to the key, struck at a sixteenth; the distance is the Jaccard distance of two sets of
    notes. A piece without notes is as far as can be from every other.
    """
    onset, pitch = score.onset(), score.pitch.long()
    if not bool(onset.any()):
        return np.ones((len(score), len(score)))
    low, high = int(pitch[onset].min()), int(pitch[onset].max())
    size = onset.shape[1] * (high - low + 1)
    place = torch.arange(onset.shape[1]) * (high - low + 1) + (pitch - low).clamp(min=0)
    notes = torch.zeros(len(score), size + 1)
    notes.scatter_(1, torch.where(onset, place, size), 1.0)
    notes = notes[:, :size]
    common = notes @ notes.T
    count = notes.sum(1)
    either = count[:, None] + count - common
    found: Values = (1 - common / either.clamp(min=1)).double().numpy()
    return found


def nearest(score: Score, songs: NDArray[np.int64] | None = None) -> Values:
    """(B,): each piece's distance to the nearest other piece of the set (:func:`distances`).

    Args:
        score: the pieces.
        songs: (B,) the song each was cut from: pieces of one song are not compared. Where all are of one they are.
    """
    between = distances(score)
    if songs is not None and len(np.unique(songs)) > 1:
        between[songs[:, None] == songs] = np.inf
    np.fill_diagonal(between, np.inf)
    found: Values = between.min(1)
    return found


def distinct_share(score: Score) -> float:
    """The share of pieces that differ from all earlier ones in chords, rhythm or pitches."""
    whole = torch.cat([score.chord.long(), score.cell.long(), score.pitch.long()], 1).numpy()
    return len(np.unique(whole, axis=0)) / max(len(score), 1)


def _tokens(score: Score) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """All note tokens in a row, and how many defined ones follow each without a break (itself included)."""
    tokens, rooms = [], []
    for at in range(0, len(score), _CHUNK):
        token, here = note_tokens(View(score.select(slice(at, at + _CHUNK))))
        # A column that belongs to no note keeps the pieces apart.
        token = torch.nn.functional.pad(token, (0, 1)).flatten()
        here = torch.nn.functional.pad(here, (0, 1)).flatten()
        index = torch.arange(len(here))
        end = torch.where(here, len(here), index).flip(0).cummin(0).values.flip(0)
        tokens.append(token.numpy().astype(np.uint64))
        rooms.append((end - index).numpy())
    return np.concatenate(tokens), np.concatenate(rooms)


def longest_runs(score: Score, training: Score) -> NDArray[np.int64]:
    """(B,): the longest run of notes of each piece that stands in some training piece.

    Notes are the same when they have the same interval from the note before and the same gap to the next, so a run
    copied in another key counts. Runs are compared by 64-bit polynomial hashes that grow by a note a round; starts
    without a partner leave on both sides, so a round costs only what still matches.
    """
    row = np.repeat(np.arange(len(score)), [_width(score, at) for at in range(len(score))])
    mine, my_room = _tokens(score)
    theirs, their_room = _tokens(training)
    longest = np.zeros(len(score), np.int64)
    multiplier = np.uint64(0x9E3779B97F4A7C15)
    my_start, their_start = np.arange(len(mine)), np.arange(len(theirs))
    my_hash, their_hash = np.zeros(len(mine), np.uint64), np.zeros(len(theirs), np.uint64)
    length = 0
    while len(my_start) and len(their_start):
        inside, their_inside = my_room[my_start] > length, their_room[their_start] > length
        my_start, my_hash = my_start[inside], my_hash[inside]
        their_start, their_hash = their_start[their_inside], their_hash[their_inside]
        my_hash = (my_hash + mine[my_start + length] + np.uint64(1)) * multiplier
        their_hash = (their_hash + theirs[their_start + length] + np.uint64(1)) * multiplier
        kept, their_kept = np.isin(my_hash, their_hash), np.isin(their_hash, my_hash)
        my_start, my_hash = my_start[kept], my_hash[kept]
        their_start, their_hash = their_start[their_kept], their_hash[their_kept]
        length += 1
        longest[row[my_start]] = length
    return longest


def _width(score: Score, at: int) -> int:
    """Columns that :func:`_tokens` writes for the piece in row ``at``."""
    chunk = at - at % _CHUNK
    onsets = score.select(slice(chunk, chunk + _CHUNK)).onset().sum(1)
    return max(int(onsets.max()), 1) + 1
