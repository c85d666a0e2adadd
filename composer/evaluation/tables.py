"""Numbers as reports hold them: finite or undefined, never NaN."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

Number = float | None


def defined(value: float | np.floating) -> Number:
    """``value`` rounded to six decimals, or None where it is not finite (JSON knows no NaN)."""
    return round(float(value), 6) if math.isfinite(value) else None


def cell(value: object) -> str:
    """A value as a table cell: three significant figures, a dash for None."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    return str(value)


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; numbers align to the right."""
    lines = [header, ["---" if index == 0 else "---:" for index in range(len(header))]]
    lines += [[cell(value) for value in row] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
