"""The form plan: what is settled about every bar of a piece before its first note.

A plan is a row of small integers for every bar, one for each of :data:`COLUMNS`. 0 always means that nothing is
planned there: the agents then do as they please. Real music is given the plan it follows (:mod:`composer.form`), so
that priors learn what each entry asks for; a new piece is given one drawn from such plans.
"""

from __future__ import annotations

from dataclasses import dataclass

CADENCES = ("none", "half", "authentic", "plagal", "deceptive")
RELATIONS = ("new", "loose", "rhythm", "shape", "sequence", "inversion", "variation", "copy")
HARMONY_RELATIONS = ("other", "partly", "same")
LETTERS = "ABCDEFGHIJKL"
SECTIONS = ("intro", "outro", *LETTERS)
LONGEST_PHRASE = 12
MOST_RECALLED = 96  # bars; further back nothing is recalled
LOWEST_REGISTER, REGISTER_STEP, REGISTERS = 58.0, 2.5, 11  # MIDI pitches: lower edge of the second bin, width, bins


@dataclass(frozen=True, slots=True)
class Column:
    """One entry of a bar's plan.

    Attributes:
        name: of the entry.
        size: number of values, 0 (not planned) included.
        says: what it asks for.
    """

    name: str
    size: int
    says: str


@dataclass(frozen=True, slots=True)
class Target(Column):
    """An entry that asks for a quantity of the music, in classes.

    Attributes:
        edges: upper edges of all classes but the last; class 1 lies below the first.
        over: ``"phrase"`` or ``"piece"``: what the quantity is measured over.
    """

    edges: tuple[float, ...]
    over: str


def _target(name: str, over: str, edges: tuple[float, ...], says: str) -> Target:
    return Target(name, len(edges) + 2, says, edges, over)


# Edges are near the eighths of phrases and pieces of pop, folk and chorale music.
TARGETS: tuple[Target, ...] = (
    _target("density", "phrase", (0.6, 0.85, 1.1, 1.3, 1.5, 1.7, 2.0), "notes a beat"),
    _target("off beat", "phrase", (0.05, 0.2, 0.32, 0.42, 0.5, 0.58, 0.68), "share of notes struck off the beat"),
    _target("off eighth", "phrase", (0.005, 0.04, 0.08, 0.14, 0.22, 0.32), "share of notes struck off the eighths"),
    _target("rests", "phrase", (0.005, 0.04, 0.08, 0.13, 0.19, 0.27, 0.4), "share of silent sixteenths"),
    _target("eighths", "phrase", (0.2, 0.35, 0.48, 0.6, 0.72, 0.88), "share of notes followed after an eighth"),
    _target("rhythmic variety", "piece", (1.0, 1.3, 1.6, 1.9, 2.2), "entropy in bits of the times between notes"),
    _target("figures", "piece", (0.1, 0.18, 0.27, 0.37, 0.5, 0.65), "share of figures of notes heard before"),
    _target("harmonic rhythm", "phrase", (0.6, 0.9, 1.05, 1.3, 1.55, 1.8), "chord changes a bar"),
    _target("movement", "piece", (1.6, 1.9, 2.15, 2.4, 2.7, 3.1), "mean interval in semitones"),
    _target("steps", "piece", (0.28, 0.36, 0.43, 0.5, 0.57, 0.65), "share of notes a step from the one before"),
    _target("repeated notes", "piece", (0.06, 0.12, 0.18, 0.24, 0.31, 0.4), "share of notes on the pitch before"),
    _target("span", "piece", (10.5, 12.5, 14.5, 16.5, 18.5), "semitones from the lowest to the highest note"),
    _target("coloured chords", "piece", (0.005, 0.06, 0.15, 0.3, 0.5), "share of beats under other than triads"),
    _target("borrowed chords", "piece", (0.005, 0.05, 0.11, 0.2), "share of beats under chords from outside the key"),
    _target("chord tones", "piece", (0.58, 0.66, 0.72, 0.78, 0.85), "share of sounding time on chord tones"),
)

COLUMNS: tuple[Column, ...] = (
    Column("section", len(SECTIONS) + 1, "which section the bar belongs to"),
    Column("bar of the phrase", LONGEST_PHRASE + 1, "from 1"),
    Column("bars to the phrase's end", LONGEST_PHRASE + 1, "1 in its last bar"),
    Column("cadence", len(CADENCES) + 1, "how the phrase closes"),
    Column("recalled", MOST_RECALLED + 1, "how many bars back the bar lies that this one recalls"),
    Column("relation", len(RELATIONS) + 1, "what the melody makes of the recalled bar"),
    Column("harmony", len(HARMONY_RELATIONS) + 1, "what the harmony makes of the recalled bar"),
    Column("register", REGISTERS + 1, "mean pitch of the bar, in classes of 2.5 semitones"),
    Column("climax", 3, "whether the melody reaches its highest note here (2) or not (1)"),
    *TARGETS,
)
WIDTH = len(COLUMNS)
INDEX = {column.name: index for index, column in enumerate(COLUMNS)}
