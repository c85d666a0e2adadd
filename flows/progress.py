"""How far along the work is, from whoever does it to whoever shows it. Standard library only."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

Listener = Callable[[str, float, str], None]

_listeners: list[Listener] = []
_PLAIN_SECONDS = 10.0
_LIVE_SECONDS = 0.2


def report(stage: str, share: float, detail: str = "") -> None:
    """Tell that ``share`` (0..1) of ``stage`` is done; ``detail`` says more in a few words."""
    for listener in _listeners:
        listener(stage, share, detail)


def report_files(done: int, total: int) -> None:
    """Tell that ``done`` of ``total`` files of a corpus are read."""
    report("corpus", done / total, f"{done} of {total} files")


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Have ``listener`` called with every report made in the block."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


class Console:
    """Shows reports as lines: one that renews itself on a terminal, else one every ten seconds."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.live = self.stream.isatty()
        self._stage = ""
        self._shown_at = 0.0
        self._open = False

    def __call__(self, stage: str, share: float, detail: str) -> None:
        """Show a report; those that come too thick are left out, but never a stage's first and last."""
        now = time.monotonic()
        due = now - self._shown_at >= (_LIVE_SECONDS if self.live else _PLAIN_SECONDS)
        if stage == self._stage and share < 1.0 and not due:
            return
        if self._open and stage != self._stage:
            self.close()
        text = f"{stage:<10} {share:4.0%}  {detail}".rstrip()
        if self.live:
            self.stream.write(f"\r\x1b[2K{text}")
            self._open = True
        else:
            self.stream.write(f"{text}\n")
        self.stream.flush()
        self._stage, self._shown_at = stage, now

    def close(self) -> None:
        """Leave the line that renews itself."""
        if self._open:
            self.stream.write("\n")
            self.stream.flush()
            self._open = False
