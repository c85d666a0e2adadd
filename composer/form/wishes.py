"""Wishes: more or less of something, for a whole piece or for a section, laid over a form plan.

A wish is a number from 0 (as little as music ever has) over 0.5 to 1 (as much as it ever has). It is carried out by
the plan alone: the agents learned what its classes ask for from real music.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from composer.errors import TriadError
from composer.forms import WORDS
from composer.plan import CADENCES, COLUMNS, INDEX, LETTERS, REGISTERS, SECTIONS

_SIZE = {column.name: column.size for column in COLUMNS}
_REGISTER = INDEX["register"]
_REGISTER_CLASSES = 4  # a wish of 0 or 1 moves the register by half of these: five semitones


class WishError(TriadError):
    """A wish that cannot be read or granted."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What can be wished for.

    Attributes:
        says: what more of it means.
        more: targets of the plan that rise with it.
        less: targets that fall with it.
    """

    says: str
    more: tuple[str, ...] = ()
    less: tuple[str, ...] = ()


WISHES: Mapping[str, Wish] = {
    "density": Wish("more notes a beat", ("density", "eighths")),
    "syncopation": Wish("more notes off the beat", ("off beat", "off eighth")),
    "rests": Wish("more silence", ("rests",)),
    "repetition": Wish("figures return more often", ("figures",)),
    "harmonic-rhythm": Wish("chords change more often", ("harmonic rhythm",)),
    "chord-complexity": Wish("more sevenths and borrowed chords", ("coloured chords", "borrowed chords")),
    "dissonance": Wish("more notes that are no chord tones", less=("chord tones",)),
    "leaps": Wish("wider intervals", ("movement",), ("steps",)),
    "register": Wish("a higher melody"),
}


def read_wishes(text: str) -> dict[str, float]:
    """Wishes by name from such as ``"density=0.8, register=0.3"``.

    Raises:
        WishError: naming what is unknown, no number from 0 to 1, or wished twice.
    """
    found: dict[str, float] = {}
    for part in (part.strip() for part in text.split(",") if part.strip()):
        name, _, value = (word.strip() for word in part.partition("="))
        if name not in WISHES:
            raise WishError(f"unknown wish {name!r}: choose from {', '.join(WISHES)}, such as density=0.8")
        try:
            number = float(value)
        except ValueError:
            raise WishError(f"wish {part!r}: {value!r} is no number; give 0 (little) to 1 (much)") from None
        if not 0 <= number <= 1:
            raise WishError(f"wish {part!r} is out of range: give 0 (little) to 1 (much)")
        if found.setdefault(name, number) != number:
            raise WishError(f"{name} is wished for twice, {found[name]:g} and {number:g}: say one of them")
    return found


def read_sections(text: str) -> dict[str, dict[str, float]]:
    """Wishes by section from such as ``"chorus: density=0.9, register=0.8; verse: density=0.3"``.

    Raises:
        WishError: naming the section or wish that is unknown.
    """
    found: dict[str, dict[str, float]] = {}
    for part in (part.strip() for part in text.split(";") if part.strip()):
        word, colon, wishes = (piece.strip() for piece in part.partition(":"))
        section = WORDS.get(word.lower(), word if word in LETTERS else word.lower())
        if not colon or section not in SECTIONS:
            known = ", ".join(("intro", "outro", *WORDS))
            raise WishError(
                f"section wish {part!r}: begin with a letter or one of {known}, such as 'chorus: density=1'"
            )
        if section in found:
            raise WishError(f"section {word!r} has wishes twice: say them together")
        found[section] = read_wishes(wishes)
    return found


def check_ending(name: str) -> None:
    """See that a piece can end so.

    Raises:
        WishError: if it cannot.
    """
    if name not in CADENCES[1:]:
        raise WishError(f"unknown ending {name!r}: choose from {', '.join(CADENCES[1:])}")


def granted(plan: Tensor, wishes: Mapping[str, float], bars: Tensor | None = None) -> Tensor:
    """The plan (M, WIDTH) uint8 with wishes laid over it, where ``bars`` (M,) bool; everywhere by default."""
    plan = plan.clone()
    here = torch.ones(len(plan), dtype=torch.bool) if bars is None else bars
    for name, value in wishes.items():
        wish = WISHES[name]
        for targets, wanted in ((wish.more, value), (wish.less, 1 - value)):
            for target in targets:
                classes = _SIZE[target] - 1
                plan[here, INDEX[target]] = 1 + min(int(wanted * classes), classes - 1)
        if name == "register":
            sung = here & (plan[:, _REGISTER] > 0)
            moved = plan[:, _REGISTER].long() + round((value - 0.5) * _REGISTER_CLASSES)
            plan[sung, _REGISTER] = moved.clamp(1, REGISTERS)[sung].to(torch.uint8)
    return plan


def granted_by_section(plan: Tensor, sections: Mapping[str, Mapping[str, float]]) -> Tensor:
    """The plan (M, WIDTH) uint8 with each section's wishes laid over its bars.

    Raises:
        WishError: if the plan has no such section.
    """
    column = plan[:, INDEX["section"]]
    for section, wishes in sections.items():
        bars = column == 1 + SECTIONS.index(section)
        if not bool(bars.any()):
            known = sorted({SECTIONS[value - 1] for value in column.tolist() if value})
            raise WishError(
                f"the piece has no section {section}, it has {', '.join(known)}: give it a --form with one"
            )
        plan = granted(plan, wishes, bars)
    return plan


def closing_with(plan: Tensor, cadence: str) -> Tensor:
    """The plan (M, WIDTH) uint8 of a piece whose last phrase closes with ``cadence``."""
    plan = plan.clone()
    left = plan[-1, INDEX["bar of the phrase"]].long().clamp(min=1)
    plan[-int(left) :, INDEX["cadence"]] = 1 + CADENCES.index(cadence)
    plan[-1, INDEX["bars to the phrase's end"]] = 1
    return plan
