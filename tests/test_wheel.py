"""What a wheel holds: everything the packages need at run time, the models that ship among it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("agents", "composer", "flows")


def test_a_wheel_has_every_file_of_the_packages(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    # A model as they ship, whether or not one does already.
    model = source / "agents" / "models" / "example"
    model.mkdir(parents=True)
    for name in ("model.json", "model-0123456789abcdef.safetensors", "card.json", "CARD.md"):
        (model / name).write_text(name)
    code = "from setuptools import build_meta; print(build_meta.build_wheel('.'))"
    done = subprocess.run([sys.executable, "-c", code], cwd=source, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    with zipfile.ZipFile(source / done.stdout.splitlines()[-1]) as wheel:
        inside = set(wheel.namelist())
    wanted = {
        path.relative_to(source).as_posix()
        for package in PACKAGES
        for path in (source / package).rglob("*")
        if path.is_file()
    }
    assert "agents/models/example/CARD.md" in wanted
    assert wanted <= inside, sorted(wanted - inside)[:5]
