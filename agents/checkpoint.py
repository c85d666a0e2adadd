"""Tensors and what describes them on disk: safetensors beside JSON, written so that no reader sees half of it.

A bundle of the kind ``model`` is two files of a directory: ``model.json``, and the tensors file it names by content,
``model-<digest>.safetensors``. New tensors are written beside the old ones, then the JSON is replaced in one step,
then the old tensors go: a process killed at any moment leaves the old bundle or the new one.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from agents.errors import CheckpointError

FORMAT = 1


def write_bundle(directory: Path, kind: str, tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> None:
    """Write the bundle ``kind`` into ``directory``, in place of one that may be there.

    Args:
        directory: made where it is missing.
        kind: what the files are called and what a reader asks for.
        tensors: any dtypes, on any device.
        description: a JSON object without the keys ``format``, ``kind``, ``tensors`` and ``sha256``.

    Raises:
        CheckpointError: if the directory cannot be written.
    """
    content = safetensors.torch.save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
    digest = hashlib.sha256(content).hexdigest()
    name = f"{kind}-{digest[:16]}.safetensors"
    text = json.dumps({"format": FORMAT, "kind": kind, "tensors": name, "sha256": digest, **description}, indent=1)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _replace(directory / name, content)
        _replace(directory / f"{kind}.json", (text + "\n").encode())
        for old in (*directory.glob(f"{kind}-*.safetensors"), *directory.glob(f".{kind}*.part")):
            if old.name != name:
                old.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise CheckpointError(
            f"cannot write the {kind} into {directory}: {reason}; choose another directory"
        ) from error


def read_bundle(directory: Path, kind: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the description of the bundle ``kind`` in ``directory``.

    Raises:
        CheckpointError: if it is missing, damaged or of another format.
    """
    path = directory / f"{kind}.json"
    again = "train again or give another directory"
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{directory} holds no {kind}: there is no {path.name}; {again}") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}); {again}") from None
    match description:
        case {"format": int(version), "kind": str(found), "tensors": str(name), "sha256": str(digest)}:
            pass
        case _:
            raise CheckpointError(f"{path} does not describe a {kind}; {again}")
    if (version, found) != (FORMAT, kind):
        raise CheckpointError(
            f"{path} is a {found} of format {version}, expected a {kind} of format {FORMAT}: {again}"
        )
    try:
        content = (directory / Path(name).name).read_bytes()
    except OSError as error:
        raise CheckpointError(f"{directory / name} cannot be read ({error.strerror}); {again}") from None
    if hashlib.sha256(content).hexdigest() != digest:
        raise CheckpointError(f"{directory / name} is damaged: its digest is not the one in {path.name}; {again}")
    try:
        return safetensors.torch.load(content), description
    except safetensors.SafetensorError as error:
        raise CheckpointError(f"{directory / name} is not a safetensors file ({error}); {again}") from None


def prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors with ``prefix.`` before their names."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Those tensors whose names begin with ``prefix.``, without it."""
    start = f"{prefix}."
    return {name[len(start) :]: tensor for name, tensor in tensors.items() if name.startswith(start)}


def _replace(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
