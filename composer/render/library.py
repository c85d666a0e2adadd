"""Finds libfluidsynth, loads it and gives its functions their C types. Knows no MIDI and no audio file.

The look-up order is the environment variable ``TRIAD_FLUIDSYNTH``, the system's library, and the one inside the
``pygame-ce`` wheel, which is loaded by path without importing pygame. So a fresh machine needs no system package.
(The ``fluidsynth`` module of pyfluidsynth looks only at the system and raises ImportError elsewhere.)
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from composer.render.errors import RenderError

VARIABLE = "TRIAD_FLUIDSYNTH"
WHEEL = "pygame-ce"
# fluid_synth_process() separates dry groups and effects since 2.0; loading samples on demand is sound since 2.2.
OLDEST = (2, 2)
# Homebrew, MacPorts and /usr/local, where the loader does not look by itself.
EXTRA_PLACES = (
    "/opt/homebrew/lib/libfluidsynth.dylib",
    "/opt/local/lib/libfluidsynth.dylib",
    "/usr/local/lib/libfluidsynth.dylib",
    "/usr/local/lib/libfluidsynth.so.3",
)

_P, _S, _I, _D = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_double
_FLOATS = ctypes.POINTER(ctypes.c_void_p)
_LOGGER = ctypes.CFUNCTYPE(None, _I, _S, _P)
# name: (result, arguments), from fluidsynth.h 2.x
_PROTOTYPES: dict[str, tuple[type | None, tuple[type, ...]]] = {
    "fluid_version_str": (_S, ()),
    "fluid_set_log_function": (_P, (_I, _LOGGER, _P)),
    "new_fluid_settings": (_P, ()),
    "delete_fluid_settings": (None, (_P,)),
    "fluid_settings_setint": (_I, (_P, _S, _I)),
    "fluid_settings_setnum": (_I, (_P, _S, _D)),
    "fluid_settings_setstr": (_I, (_P, _S, _S)),
    "new_fluid_synth": (_P, (_P,)),
    "delete_fluid_synth": (None, (_P,)),
    "fluid_synth_sfload": (_I, (_P, _S, _I)),
    "fluid_synth_process": (_I, (_P, _I, _I, _FLOATS, _I, _FLOATS)),
    "fluid_synth_get_active_voice_count": (_I, (_P,)),
    "new_fluid_player": (_P, (_P,)),
    "delete_fluid_player": (None, (_P,)),
    "fluid_player_add_mem": (_I, (_P, _S, ctypes.c_size_t)),
    "fluid_player_play": (_I, (_P,)),
    "fluid_player_stop": (_I, (_P,)),
    "fluid_player_get_status": (_I, (_P,)),
}
_WARNING_LEVEL = 2  # FLUID_WARN; panic is 0, error 1, info 3, debug 4
_log = threading.local()


def _collect(level: int, message: bytes | None, _data: object) -> None:
    lines: list[str] | None = getattr(_log, "lines", None)
    if lines is not None and level <= _WARNING_LEVEL and message:
        text = message.decode("utf-8", "replace").strip()
        if text not in lines:
            lines.append(text)


# C keeps the pointer: the callback must live as long as the process.
_COLLECTOR = _LOGGER(_collect)


@dataclass(frozen=True, slots=True)
class Library:
    """A loaded libfluidsynth.

    Attributes:
        path: the file or the name it was loaded by.
        source: how it was found: ``"environment"``, ``"system"`` or ``"wheel"``.
        version: as it reports itself, such as ``"2.5.7"``.
        api: its functions, with their C types set.
    """

    path: str
    source: str
    version: str
    api: ctypes.CDLL = field(repr=False, compare=False)


def find_library() -> Library:
    """The FluidSynth this machine renders with.

    Raises:
        RenderError: if ``TRIAD_FLUIDSYNTH`` names something that does not load, or no library is found anywhere.
    """
    wanted = os.environ.get(VARIABLE)
    if wanted:
        try:
            return _load(wanted, "environment")
        except (OSError, RenderError) as error:
            raise RenderError(
                f"{VARIABLE}={wanted} is no usable FluidSynth library ({error}): name a libfluidsynth of version"
                f" {_dotted(OLDEST)} or later, or unset {VARIABLE}"
            ) from None
    refused = []
    for path, source in _candidates():
        try:
            return _load(path, source)
        except (OSError, RenderError) as error:
            refused.append(f"{path}: {error}")
    tried = f" (tried {'; '.join(refused)})" if refused else ""
    raise RenderError(
        f"no FluidSynth library found{tried}: run 'pip install {WHEEL}', or install the system's"
        f" (apt install libfluidsynth3, brew install fluid-synth), or set {VARIABLE} to the library's path"
    )


@contextmanager
def messages() -> Iterator[list[str]]:
    """Collects FluidSynth's warnings and errors of this thread, each once, instead of printing them."""
    outer = getattr(_log, "lines", None)
    lines: list[str] = []
    _log.lines = lines
    try:
        yield lines
    finally:
        _log.lines = outer


def _candidates() -> Iterator[tuple[str, str]]:
    system = ctypes.util.find_library("fluidsynth") or ctypes.util.find_library("libfluidsynth")
    if system:
        yield system, "system"
    for place in EXTRA_PLACES:
        if Path(place).is_file():
            yield place, "system"
    try:
        files = distribution(WHEEL).files or []
    except PackageNotFoundError:
        return
    for file in sorted(files, key=str):
        if file.name.startswith("libfluidsynth") and (".so" in file.name or file.suffix in {".dylib", ".dll"}):
            yield str(Path(str(file.locate())).resolve()), "wheel"


def _load(path: str, source: str) -> Library:
    api = ctypes.CDLL(path)
    try:
        for name, (result, arguments) in _PROTOTYPES.items():
            function = getattr(api, name)
            function.restype = result
            function.argtypes = list(arguments)
    except AttributeError as error:
        raise RenderError(f"it lacks a function of FluidSynth 2: {error}") from None
    version = (api.fluid_version_str() or b"").decode("ascii", "replace")
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers < OLDEST:
        raise RenderError(f"its version {version} is older than {_dotted(OLDEST)}")
    for level in range(5):
        api.fluid_set_log_function(level, _COLLECTOR, None)
    return Library(path, source, version, api)


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(number) for number in version)
