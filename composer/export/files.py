"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from composer.export.errors import ExportError


@contextmanager
def written_whole(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A path beside ``path`` to write to; what stands there in the end moves to ``path`` in one step.

    Missing folders are made. Where the block fails, nothing appears at ``path`` and nothing stays beside it.

    Raises:
        ExportError: if the place cannot be written to.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".triad-", dir=target.parent) as folder:
            draft = Path(folder) / target.name
            yield draft
            draft.replace(target)
    except OSError as error:
        raise ExportError(
            f"{target} cannot be written ({error.strerror or error}): choose a folder you may write to with room left"
        ) from None
