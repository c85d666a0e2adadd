"""Which commit of Triad runs here. Asks git, where there is one."""

from __future__ import annotations

import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def triad_version() -> str:
    """Triad's version as installed."""
    try:
        return version("triad-composer")
    except PackageNotFoundError:
        return "0+unknown"


@cache
def revision() -> tuple[str | None, bool]:
    """The commit of the checkout this file is tracked in and whether nothing was changed since; else None."""
    here = Path(__file__).resolve()
    # A package installed into a virtual environment inside some other repository is not tracked by that.
    if _git(here.parent, "ls-files", "--error-unmatch", here.name) is None:
        return None, False
    commit = _git(here.parent, "rev-parse", "HEAD")
    changed = _git(here.parent, "status", "--porcelain", "--untracked-files=no")
    return commit, changed == ""


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
