"""What an agent sees: a row of small integers, one per slot, the same row for all three agents.

A slot is a categorical value. :data:`SLOTS` is the whole table: its order is the order of the observation's columns,
``agents`` says whose network reads it. Values describe the decision that comes next; 0 means "none" wherever a slot
speaks of music that may not exist yet. The slots that say what stood at this place 1, 2, 4 and 8 bars ago and in the
bar that the plan recalls are the essential ones: they lower the priors' held-out error most. "By sequence" is the
pitch that moves from the last note as the recalled bar moves there, "by inversion" the one that moves the other way.
"After the last one" is what followed the agent's last choice (or two) when the piece last had it, "by figure" where
the interval leads that followed the last interval, at the same distance in time: figures return.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from composer.plan import CADENCES, COLUMNS, INDEX
from composer.theory import MAX_BEAT_STEPS, METERS, MODES
from composer.vocabulary import CHORD, MELODY, RHYTHM, Vocabulary

RECALLED_BARS = (1, 2, 4, 8)
RECENT_CELLS = 4
RECENT_PITCHES = 4
PHRASE_BARS = 8
MAX_CHORD_AGE = 15
MAX_SINCE_ONSET = 16

_ALL = (CHORD, RHYTHM, MELODY)

# Who reads which entry of the form plan, in the order of the observation's last columns.
PLANNED: dict[str, tuple[int, ...]] = {
    "section": _ALL,
    "bar of the phrase": _ALL,
    "bars to the phrase's end": _ALL,
    "cadence": _ALL,
    "relation": _ALL,
    "harmony": (CHORD, MELODY),
    "register": (RHYTHM, MELODY),
    "climax": (MELODY,),
    "density": (RHYTHM,),
    "off beat": (RHYTHM,),
    "off eighth": (RHYTHM,),
    "rests": (RHYTHM,),
    "eighths": (RHYTHM,),
    "rhythmic variety": (RHYTHM,),
    "figures": (RHYTHM, MELODY),
    "harmonic rhythm": (CHORD,),
    "movement": (MELODY,),
    "steps": (MELODY,),
    "repeated notes": (MELODY,),
    "span": (MELODY,),
    "coloured chords": (CHORD,),
    "borrowed chords": (CHORD,),
    "chord tones": (CHORD, MELODY),
}


@dataclass(frozen=True, slots=True)
class Slot:
    """One column of the observation.

    Attributes:
        name: what it says.
        agents: whose networks read it.
        size: the number of values it takes, 0..size-1, under a vocabulary.
    """

    name: str
    agents: tuple[int, ...]
    size: Callable[[Vocabulary], int]


def _constant(size: int) -> Callable[[Vocabulary], int]:
    return lambda _: size


def _chords(vocabulary: Vocabulary) -> int:
    return len(vocabulary.chords) + 1


def _cells(vocabulary: Vocabulary) -> int:
    return len(vocabulary.cells) + 1


def _grooves(vocabulary: Vocabulary) -> int:
    return len(vocabulary.grooves) + 1


def _pitches(vocabulary: Vocabulary) -> int:
    return vocabulary.sizes[MELODY] + 1


SLOTS: tuple[Slot, ...] = (
    Slot("turn", (), _constant(4)),
    Slot("mode", _ALL, _constant(len(MODES))),
    Slot("meter", _ALL, _constant(len(METERS))),
    Slot("beat of the bar", _ALL, _constant(max(meter.beats for meter in METERS))),
    Slot("bar of eight", _ALL, _constant(PHRASE_BARS)),
    Slot("bars left", _ALL, _constant(PHRASE_BARS + 1)),
    Slot("step of the beat", (MELODY,), _constant(MAX_BEAT_STEPS)),
    Slot("steps to the next onset in the beat", (MELODY,), _constant(MAX_BEAT_STEPS + 1)),
    Slot("a note sounds on", (RHYTHM,), _constant(2)),
    Slot("steps since the last onset", (RHYTHM, CHORD), _constant(MAX_SINCE_ONSET + 1)),
    Slot("a groove is asked for", (RHYTHM,), _constant(2)),
    Slot("groove", (RHYTHM,), _grooves),
    Slot("chord", _ALL, _chords),
    Slot("chord before", (CHORD, MELODY), _chords),
    Slot("chord before that", (CHORD,), _chords),
    Slot("beats since the chord changed", (CHORD, RHYTHM), _constant(MAX_CHORD_AGE + 1)),
    *(Slot(f"chord {bars} bars ago", _ALL, _chords) for bars in RECALLED_BARS),
    Slot("cell", (MELODY,), _cells),
    *(Slot(f"cell {beats} beats ago", (RHYTHM,), _cells) for beats in range(1, RECENT_CELLS + 1)),
    *(Slot(f"cell {bars} bars ago", (RHYTHM, MELODY), _cells) for bars in RECALLED_BARS),
    Slot("groove 1 beats ago", (RHYTHM,), _grooves),
    *(Slot(f"groove {bars} bars ago", (RHYTHM,), _grooves) for bars in RECALLED_BARS),
    *(
        Slot(f"pitch {notes} notes ago", (CHORD, MELODY) if notes <= 2 else (MELODY,), _pitches)
        for notes in range(1, RECENT_PITCHES + 1)
    ),
    *(Slot(f"pitch {bars} bars ago", (MELODY,), _pitches) for bars in RECALLED_BARS),
    Slot("chord in the recalled bar", (CHORD, MELODY), _chords),
    Slot("cell in the recalled bar", (RHYTHM, MELODY), _cells),
    Slot("groove in the recalled bar", (RHYTHM,), _grooves),
    Slot("pitch in the recalled bar", (CHORD, MELODY), _pitches),
    Slot("pitch a beat on in the recalled bar", (CHORD,), _pitches),
    Slot("pitch by sequence", (MELODY,), _pitches),
    Slot("pitch by inversion", (MELODY,), _pitches),
    *(
        Slot(f"{what} after the last {many}", (agent,), size)
        for agent, what, size in ((CHORD, "chord", _chords), (RHYTHM, "cell", _cells), (MELODY, "pitch", _pitches))
        for many in ("one", "two")
    ),
    Slot("pitch by figure", (MELODY,), _pitches),
    Slot("cadence of the bar", _ALL, _constant(len(CADENCES) + 1)),
    *(Slot(f"planned {name}", agents, _constant(COLUMNS[INDEX[name]].size)) for name, agents in PLANNED.items()),
)

_WRITERS: Mapping[Callable[[Vocabulary], int], int] = {
    _chords: CHORD,
    _cells: RHYTHM,
    _grooves: RHYTHM,
    _pitches: MELODY,
}
# Slots that tell of a part although their values are not choices of its agent.
_TELLS_OF = {
    "steps to the next onset in the beat": RHYTHM,
    "a note sounds on": RHYTHM,
    "steps since the last onset": RHYTHM,
    "beats since the chord changed": CHORD,
}


def writer(slot: Slot) -> int | None:
    """The agent whose choices a slot tells of; None for what is settled beforehand and for the place in the piece."""
    return _WRITERS[slot.size] if slot.size in _WRITERS else _TELLS_OF.get(slot.name)


def slot_sizes(vocabulary: Vocabulary) -> tuple[int, ...]:
    """The number of values of every column, each at most 256 so that an observation fits in bytes."""
    return tuple(slot.size(vocabulary) for slot in SLOTS)


def columns(agent: int) -> tuple[int, ...]:
    """The columns of the observation that ``agent`` reads."""
    return tuple(index for index, slot in enumerate(SLOTS) if agent in slot.agents)
