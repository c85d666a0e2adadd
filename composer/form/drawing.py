"""Plans for new pieces: those of real pieces where length and metre are the same, else built of their phrases."""

from __future__ import annotations

import torch
from torch import Tensor

from composer.forms import FormError, forms_for, parse_form, parts_of
from composer.plan import CADENCES, COLUMNS, HARMONY_RELATIONS, INDEX, RELATIONS, SECTIONS, TARGETS, WIDTH

_SECTION, _PLACE, _LEFT = INDEX["section"], INDEX["bar of the phrase"], INDEX["bars to the phrase's end"]
_LAG, _RELATION, _HARMONY = INDEX["recalled"], INDEX["relation"], INDEX["harmony"]
_CADENCE, _REGISTER, _CLIMAX = INDEX["cadence"], INDEX["register"], INDEX["climax"]
_PIECE = [INDEX[target.name] for target in TARGETS if target.over == "piece"]
_PHRASE = [INDEX[target.name] for target in TARGETS if target.over == "phrase"]
_SUNG = 0.85  # share of a section's bars in which the melody strikes a note, at least
_NEW = 1 + RELATIONS.index("new")
_LITERAL = (1 + RELATIONS.index("copy"), 1 + HARMONY_RELATIONS.index("same"))
_CHANGED = tuple(1 + RELATIONS.index(name) for name in ("loose", "rhythm", "shape", "sequence", "variation"))


def draw_plan(bank: Tensor, bars: int, random: torch.Generator, *, form: str | None = None) -> Tensor:
    """(bars, WIDTH) uint8: a plan for one piece.

    A piece as long as those of the bank takes over one of their plans. Others, and pieces of a given form, are built:
    a form is drawn, every letter of it takes its bars from a phrase of the bank, and what returns recalls what was
    there before, as literally as bars of the bank do that recall distant ones.

    Args:
        bank: (P, M, WIDTH) uint8, plans of real pieces in the wanted metre and mode, at least one.
        bars: length of the new piece.
        random: source of every draw.
        form: such as ``"AABA"``; drawn where none is given.

    Raises:
        FormError: if the form cannot be read or does not fit the length, or the bank is empty.
    """
    if len(bank) == 0:
        raise FormError("there is no plan to draw from: train a model on music in this metre")
    if form is None and bars == bank.shape[1]:
        return bank[_below(len(bank), random)].clone()
    if form is None:
        names, weights = zip(*forms_for(bars), strict=True)
        form = names[int(torch.multinomial(torch.tensor(weights), 1, generator=random))]
    parts = parts_of(parse_form(form), bars)
    # Sections are sung, all but intro and outro: a plan of a piece whose melody pauses for bars would leave them empty.
    sung = (bank[:, :, _REGISTER] > 0).float().mean(1)
    bank = bank[sung >= min(_SUNG, float(sung.max()))]
    lead = _below(len(bank), random)
    plan = torch.zeros(bars, WIDTH, dtype=torch.uint8)
    begun: dict[str, tuple[int, int]] = {}
    pairs = _returns(bank)
    start = 0
    for number, part in enumerate(parts):
        rows = plan[start : start + part.bars]
        if part.name in ("intro", "outro"):
            _silence(rows)
        else:
            donor = lead if len(begun) < 2 else _below(len(bank), random)
            rows[:] = _phrase(bank[donor], part.bars, skip=len(begun) if donor == lead else 0, random=random)
            if part.name in begun:
                _recall(rows, start, begun[part.name], pairs, part.varied, random)
            begun[part.name] = (start, part.bars)
        rows[:, _SECTION] = 1 + SECTIONS.index(part.name)
        place = torch.arange(part.bars)
        rows[:, _PLACE] = (1 + place).clamp(max=COLUMNS[_PLACE].size - 1).to(torch.uint8)
        rows[:, _LEFT] = (part.bars - place).clamp(max=COLUMNS[_LEFT].size - 1).to(torch.uint8)
        if number == len(parts) - 1:
            rows[:, _CADENCE] = 1 + CADENCES.index("authentic")
        start += part.bars
    plan[:, _PIECE] = bank[lead, 0, _PIECE]
    _one_climax(plan)
    return plan


def _below(bound: int, random: torch.Generator) -> int:
    return int(torch.randint(bound, (1,), generator=random))


def _phrase(plan: Tensor, bars: int, skip: int, random: torch.Generator) -> Tensor:
    """``bars`` bars of a plan from the beginning of one of its phrases; recalls that reach before it are dropped."""
    starts = ((plan[:, _PLACE] == 1) & (torch.arange(len(plan)) + bars <= len(plan))).nonzero().flatten().tolist()
    sung = [float((plan[start : start + bars, _REGISTER] > 0).float().mean()) for start in starts or [0]]
    starts = [start for start, share in zip(starts or [0], sung, strict=True) if share >= min(_SUNG, max(sung))]
    at = starts[skip] if skip < len(starts) else starts[_below(len(starts), random)]
    rows = plan[[min(at + bar, len(plan) - 1) for bar in range(bars)]].clone()
    outside = rows[:, _LAG] > torch.arange(bars)
    rows[outside, _LAG] = 0
    rows[outside, _RELATION] = _NEW
    rows[outside, _HARMONY] = 1 + HARMONY_RELATIONS.index("other")
    # A bank that is shorter than the phrase repeats its last bar: that bar's phrase ends with the phrase.
    rows[:, _CADENCE] = rows[-1, _CADENCE]
    for column in _PHRASE:
        rows[:, column] = rows[0, column]
    return rows


def _returns(bank: Tensor) -> Tensor:
    """(K, 2) uint8: relation and harmony of the bank's bars that recall a bar at least eight bars back."""
    far = bank[bank[:, :, _LAG] >= 8][:, [_RELATION, _HARMONY]]
    literal = torch.tensor([_LITERAL], dtype=torch.uint8)
    return far if len(far) else literal


def _recall(
    rows: Tensor, start: int, before: tuple[int, int], pairs: Tensor, varied: bool, random: torch.Generator
) -> None:
    """Let the bars of a phrase recall the bars of the one that began at ``before``."""
    first, length = before
    for bar in range(min(len(rows), length)):
        rows[bar, _LAG] = min(start - first, COLUMNS[_LAG].size - 1)
        pair = pairs[_below(len(pairs), random)]
        if not varied and bar < length - 1:
            pair = torch.tensor(_LITERAL, dtype=torch.uint8)
        elif varied and 2 * bar >= length and pair[0] == _LITERAL[0]:
            pair = torch.tensor([_CHANGED[_below(len(_CHANGED), random)], int(pair[1])], dtype=torch.uint8)
        rows[bar, [_RELATION, _HARMONY]] = pair


def _silence(rows: Tensor) -> None:
    """A phrase of accompaniment alone."""
    rows[:] = 0
    rows[:, _RELATION] = _NEW
    rows[:, _HARMONY] = 1 + HARMONY_RELATIONS.index("other")
    rows[:, _CADENCE] = 1 + CADENCES.index("half")
    rows[:, INDEX["density"]] = 1
    rows[:, INDEX["rests"]] = COLUMNS[INDEX["rests"]].size - 1


def _one_climax(plan: Tensor) -> None:
    """Let the melody reach its highest note once: in the highest bar, the last of several."""
    register = plan[:, _REGISTER].long()
    plan[:, _CLIMAX] = 1
    highest = (register == register.max()).nonzero().flatten()
    plan[highest[-1], _CLIMAX] = 2
