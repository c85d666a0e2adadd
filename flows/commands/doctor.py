"""``triad doctor``: would it work here?"""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from flows.commands.common import json_option, show, soundfont_option, working

PACKAGES = ("torch", "mlflow", "prefect", "gymnasium", "pettingzoo", "numpy", "mido", "pretty_midi", "soundfile")


@click.command()
@soundfont_option
@json_option
def doctor(soundfont: Path | None, as_json: bool) -> None:
    """Check the synthesizer, the SoundFont, a second of sound, the folders and the versions."""
    from flows.checks import check_writable
    from flows.errors import FlowError
    from flows.home import Home
    from flows.revision import revision, triad_version

    home = Home.here()
    problems = []
    try:
        check_writable(home.root)
    except FlowError as error:
        problems.append(str(error))
    with working():
        from composer.render import doctor as examine

        sound = examine(soundfont)
    if sound.problem:
        problems.append(sound.problem)
    versions = {"python": platform.python_version(), **{name: _installed(name) for name in PACKAGES}}
    result = {
        "ok": not problems,
        "problems": problems,
        "triad": triad_version(),
        "commit": revision()[0],
        "home": str(home.root),
        "tracking_uri": home.tracking_uri,
        "sound": sound.to_json(),
        "versions": versions,
    }
    silent = "nothing sounds" if sound.peak_dbfs is None else f"one second sounds, peak {sound.peak_dbfs:.1f} dBFS"
    lines = [
        f"triad       {result['triad']}",
        f"home        {home.root}",
        f"tracking    {home.tracking_uri}",
        f"synthesizer {sound.library or 'none'}",
        f"SoundFont   {sound.soundfont or 'none'}",
        *(f"also found  {font}" for font in sound.soundfonts if not (sound.soundfont or "").startswith(font[:-1])),
        f"test        {silent}",
        f"versions    {', '.join(f'{name} {number}' for name, number in versions.items())}",
        *(f"problem     {problem}" for problem in problems),
        "all is well" if not problems else "see the problems above",
    ]
    show(result, lines, as_json)
    if problems:
        raise click.exceptions.Exit(2)


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"
