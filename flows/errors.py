"""The error of this package. Standard library only."""

from __future__ import annotations

from composer.errors import TriadError


class FlowError(TriadError):
    """A request that the pipeline cannot carry out as it stands."""
