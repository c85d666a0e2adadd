"""What the corpus does: the counts behind every reward term, and a small memory of its melodies.

A :class:`Reference` is what "as in the corpus" means. It holds counts, not music: how often each measure showed each
bin in each context, the mean grades of level terms, and a hashed set of runs of six notes.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from composer.rewards import accompaniment, form, harmony, melody, novelty, planned, rhythm
from composer.rewards.measure import Measure, Places, RewardError, share_of_bar
from composer.rewards.novelty import MEMORY_SIZE, RUN_NOTES, copied_runs, run_slots
from composer.score import Score
from composer.theory import METERS, MODES
from composer.view import View

# Learned measures read the tables of earlier ones, so novelty comes last.
MEASURES: Mapping[str, Measure] = {
    measure.name: measure
    for room in (harmony, rhythm, melody, form, planned, accompaniment, novelty)
    for measure in room.MEASURES
}
SECTIONS = {"mode": tuple(mode.name for mode in MODES), "meter": tuple(meter.name for meter in METERS)}

_VERSION = 1
_CHUNK = 128
# Pseudo-counts: how many places a context (a section of the corpus) needs before its own counts outweigh those of
# the whole corpus.
_CONTEXT_PRIOR = 8.0
_SECTION_PRIOR = 32.0
# The floor of one place's credit, in nats: an unheard-of bin must not drown all else.
_WORST = -4.0
_COMMON = 0.99
_USUAL = 0.9


@dataclass(frozen=True)
class Reference:
    """Corpus statistics.

    Attributes:
        counts: for every typical term (sections, contexts, bins) float64 counts; for every level term
            (sections, contexts, 2): number of places and sum of their grades. Sections are modes or metres.
        memory: (MEMORY_SIZE,) bool, the slots of all runs of six notes in the corpus.
        common_run: the number of notes that runs shared by different parts of the corpus seldom exceed.
        pieces: pieces counted.
        bars: bars counted.
    """

    counts: Mapping[str, Tensor]
    memory: Tensor
    common_run: int
    pieces: int
    bars: int
    _cache: dict[str, Tensor] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_scores(cls, scores: Score) -> Reference:
        """The statistics of ``scores``: best phrase-aligned excerpts, for terms count bars in fours and eights.

        Raises:
            RewardError: if there is no piece, or no note.
        """
        if len(scores) == 0 or not bool(scores.onset().any()):
            raise RewardError("a reference needs at least one piece with a melody: the corpus has none")
        chunks = [View(scores.select(slice(at, at + _CHUNK))) for at in range(0, len(scores), _CHUNK)]
        memory = torch.zeros(MEMORY_SIZE, dtype=torch.bool)
        reference = cls({}, memory, RUN_NOTES, len(scores), int(scores.bars.sum()))
        for name, measure in MEASURES.items():
            if name == "copying":
                reference = reference._remember(scores)
                continue
            counts = sum(_count(measure, view, measure.places(view, reference)) for view in chunks)
            assert isinstance(counts, Tensor)
            reference = replace(reference, counts={**reference.counts, name: counts}, _cache={})
        return reference

    def _remember(self, scores: Score) -> Reference:
        """Fill the memory; what is common between songs is measured on one half with a memory of the other.

        A piece that is itself in the memory would look copied from end to end.
        """
        middle = len(scores) // 2
        first, second = scores.select(slice(0, middle)), scores.select(slice(middle, len(scores)))
        half = replace(self, memory=_memory(first))
        measure, view = MEASURES["copying"], View(second)
        run, here = copied_runs(view, half)
        longest = int(np.quantile(run[here].numpy(), _COMMON)) if bool(here.any()) else 0
        half = replace(half, common_run=max(longest, RUN_NOTES))
        counts = {**self.counts, "copying": _count(measure, view, measure.places(view, half))}
        return replace(half, counts=counts, memory=half.memory | _memory(second), _cache={})

    def credit(self, name: str, view: View) -> Tensor:
        """(B, T) float32: what the term ``name`` gives each sixteenth of the pieces in ``view``.

        Level: the grade less the corpus' mean grade in that context. Typical and peak: what :meth:`typicality` and
        :meth:`tent` give the bin. A bar gets the mean of its places (:func:`share_of_bar`).
        """
        measure = MEASURES[name]
        places = measure.places(view, self)
        if measure.bins:
            table = self.tent(name) if measure.peak else self.typicality(name)
            credit = table.flatten()[_bin_index(measure, view, places)]
        else:
            mean = self.mean_grade(name).flatten()[_context_index(measure, view, places)]
            credit = places.value - mean
        return share_of_bar(view, places, credit * places.here)

    def probability(self, name: str) -> Tensor:
        """(sections, contexts, bins) float32: the corpus' distribution of a typical term's bins.

        Sparse contexts lean on the whole corpus, and that on the term's overall distribution, by pseudo-counts.
        """
        return self._cached(f"probability {name}", self._probability, name)

    def _probability(self, name: str) -> Tensor:
        counts = self.counts[name]
        overall = counts.sum((0, 1)) + 0.5
        overall = overall / overall.sum()
        everywhere = counts.sum(0)
        contexts = (everywhere + _CONTEXT_PRIOR * overall) / (everywhere.sum(1, True) + _CONTEXT_PRIOR)
        return ((counts + _SECTION_PRIOR * contexts) / (counts.sum(2, True) + _SECTION_PRIOR)).float()

    def typicality(self, name: str) -> Tensor:
        """(sections, contexts, bins) float32: credit of each bin of a typical term, in nats; 0 on the corpus' mean.

        ``min(log p, c) - E[min(log p, c)]``, at least -4. The ceiling c is the log-probability of the least likely of
        the most likely bins that together make up nine tenths of the corpus: inside that region all bins earn the
        same. Without a ceiling the likeliest bin alone would be best, and music made of nothing else.
        """
        return self._cached(f"typicality {name}", self._typicality, name)

    def _typicality(self, name: str) -> Tensor:
        chance = self.probability(name)
        ordered = chance.sort(2, descending=True).values
        inside = (ordered.cumsum(2) < _USUAL).sum(2, keepdim=True).clamp(max=chance.shape[2] - 1)
        capped = torch.minimum(chance, ordered.gather(2, inside)).log()
        return (capped - (chance * capped).sum(2, keepdim=True)).clamp(min=_WORST)

    def tent(self, name: str) -> Tensor:
        """(sections, contexts, bins) float32: credit of each bin of a peak term; 0 on the corpus' mean.

        With x the bin on a scale of 0..1 and p the term's quantile of the corpus there, the grade is ``x / p`` up to
        the peak and falls from 1 to a half at x = 1; its mean over the corpus is taken off.
        """
        return self._cached(f"tent {name}", self._tent, name)

    def _tent(self, name: str) -> Tensor:
        measure, chance = MEASURES[name], self.probability(name)
        scale = torch.linspace(0, 1, measure.bins)
        reached = chance.cumsum(2) < measure.peak
        peak = scale[reached.sum(2, keepdim=True).clamp(1, measure.bins - 1)]
        falling = 1 - 0.5 * (scale - peak) / (1 - peak).clamp(min=1e-6)
        grade = torch.where(scale <= peak, scale / peak, falling)
        return grade - (chance * grade).sum(2, keepdim=True)

    def mean_grade(self, name: str) -> Tensor:
        """(sections, contexts) float32: the corpus' mean grade of a level term, sparse ones leaning on the whole."""
        return self._cached(f"mean {name}", self._mean_grade, name)

    def _mean_grade(self, name: str) -> Tensor:
        count, total = self.counts[name].unbind(2)
        overall = total.sum() / count.sum().clamp(min=1)
        contexts = (total.sum(0) + _CONTEXT_PRIOR * overall) / (count.sum(0) + _CONTEXT_PRIOR)
        return ((total + _SECTION_PRIOR * contexts) / (count + _SECTION_PRIOR)).float()

    def surprise(self, name: str, view: View, places: Places) -> Tensor:
        """(B, K) float32: ``-log p`` in nats of the bin of a typical term at each place, 0 where there is none."""
        log = self._cached(f"log {name}", lambda key: self.probability(key).log(), name)
        return -log.flatten()[_bin_index(MEASURES[name], view, places)] * places.here

    def _cached(self, key: str, compute: Callable[[str], Tensor], name: str) -> Tensor:
        if key not in self._cache:
            self._cache[key] = compute(name)
        return self._cache[key]

    def to_json(self) -> dict[str, object]:
        """A JSON object of plain numbers, lists and strings; :meth:`from_json` reads it back.

        Only sections that the corpus has are written; the memory is packed bits in base 64.
        """
        counts: dict[str, dict[str, list[float]]] = {}
        for name, table in self.counts.items():
            sections = SECTIONS[MEASURES[name].by]
            rows = {section: row.flatten().tolist() for section, row in zip(sections, table, strict=True)}
            counts[name] = {section: _short(row) for section, row in rows.items() if any(row)}
        return {
            "version": _VERSION,
            "pieces": self.pieces,
            "bars": self.bars,
            "common_run": self.common_run,
            "counts": counts,
            "memory": base64.b64encode(np.packbits(self.memory.numpy()).tobytes()).decode(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Reference:
        """The reference a JSON object describes.

        Raises:
            RewardError: if it is of another version or a term's counts are missing or of another size.
        """
        match data:
            case {
                "version": int(version),
                "pieces": int(pieces),
                "bars": int(bars),
                "common_run": int(common_run),
                "counts": {**found},
                "memory": str(packed),
            } if version == _VERSION:
                bits = np.unpackbits(np.frombuffer(base64.b64decode(packed), np.uint8)).astype(bool)
                if len(bits) != MEMORY_SIZE:
                    raise RewardError(f"a reference remembers {MEMORY_SIZE} slots, this one {len(bits)}")
                counts = {name: _read_counts(measure, found.get(name)) for name, measure in MEASURES.items()}
                return cls(counts, torch.from_numpy(bits), common_run, pieces, bars)
        raise RewardError(f"not a reference of version {_VERSION}: fit a new one with Reference.from_scores")


def _section(measure: Measure, view: View) -> Tensor:
    return (view.score.mode if measure.by == "mode" else view.score.meter)[:, None]


def _context_index(measure: Measure, view: View, places: Places) -> Tensor:
    context = torch.zeros_like(places.step) if places.context is None else places.context
    return _section(measure, view) * measure.contexts + context


def _bin_index(measure: Measure, view: View, places: Places) -> Tensor:
    return _context_index(measure, view, places) * measure.bins + places.value * places.here


def _shape(measure: Measure) -> tuple[int, int, int]:
    return len(SECTIONS[measure.by]), measure.contexts, measure.bins or 2


def _count(measure: Measure, view: View, places: Places) -> Tensor:
    """(sections, contexts, bins or 2) float64: what these pieces add to the reference's counts of ``measure``."""
    shape = _shape(measure)
    if measure.bins:
        index = _bin_index(measure, view, places)[places.here]
        size = shape[0] * shape[1] * shape[2]
        return torch.bincount(index, minlength=size).double().view(shape)
    index = _context_index(measure, view, places)[places.here]
    size = shape[0] * shape[1]
    grades = places.value.expand_as(places.here)[places.here].double()
    both = torch.bincount(index, minlength=size).double(), torch.bincount(index, grades, size)
    return torch.stack(both, 1).view(shape)


def _memory(scores: Score) -> Tensor:
    memory = torch.zeros(MEMORY_SIZE, dtype=torch.bool)
    for at in range(0, len(scores), _CHUNK):
        slot, whole = run_slots(View(scores.select(slice(at, at + _CHUNK))))
        memory[slot[whole]] = True
    return memory


def _short(row: list[float]) -> list[float]:
    return [int(value) if value == int(value) else round(value, 4) for value in row]


def _read_counts(measure: Measure, found: object) -> Tensor:
    shape = _shape(measure)
    counts = torch.zeros(shape, dtype=torch.float64)
    if not isinstance(found, dict):
        raise RewardError(f"the reference has no counts of the term {measure.name!r}: fit a new one")
    for section, row in found.items():
        names = SECTIONS[measure.by]
        if section not in names or len(row) != shape[1] * shape[2]:
            raise RewardError(f"the reference's counts of {measure.name!r} for {section!r} do not fit: fit a new one")
        counts[names.index(section)] = torch.tensor(row, dtype=torch.float64).view(shape[1:])
    return counts
