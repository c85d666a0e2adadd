"""Colours of tracks by the part they play, the same on the picture and on the page, told apart without red and green.

The Okabe-Ito palette (Okabe and Ito 2008), darkened where it would be too pale on white.
"""

from __future__ import annotations

from collections.abc import Sequence

from composer.arrangement.model import Track

_BY_PART = {
    "melody": ("#c8430a",),
    "comping": ("#0072b2", "#56a8d8", "#7d8fc9"),
    "voice": ("#0072b2", "#56a8d8", "#7d8fc9"),
    "bass": ("#00795a",),
    "drums": ("#555b66",),
}
_OTHER = ("#b0578f", "#a07800")


def colours(tracks: Sequence[Track]) -> list[str]:
    """A colour for each track, as ``#rrggbb``."""
    seen: dict[str, int] = {}
    chosen = []
    for track in tracks:
        row = _BY_PART.get(track.part, _OTHER)
        count = seen.get(track.part, 0)
        seen[track.part] = count + 1
        chosen.append(row[count % len(row)])
    return chosen
