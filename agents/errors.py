"""The errors of this package. Standard library only."""

from __future__ import annotations

from composer.errors import TriadError


class AgentError(TriadError):
    """A configuration, corpus or request that the agents cannot work with."""


class CheckpointError(AgentError):
    """A saved model or checkpoint that is missing, broken or belongs to something else."""
