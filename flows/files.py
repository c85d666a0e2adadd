"""Writing a file whole or not at all, and what to say where it cannot be written. Standard library only."""

from __future__ import annotations

import os
from pathlib import Path

from flows.errors import FlowError


def write_text(path: Path, text: str) -> Path:
    """Write a text file whole or not at all."""
    return write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> Path:
    """Write a file whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        raise unwritable(path, error) from None
    finally:
        part.unlink(missing_ok=True)
    return path


def unwritable(path: Path, error: OSError) -> FlowError:
    """What to say when writing failed after all."""
    reason = error.strerror or str(error)
    return FlowError(f"{path} cannot be written ({reason}): choose a folder you may write to with room left")
