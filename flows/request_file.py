"""A request in a file: YAML or JSON, with a published JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from flows.errors import FlowError

_KINDS: Mapping[str, tuple[type, ...]] = {
    "bars": (int,),
    "seed": (int,),
    "tempo": (int, float),
    "swing": (int, float),
    "humanize": (bool,),
}
_FIELDS = (
    *("key", "meter", "bars", "form", "tempo", "seed", "policy", "dial", "humanize"),
    *("wishes", "sections", "mood", "ending", "swing"),
)


def asked_in(path: Path, said: Mapping[str, Any]) -> dict[str, Any]:
    """The request in a file, together with what was said besides.

    Args:
        path: a YAML or JSON file that holds a mapping; or one that lies beside a piece, whose request is meant.
        said: settings from elsewhere.

    Returns:
        the fields that were given; those of the file that are null are left out.

    Raises:
        FlowError: naming the file and the field that is unknown or of another kind, or the two that conflict.
    """
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise FlowError(f"request {path} cannot be read: {error}; name a YAML or JSON file") from None
    except yaml.YAMLError as error:
        raise FlowError(f"request {path} is neither YAML nor JSON: {' '.join(str(error).split())}") from None
    if isinstance(read, dict) and isinstance(read.get("request"), dict):
        read = read["request"]
    if not isinstance(read, dict):
        raise FlowError(f"request {path} holds no settings: write such as 'key: D minor' in each line")
    found: dict[str, Any] = {}
    for name, value in read.items():
        if name not in _FIELDS:
            raise FlowError(f"request {path}: unknown setting {name!r}, choose from {', '.join(_FIELDS)}")
        kinds = _KINDS.get(name, (str,))
        if value is None:
            continue
        if name == "dial" and isinstance(value, (int, float)) and not isinstance(value, bool):
            value = f"{value:g}"
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise FlowError(f"request {path}: {name} is {value!r}, which is no {kinds[-1].__name__}")
        found[name] = value
    for name, value in said.items():
        if value is not None and found.setdefault(name, value) != value:
            raise FlowError(
                f"{name} is {value!r} on the command line and {found[name]!r} in {path}: "
                "the two conflict, leave one out"
            )
    return found
