"""The form of a piece as players follow it: phrases, the sections they make up, and the energy each is played with.

Where the form was planned the plan is followed, elsewhere phrases are found by what returns in the melody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from composer.theory import Meter

PHRASE_BARS = 8
# A rest of fewer bars than this after the last full phrase belongs to that phrase.
SHORTEST_PHRASE_BARS = 4
# Share of sixteenths two phrases must have in common to bear the same letter; POP909's repeats vary little.
SAME_PHRASE = 0.6
# How many phrases back a letter is looked for, so that an endless piece stays quick to read.
MEMORY = 32


INTRO, OUTRO = "Intro", "Outro"
# In bars: a planned phrase shorter than the first belongs to the one before; a section has at least the second before
# another may begin, and begins anew after the third.
SHORTEST_PLANNED, SHORTEST_SECTION, LONGEST_SECTION = 3, 8, 16
# Energies of sections by their part in the form; over the piece verses and choruses rise, and the last is above all.
INTRO_ENERGY, OUTRO_ENERGY, VERSE_ENERGY, BRIDGE_ENERGY, CHORUS_ENERGY = 0.28, 0.4, 0.45, 0.36, 0.7
RISE, OVER_ALL = 0.22, 0.05


@dataclass(frozen=True, slots=True)
class Phrase:
    """Bars ``start`` to ``end`` under a ``name``, played with ``energy`` 0..1; ``opens`` says it begins a section."""

    start: int
    end: int
    name: str
    energy: float
    opens: bool = True

    @property
    def letter(self) -> str:
        """The name without its primes: what phrases share that return changed."""
        return self.name.rstrip("'")


def plan_phrases(sections: Sequence[str], left: Sequence[int], heights: Sequence[float]) -> tuple[Phrase, ...]:
    """The phrases of a piece with a plan, gathered into sections.

    A section begins with a new kind of bar (intro, body, outro) and, once the one before has eight bars, with a
    phrase that is new or one that has begun a section before. Of the sections that return, the one with the highest
    melody is the chorus, unless the piece begins with it; one that comes once, late, before one that returns is a
    bridge; the last section is the fullest.

    Args:
        sections: for each bar :data:`INTRO`, :data:`OUTRO` or a letter that it shares with phrases like its own.
        left: for each bar how many bars its phrase still has, 1 in the last; 0 where that is not planned.
        heights: for each bar the mean pitch of its notes, 0 where it has none.
    """
    spans = _spans(sections, left)
    names, opens = _gathered(spans)
    begun = [index for index, first in enumerate(opens) if first]
    ends = [*begun[1:], len(spans)]
    groups = [(names[index], spans[index][0], spans[end - 1][1]) for index, end in zip(begun, ends, strict=True)]
    energies = _planned_energies([name for name, _, _ in groups], _mean_heights(groups, heights))
    phrases = []
    group = -1
    for (start, end, _), name, first in zip(spans, names, opens, strict=True):
        group += first
        phrases.append(Phrase(start, end, name, energies[group], first))
    return tuple(phrases)


def _spans(sections: Sequence[str], left: Sequence[int]) -> list[tuple[int, int, str]]:
    """(first bar, bar after the last, label) of each phrase."""
    spans: list[tuple[int, int, str]] = []
    start = 0
    for bar, label in enumerate(sections):
        if bar + 1 < len(sections) and left[bar] != 1 and sections[bar + 1] == label:
            continue
        if spans and bar + 1 - start < SHORTEST_PLANNED and spans[-1][2] not in (INTRO, OUTRO) and label != OUTRO:
            start, _, label = spans.pop()
        spans.append((start, bar + 1, label))
        start = bar + 1
    return spans


def _gathered(spans: Sequence[tuple[int, int, str]]) -> tuple[list[str], list[bool]]:
    """The name of the section each phrase belongs to, and whether it begins it."""
    names: list[str] = []
    opens: list[bool] = []
    seen: set[str] = set()
    openers: dict[str, str] = {}
    begun = 0
    for index, (start, _, label) in enumerate(spans):
        before = spans[index - 1][2] if index else None
        long_enough = start - begun >= SHORTEST_SECTION
        first = (
            before is None
            or (label in (INTRO, OUTRO)) != (before in (INTRO, OUTRO))
            or {label, before} == {INTRO, OUTRO}
            or (long_enough and (label in openers or label not in seen))
            or start - begun >= LONGEST_SECTION
        )
        if first:
            begun = start
            if label not in (INTRO, OUTRO):
                openers.setdefault(label, _letter(len(openers)))
        seen.add(label)
        opens.append(first)
        names.append(openers.get(label, label) if first else names[-1])
    return names, opens


def _mean_heights(groups: Sequence[tuple[str, int, int]], heights: Sequence[float]) -> Mapping[str, float]:
    """The mean pitch of all sections of a name."""
    bars: dict[str, list[float]] = {}
    for name, start, end in groups:
        bars.setdefault(name, []).extend(height for height in heights[start:end] if height)
    return {name: fmean(found) if found else 0.0 for name, found in bars.items()}


def _planned_energies(names: Sequence[str], heights: Mapping[str, float]) -> list[float]:
    """The energy of each section in order."""
    body = [index for index, name in enumerate(names) if name not in (INTRO, OUTRO)]
    inner = [names[index] for index in body]
    # What a piece begins with is no chorus, and what comes once only where nothing returns.
    later = sorted(set(inner) - set(inner[:1]))
    returning = [name for name in later if inner.count(name) > 1]
    chorus = max(returning or later, key=lambda name: heights[name], default=None)
    bridges = [
        place
        for place in range(len(inner) // 2, len(inner) - 1)
        if inner.count(inner[place]) == 1 and inner[place] != chorus and inner[place + 1] in inner[:place]
    ]
    energies = [INTRO_ENERGY if name == INTRO else OUTRO_ENERGY for name in names]
    for place, index in enumerate(body):
        base = CHORUS_ENERGY if names[index] == chorus else VERSE_ENERGY
        energies[index] = base + RISE * place / max(1, len(body) - 1)
    if bridges:
        energies[body[bridges[-1]]] = BRIDGE_ENERGY
    if len(body) > 1:
        energies[body[-1]] = min(1.0, max(energies) + OVER_ALL)
    return energies


def find_phrases(bars: int, meter: Meter, onsets: list[bool], sounding: list[int]) -> tuple[Phrase, ...]:
    """The phrases of a piece without a plan: eight bars each; those whose melodies are alike share a letter.

    Args:
        bars: length of the piece.
        meter: its metre.
        onsets: for each sixteenth whether a melody note begins.
        sounding: for each sixteenth the pitch that sounds, 0 in rests.
    """
    starts = list(range(0, bars, PHRASE_BARS))
    if len(starts) > 1 and bars - starts[-1] < SHORTEST_PHRASE_BARS:
        starts.pop()
    ends = [*starts[1:], bars]
    events = [pitch if onset else -bool(pitch) for onset, pitch in zip(onsets, sounding, strict=True)]
    contents = [
        events[start * meter.bar_steps : end * meter.bar_steps] for start, end in zip(starts, ends, strict=True)
    ]
    names: list[str] = []
    for index, content in enumerate(contents):
        earlier = range(max(0, index - MEMORY), index)
        likeness, best = max(((_likeness(content, contents[at]), -at) for at in earlier), default=(0.0, 0))
        letter = names[-best].rstrip("'") if likeness >= SAME_PHRASE else ""
        if letter:
            primes = len({name for name in names if name.rstrip("'") == letter})
            names.append(names[-best] if likeness == 1.0 else letter + "'" * primes)
        else:
            letters = len({name.rstrip("'") for name in names})
            names.append(_letter(letters))
    return tuple(
        Phrase(start, end, name, energy)
        for start, end, name, energy in zip(starts, ends, names, _energies(len(starts)), strict=True)
    )


def _likeness(first: list[int], second: list[int]) -> float:
    """Share of the sixteenths at which something is struck, in either phrase, that are alike."""
    if len(first) != len(second):
        return 0.0
    struck = [(a, b) for a, b in zip(first, second, strict=True) if a > 0 or b > 0]
    return sum(a == b for a, b in struck) / len(struck) if struck else 1.0


def _energies(count: int) -> list[float]:
    """A rise to a climax three quarters through the piece, and a slightly calmer end."""
    if count == 1:
        return [0.6]
    climax = round(0.75 * (count - 1))
    return [0.45 + 0.5 * index / climax if index <= climax else 0.8 for index in range(count)]


def _letter(index: int) -> str:
    return chr(ord("A") + index) if index < 26 else f"A{index}"
