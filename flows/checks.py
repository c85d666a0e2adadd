"""What can be said of a request before anything heavy is loaded. No pydantic, no file is opened.

No torch either, unless a form is asked for.
"""

from __future__ import annotations

import os
from pathlib import Path

from composer.modes import parse_key
from composer.moods import Mood
from composer.theory import MODES, parse_meter
from flows.errors import FlowError

POLICIES = ("agents", "prior", "random")
AGENTS = ("chord", "rhythm", "melody")
AUDIO = ("wav", "flac", "ogg", "mp3")
FORMATS = ("mid", *AUDIO, "png", "html", "musicxml", "svg", "pdf")
USUAL_BARS, MOST_BARS = 16, 512
SLOWEST, FASTEST = 20.0, 400.0
MOST_DIAL = 1000.0


def check(
    *,
    key: str | None = None,
    meter: str | None = None,
    bars: int | None = None,
    form: str | None = None,
    tempo: float | None = None,
    seed: int | None = None,
    policy: str | None = None,
    dial: str | None = None,
    humanize: bool | None = None,
    wishes: str | None = None,
    sections: str | None = None,
    mood: str | None = None,
    ending: str | None = None,
    swing: float | None = None,
) -> None:
    """See that every field given is one a piece can have, and that they go together.

    Raises:
        TriadError: naming the first that is not.
    """
    if key is not None:
        parse_key(key)
    if meter is not None:
        parse_meter(meter)
    if bars is not None and not 1 <= bars <= MOST_BARS:
        raise FlowError(f"{bars} bars: a piece has 1 to {MOST_BARS}")
    if form is not None:
        check_form(form, bars)
    if tempo is not None and not SLOWEST <= tempo <= FASTEST:
        raise FlowError(f"tempo {tempo:g}: give {SLOWEST:g} to {FASTEST:g} quarter notes a minute")
    if seed is not None and not 0 <= seed < 2**63:
        raise FlowError(f"seed {seed}: give a whole number from 0 to 2^63 - 1")
    if policy is not None and policy not in POLICIES:
        raise FlowError(f"unknown policy {policy!r}: choose one of {', '.join(POLICIES)}")
    if dial is not None:
        read_dial(dial)
        if policy in ("prior", "random"):
            raise FlowError(f"dial {dial}: it turns the agents, and policy {policy} asks none; leave one of them out")
    if swing is not None and not 0 <= swing <= 1:
        raise FlowError(f"swing {swing:g}: give 0 (as written) to 1 (pairs of notes as triplets)")
    if mood is not None:
        mode = Mood.parse(mood).mode
        if key is not None and mode is not None and MODES[parse_key(key)[0].mode].name != mode:
            raise FlowError(f"mood {mood} and key {key} conflict: the mood asks for {mode}; leave one of them out")
    if wishes is not None or sections is not None or ending is not None:
        check_wishes(wishes, sections, ending, policy)


def check_wishes(wishes: str | None, sections: str | None, ending: str | None, policy: str | None) -> None:
    """See that wishes can be read.

    Raises:
        TriadError: if one cannot, or nobody follows a plan.
    """
    from composer.form.wishes import check_ending, read_sections, read_wishes

    if policy == "random":
        raise FlowError("wishes and policy random conflict: chance follows no plan; leave one of them out")
    read_wishes(wishes or "")
    read_sections(sections or "")
    if ending is not None:
        check_ending(ending)


def check_form(form: str, bars: int | None) -> None:
    """See that a form can be read and fits a piece of ``bars`` bars, or of its own usual length.

    Raises:
        TriadError: if it cannot, or does not.
    """
    from composer.forms import parse_form, parts_of, usual_bars

    usual = usual_bars(form)
    parts_of(parse_form(form), bars or usual)
    if bars is None and usual > MOST_BARS:
        raise FlowError(f"form {form}: eight bars a section make {usual} bars, and a piece has 1 to {MOST_BARS}")


