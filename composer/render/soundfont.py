"""Finds the SoundFont to render with and checks it before a synthesizer sees it. Knows no synthesizer.

The look-up order is the caller's choice, the environment variable ``TRIAD_SOUNDFONT``, an installed FluidR3 and
the TimGM6mb that the package pretty_midi carries. A SoundFont is a RIFF file of the form ``sfbk``
(SoundFont 2.04 specification, section 4).
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from composer.render.errors import RenderError

VARIABLE = "TRIAD_SOUNDFONT"
FOLDERS = (
    "/usr/share/sounds/sf2",
    "/usr/share/sounds/sf3",
    "/usr/share/soundfonts",
    "/usr/local/share/soundfonts",
    "/usr/local/share/sounds/sf2",
    "~/.local/share/soundfonts",
    "~/.local/share/sounds/sf2",
    "/opt/homebrew/share/soundfonts",
    "~/Library/Audio/Sounds/Banks",
    "/Library/Audio/Sounds/Banks",
)
# Banks that hold every General MIDI instrument, the best first.
NAMES = (
    "FluidR3_GM.sf2",
    "FluidR3.sf2",
    "FluidR3_GM2-2.sf2",
    "FluidR3Mono_GM.sf3",
    "MuseScore_General.sf3",
    "MuseScore_General.sf2",
    "GeneralUser-GS.sf2",
)
ENDINGS = (".sf2", ".sf3")
MOST_REMEMBERED = 64  # digests in the cache
BUNDLED_BY, BUNDLED_NAME = "pretty_midi", "TimGM6mb.sf2"


@dataclass(frozen=True, slots=True)
class SoundFont:
    """A SoundFont that passed its header check.

    Attributes:
        path: the file.
        source: how it was found: ``"argument"``, ``"environment"``, ``"installed"`` or ``"bundled"``.
        name: the name it gives itself.
        sha256: hexadecimal digest of the file.
    """

    path: Path
    source: str
    name: str
    sha256: str


def find_soundfont(choice: str | os.PathLike[str] | None = None) -> SoundFont:
    """The SoundFont to use; ``choice`` (a path) wins over the environment and what is installed.

    Raises:
        RenderError: if the file named by ``choice`` or ``TRIAD_SOUNDFONT`` is missing or is no SoundFont, or if
            none is found anywhere.
    """
    if choice is not None:
        return _checked(Path(choice).expanduser(), "argument")
    if os.environ.get(VARIABLE):
        return _checked(Path(os.environ[VARIABLE]).expanduser(), "environment")
    for path, source in installed_soundfonts():
        return _checked(path, source)
    raise RenderError(
        "no SoundFont found: install one (apt install fluid-soundfont-gm, or pip install pretty_midi), name it"
        f" with --soundfont, or set {VARIABLE} to a .sf2 file"
    )


def installed_soundfonts() -> Iterator[tuple[Path, str]]:
    """The SoundFonts of this machine, the preferred first, each with its source.

    Behind those known to hold every instrument stands the bundled one, and behind it whatever else is installed:
    that may be a piano and nothing else.
    """
    places = [Path(folder).expanduser() for folder in FOLDERS]
    installed = [path for place in places for path in _soundfonts_in(place)]
    known = sorted((path for path in installed if path.name in NAMES), key=lambda path: NAMES.index(path.name))
    for path in known:
        yield path, "installed"
    yield from ((path, "bundled") for path in _bundled())
    for path in installed:
        if path not in known:
            yield path, "installed"


def _soundfonts_in(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS and path.is_file())
    except OSError:  # there is none, or it is closed to this user
        return []


def _bundled() -> Iterator[Path]:
    try:
        files = distribution(BUNDLED_BY).files or []
    except PackageNotFoundError:
        return
    for file in files:
        path = Path(str(file.locate()))
        if file.name == BUNDLED_NAME and path.is_file():
            yield path


def _checked(path: Path, source: str) -> SoundFont:
    try:
        status = path.stat()
        with path.open("rb") as file:
            header = file.read(4096)
    except OSError as error:
        raise RenderError(
            f"SoundFont {path} cannot be read ({error.strerror}): give the path of a .sf2 or .sf3 file"
        ) from None
    if header[:4] != b"RIFF" or header[8:12] != b"sfbk":
        raise RenderError(f"{path} is no SoundFont (no RIFF sfbk header): give a .sf2 or .sf3 file")
    announced = 8 + struct.unpack("<I", header[4:8])[0]
    if status.st_size < announced:
        raise RenderError(
            f"SoundFont {path} is cut short: {status.st_size} of {announced} bytes; download or install it again"
        )
    digest = _digest(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return SoundFont(path, source, _name(header) or path.stem, digest)


def _name(header: bytes) -> str:
    place = header.find(b"INAM")
    if place < 0:
        return ""
    (length,) = struct.unpack("<I", header[place + 4 : place + 8])
    return header[place + 8 : place + 8 + length].split(b"\0")[0].decode("latin-1").strip()


@lru_cache(maxsize=8)
def _digest(path: Path, size: int, modified: int, changed: int) -> str:
    """Digest of a file; its size and times are part of the key, so that a changed file is read anew.

    Kept in the user's cache folder, because reading a large SoundFont takes longer than starting the synthesizer.
    """
    key = f"{path.resolve()} {size} {modified} {changed}"
    known = _known_digests()
    if key not in known:
        with path.open("rb") as file:
            known = {**known, key: hashlib.file_digest(file, "sha256").hexdigest()}
        _remember(dict(list(known.items())[-MOST_REMEMBERED:]))
    return known[key]


def _cache_file() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "triad" / "soundfonts.json"


def _known_digests() -> dict[str, str]:
    try:
        known = json.loads(_cache_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {key: value for key, value in known.items() if isinstance(value, str) and len(value) == 64}


def _remember(digests: dict[str, str]) -> None:
    # A cache that cannot be written, as in a container without a home, costs time and nothing else.
    with suppress(OSError):
        place = _cache_file()
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=place.parent, delete=False, encoding="utf-8") as file:
            json.dump(digests, file, indent=1)
        Path(file.name).replace(place)
