"""A report on disk: Markdown with its pictures beside it, one page of HTML, and the figures as JSON."""

from __future__ import annotations

import json
from pathlib import Path

from composer.evaluation import Report
from flows.files import write_bytes, write_text

MARKDOWN, PAGE, FIGURES = "evaluation.md", "evaluation.html", "evaluation.json"


def write_report(report: Report, folder: Path) -> list[Path]:
    """Write all files of ``report`` into ``folder``; gives their paths.

    Raises:
        FlowError: if the folder cannot be written.
    """
    return [
        write_text(folder / MARKDOWN, report.markdown()),
        write_text(folder / PAGE, report.html()),
        write_text(folder / FIGURES, json.dumps(report.to_json(), indent=1, allow_nan=False)),
        *(write_bytes(folder / f"{name}.png", data) for name, data in report.plots.items()),
    ]
