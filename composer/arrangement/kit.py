"""The drums a style may name, with their keys in the General MIDI percussion map."""

from __future__ import annotations

DRUMS = {
    "kick": 36,
    "rim": 37,
    "snare": 38,
    "clap": 39,
    "hat": 42,
    "pedal": 44,
    "open": 46,
    "tom_low": 45,
    "tom_mid": 47,
    "tom_high": 50,
    "crash": 49,
    "ride": 51,
    "bell": 53,
    "tambourine": 54,
    "splash": 55,
    "cowbell": 56,
    "shaker": 70,
    "bongo_high": 60,
    "bongo_low": 61,
    "conga_mute": 62,
    "conga_high": 63,
    "conga_low": 64,
    "claves": 75,
    "woodblock": 77,
    "triangle": 81,
}
