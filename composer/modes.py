"""Modes beyond major and minor: a piece in the nearest of the two with its characteristic degree altered.

Dorian is minor with a raised sixth, Phrygian minor with a lowered second, Lydian major with a raised fourth,
Mixolydian major with a lowered seventh. The agents know major and minor; the altered degree is altered wherever it
stands, in melody and chords alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from composer.theory import MODES, PITCH_CLASS_NAMES, Key, TheoryError


@dataclass(frozen=True, slots=True)
class Modality:
    """A mode as an alteration.

    Attributes:
        base: ``"major"`` or ``"minor"``.
        pitch_class: the altered one, as written (C major, A minor).
        semitones: by which, 1 or -1.
    """

    base: str
    pitch_class: int
    semitones: int


MODALITIES: Mapping[str, Modality] = {
    "dorian": Modality("minor", 5, 1),
    "phrygian": Modality("minor", 11, -1),
    "lydian": Modality("major", 5, 1),
    "mixolydian": Modality("major", 11, -1),
}


def parse_key(text: str) -> tuple[Key, str | None]:
    """The key a text names and, for a mode beyond major and minor, its name: ``"D dorian"`` is D minor, dorian.

    Raises:
        TheoryError: if the text names no key.
    """
    words = text.replace("-", " ").replace("_", " ").split()
    name = words[-1].lower() if words else ""
    try:
        if name in MODALITIES and len(words) > 1:
            return Key.parse(f"{' '.join(words[:-1])} {MODALITIES[name].base}"), name
        return Key.parse(text), None
    except TheoryError:
        known = ", ".join((*(mode.name for mode in MODES), *MODALITIES))
        raise TheoryError(
            f"unknown key {text!r}: give a tonic and a mode, such as 'D minor' or 'Bb major' (modes: {known})"
        ) from None


def key_name(key: Key, modality: str | None) -> str:
    """The key's name, such as ``"D dorian"``; :func:`parse_key` reads it back."""
    return key.name if modality is None else f"{PITCH_CLASS_NAMES[key.tonic]} {modality}"