def read_dial(text: str) -> dict[str, float]:
    """The dial from style to theory of each agent, from ``"2"`` or ``"melody=2,chord=0.5"``; 1 for those left out.

    0 is the style of the corpus alone, 1 the agents as trained; above that they lean to the rewards.

    Raises:
        FlowError: naming what is not a number from 0 to 1000, or no agent, or named twice.
    """
    usage = f"give 0 (style), 1 (as trained), more up to {MOST_DIAL:g} (theory), or such as melody=2,chord=0.5"
    parts = [part.strip() for part in text.split(",")] if "=" in text else [text]
    found: dict[str, float] = {}
    for part in parts:
        name, named, value = (word.strip() for word in part.rpartition("="))
        if named and name not in AGENTS:
            raise FlowError(f"dial {text!r}: unknown agent {name!r}, choose from {', '.join(AGENTS)}")
        if len(parts) > 1 and not named:
            raise FlowError(f"dial {text!r}: {value!r} names no agent; {usage}")
        try:
            number = float(value)
        except ValueError:
            raise FlowError(f"dial {text!r}: {value!r} is no number; {usage}") from None
        if not 0 <= number <= MOST_DIAL:
            raise FlowError(f"dial {text!r}: {value} is out of range; {usage}")
        for agent in [name] if named else AGENTS:
            if agent in found:
                raise FlowError(f"dial {text!r} names {agent} twice: once is enough")
            found[agent] = number
    return {agent: found.get(agent, 1.0) for agent in AGENTS}


def read_dials(text: str) -> list[float]:
    """Several settings of the dial, from ``"0,0.5,1"``, ascending.

    Raises:
        FlowError: if one is no number from 0 to 1000, or there is none.
    """
    found = []
    for part in (part.strip() for part in text.split(",") if part.strip()):
        if "=" in part:
            raise FlowError(
                f"dials {text!r}: {part!r} is for one agent; here give numbers for all three, such as 0,1,4"
            )
        found.append(read_dial(part)[AGENTS[0]])
    if not found:
        raise FlowError("no dial given: give settings such as 0,0.5,1,2,4")
    return sorted(set(found))


def check_picture(path: Path) -> None:
    """See that a PNG can be written to ``path``.

    Raises:
        FlowError: naming the path.
    """
    if path.suffix.lower() != ".png" or path.is_dir():
        raise FlowError(f"{path} is no name for a picture: name a file that ends in .png")
    check_writable(path.parent)


def check_formats(text: str) -> tuple[str, ...]:
    """The formats of a list such as ``"mid,wav"``, each once.

    Raises:
        FlowError: naming one that is unknown.
    """
    names = tuple(dict.fromkeys(name.strip().lower() for name in text.split(",") if name.strip()))
    for name in names:
        if name not in FORMATS:
            raise FlowError(f"unknown format {name!r}: choose from {', '.join(FORMATS)}")
    if not names:
        raise FlowError(f"no format given: choose from {', '.join(FORMATS)}")
    return names


def midi_of(piece: Path) -> Path:
    """The MIDI file that FILE.mid or PIECE (a composed piece without ending, or its JSON file) names.

    Raises:
        FlowError: if there is none.
    """
    if piece.is_file() and piece.suffix != ".json":
        return piece
    beside = piece.with_suffix(".mid") if piece.suffix == ".json" else piece.with_name(f"{piece.name}.mid")
    if beside.is_file():
        return beside
    raise FlowError(f"{piece}: no such file; give the path of a MIDI file")


def check_writable(folder: Path) -> None:
    """See that files can be made in ``folder`` or, where it does not exist, in the nearest folder above that does.

    Raises:
        FlowError: naming the folder.
    """
    whole = folder.absolute()
    place = next(path for path in (whole, *whole.parents) if path.exists())
    if not place.is_dir():
        raise FlowError(f"{folder} cannot be written: {place} is a file; choose another folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise FlowError(f"{folder} cannot be written: {place} lets you write nothing; choose another folder")
