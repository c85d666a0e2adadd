"""The examples of the documentation run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("page", ["docs/partner.md"])
def test_examples_run_in_the_order_they_are_read(
    page: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 5
    names: dict[str, object] = {}
    for block in blocks:
        exec(block, names)
    said = capsys.readouterr().out
    assert "D minor, 4/4, 8 bars" in said
    assert "Reason(agent='chord'" in said


def test_every_command_is_in_the_documentation() -> None:
    from flows.cli import cli

    pages = "".join((ROOT / page).read_text(encoding="utf-8") for page in ("README.md", "docs/partner.md"))
    missing = [name for name in cli.commands if f"triad {name}" not in pages]
    assert not missing
