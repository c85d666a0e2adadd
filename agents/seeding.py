"""One random generator for each owner, all derived from one seed."""

from __future__ import annotations

import hashlib

import torch


def derive(seed: int, *names: str) -> int:
    """A seed of its own, 0..2**63 - 1, for whoever ``names`` describe.

    Hashing keeps owners apart: with ``seed + 1`` for the second agent, neighbouring seeds would share streams.
    """
    text = ":".join((str(seed), *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1


def generator(seed: int, *names: str, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator for whoever ``names`` describe."""
    return torch.Generator(device).manual_seed(derive(seed, *names))
