"""The commands of ``triad``, one file each. Nothing heavy is imported before a command has checked its input."""
