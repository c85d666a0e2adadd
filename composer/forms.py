"""Forms by name: which section follows which, and how many bars each has."""

from __future__ import annotations

import re
from dataclasses import dataclass

from composer.errors import TriadError
from composer.plan import LETTERS, LONGEST_PHRASE

# Words that may stand for letters in a form.
WORDS = {"verse": "A", "chorus": "B", "bridge": "C", "refrain": "B", "interlude": "D"}
_EIGHT = 8
_FOUR = 4

# Forms of pieces by their number of phrases, with how often they are drawn. Of two phrases of pop songs that stand
# side by side 1256 were the same and 704 another (POP909's form labels); longer forms are those of songs and dances.
FORMS: dict[int, tuple[tuple[str, float], ...]] = {
    1: (("A", 1.0),),
    2: (("A A'", 0.64), ("A B", 0.36)),
    3: (("A A' B", 0.5), ("A B A", 0.5)),
    4: (("A A' B A", 0.5), ("A B A B", 0.25), ("A A' B B'", 0.25)),
    5: (("A A' B A B", 0.5), ("A B A B B'", 0.5)),
    6: (("A A' B A A' B", 0.5), ("A B A B C B", 0.5)),
    7: (("A A' B A C A B", 0.5), ("intro A A' B A B outro", 0.5)),
    8: (("A A' B B' A A' B B'", 0.5), ("intro A A' B A B B' outro", 0.5)),
}
_MOST = max(FORMS)


class FormError(TriadError):
    """A form that cannot be read, or does not fit the length of the piece."""


@dataclass(frozen=True, slots=True)
class Part:
    """A phrase of a form.

    Attributes:
        name: ``intro``, ``outro`` or a letter.
        varied: whether it returns changed (A').
        bars: its length.
    """

    name: str
    varied: bool
    bars: int


def parse_form(text: str) -> tuple[tuple[str, bool], ...]:
    """Read ``"AABA"``, ``"A A' B A"`` or ``"intro verse chorus verse chorus outro"``.

    Returns:
        for each phrase its name and whether it is varied.

    Raises:
        FormError: if a word is unknown.
    """
    found: list[tuple[str, bool]] = []
    for word in text.replace("-", " ").replace(",", " ").split():
        plain = word.rstrip("'")
        name = WORDS.get(plain.lower(), plain.lower())
        if name in ("intro", "outro") or name in LETTERS:
            found.append((name, word != plain))
            continue
        pieces = re.findall(r"[A-Z]'*", word)
        if "".join(pieces) != word or any(piece[0] not in LETTERS for piece in pieces):
            known = ", ".join(("intro", "outro", *WORDS))
            raise FormError(
                f"unknown form {text!r}: {word!r} is neither letters A to {LETTERS[-1]} nor one of {known}"
            )
        found += [(piece[0], len(piece) > 1) for piece in pieces]
    if not found:
        raise FormError("a form needs at least one section, such as 'AABA' or 'intro verse chorus'")
    return tuple(found)


def usual_bars(form: str) -> int:
    """How long a piece of a form is where nobody says: eight bars for each section, so that AABA has 32.

    Raises:
        FormError: if the form cannot be read.
    """
    return _EIGHT * len(parse_form(form))


def phrase_lengths(bars: int) -> list[int]:
    """The lengths of the phrases of a piece: eights, or fours in pieces under 16 bars, and what remains."""
    unit = _EIGHT if bars >= 2 * _EIGHT else _FOUR
    if bars < 2 * unit:
        return [bars]
    count, rest = divmod(bars, unit)
    lengths = [unit] * count
    if rest >= _FOUR:
        return [*lengths, rest]
    # A few bars more are an ending: they lengthen the last phrase.
    lengths[-1] += rest
    return lengths


def parts_of(form: tuple[tuple[str, bool], ...], bars: int) -> tuple[Part, ...]:
    """The phrases of a form in a piece of ``bars`` bars, as equal as phrases of whole bars can be.

    Raises:
        FormError: if there are more sections than bars, or a section is longer than a phrase can be.
    """
    count = len(form)
    if not count <= bars <= LONGEST_PHRASE * count:
        raise FormError(
            f"a form of {count} sections needs {count} to {LONGEST_PHRASE * count} bars, got {bars}: "
            "change the form or the length"
        )
    own = phrase_lengths(bars)
    if len(own) != count:
        # Whole fours where they fit, for phrases are even.
        unit = _FOUR if bars >= _FOUR * count else 1
        short, more = divmod(bars // unit, count)
        own = [unit * (short + (index < more)) for index in range(count)]
        own[-1] += bars - sum(own)
    return tuple(Part(name, varied, length) for (name, varied), length in zip(form, own, strict=True))


def forms_for(bars: int) -> tuple[tuple[str, float], ...]:
    """The forms that suit a piece of ``bars`` bars, with their weights."""
    count = len(phrase_lengths(bars))
    if count in FORMS:
        return FORMS[count]
    # A longer piece goes round again before it ends.
    rounds, rest = divmod(count, _MOST)
    tail = FORMS[rest] if rest else (("", 1.0),)
    body, _ = FORMS[_MOST][0]
    return tuple((" ".join([body] * rounds + [name]).strip(), weight) for name, weight in tail)
