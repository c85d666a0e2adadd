"""Triad measured beside its peers in the same run on the same machine. ``python -m benchmarks`` writes the table."""
