"""Learn ``composer/arrangement/grooves.json`` from a folder of the Groove MIDI Dataset.

Run ``python scripts/learn_drums.py FOLDER``: it reads the files named ``..._STYLE_TEMPO_beat_4-4.mid``, prints how
many files, bars and patterns each family has, and writes the bank. The same folder gives the same bytes. Nothing is
composed: every groove and fill is one that a drummer played; only its velocities and its timing are means over all
the times that it was played.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from drum_takes import DRUMS, LOUD, SUBDIVISIONS, Array, Take, read_take
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from composer.arrangement.grooves import BANK, BAR_STEPS, GrooveBank, velocity_sign

TOMS_AND_SNARE = [DRUMS.index(name) for name in ("snare", "tom_high", "tom_mid", "tom_low")]
TOMS = TOMS_AND_SNARE[1:]
CYMBALS = [DRUMS.index(name) for name in ("hat", "open", "ride", "bell")]
CRASHES = [DRUMS.index(name) for name in ("crash", "splash")]

# Kindred styles, by how the file names begin; the longest beginning that fits counts.
FAMILIES = {
    "pop": ("pop", "soul"),
    "rock": ("rock", "punk"),
    "funk": ("funk", "neworleans-funk", "neworleans-secondline", "jazz-funk", "jazz-fusion", "jazz-linear"),
    "hiphop": ("hiphop",),
    "jazz": ("jazz-swing", "jazz-fast", "jazz-mediumfast", "jazz"),
    "shuffle": ("blues-shuffle", "rock-shuffle", "neworleans-shuffle", "funk-purdieshuffle"),
    "latin": ("latin", "afro", "highlife"),
    "reggae": ("reggae",),
    "dance": ("dance",),
}
LEFT_OUT = ("gospel", "jazz-march", "jazz-klezmer", "middleeastern")
NAME = re.compile(
    r"^(?P<take>drummer\d+(?:_eval)?_session(?:_?\d+)?_\d+)_(?P<style>[a-z0-9-]+)_(?P<tempo>\d+)_beat_4-4$"
)

# Mean distances (1 - shared velocity) up to which passages are one groove. Jazz drummers hardly repeat themselves.
SAME_GROOVE = (0.35, 0.45, 0.55, 0.65)
ENOUGH_GROOVES, ENOUGH_FILLS = 6, 4  # a feel with fewer, played more than once, is left out
WANTED_GROOVES = 10  # where fewer were played more than once, typical ones that were not come in
MOST_GROOVES, MOST_OF_ONE_TAKE = 14, 4
MOST_FILLS_A_SIZE, MOST_FILLS_OF_ONE_TAKE = 4, 2
PLAYED_ENOUGH = 8  # more repeats say no more of how common a groove is
SOLO = 0.4  # a recording that departs more often than this plays a solo: its departures are no fills
# A bar that shares less than this with all its neighbours is no groove, or less than this part of what bars of its
# recording commonly share: some drummers vary every bar.
DEPARTS, DEPARTS_FROM_COMMON = 0.5, 0.75
NEIGHBOURS = 4
FILL_STROKES = 2  # more on snare and toms than before
BEAT_DEPARTS = 0.5


@dataclass(frozen=True)
class Unit:
    """``bars`` bars of a take from bar ``start``."""

    take: Take
    start: int
    bars: int

    @property
    def velocity(self) -> Array:
        """(drums, bars * 16)."""
        return np.concatenate(list(self.take.velocity[self.start : self.start + self.bars]), axis=1)

    @property
    def timing(self) -> Array:
        """(drums, bars * 16)."""
        return np.concatenate(list(self.take.timing[self.start : self.start + self.bars]), axis=1)


def family_of(style: str) -> str | None:
    """The family whose styles the name of a recording begins with, or None."""
    if style.startswith(LEFT_OUT):
        return None
    fits = [
        (len(start), family) for family, starts in FAMILIES.items() for start in starts if style.startswith(start)
    ]
    return max(fits)[1] if fits else None


def shared(one: Array, other: Array) -> float:
    """Share of the velocity two passages have in common, 0..1 (Ruzicka similarity)."""
    whole = np.maximum(one, other).sum()
    return float(np.minimum(one, other).sum() / whole) if whole else 1.0


def find_fills(take: Take) -> dict[int, int]:
    """The bars that depart from all their neighbours, each with the beat from which it does.

    A fill also has more on snare and toms than the groove around it, and stands at the end of four bars or before a
    crash. Other bars that depart count as fills from beat 0 without being one: they have no -1 here.
    """
    grid = take.velocity
    bars = len(grid)
    near = [
        [at for at in range(max(0, bar - NEIGHBOURS), min(bars, bar + NEIGHBOURS + 1)) if at != bar]
        for bar in range(bars)
    ]
    likeness = [max(shared(grid[bar], grid[at]) for at in around) for bar, around in enumerate(near)]
    bound = min(DEPARTS, DEPARTS_FROM_COMMON * float(np.median(likeness)))
    found: dict[int, int] = {}
    for bar, around in enumerate(near):
        if likeness[bar] >= bound:
            continue
        groove = np.median(grid[around], axis=0)
        since = next((beat for beat in range(4) if _departs(grid[bar], groove, beat)), None)
        busier = (grid[bar][TOMS_AND_SNARE] > 0).sum() >= (groove[TOMS_AND_SNARE] > 0).sum() + FILL_STROKES
        lands = bar + 1 < bars and grid[bar + 1][CRASHES, 0].any()
        ends = bar % 4 == 3 or lands
        found[bar] = since if since is not None and busier and ends and bar + 1 < bars else -1
    return found


def _departs(bar: Array, groove: Array, beat: int) -> bool:
    """Whether every beat from ``beat`` on departs from the groove, and the bar up to there does not."""
    rest = slice(4 * beat, BAR_STEPS)
    tail = all(
        shared(bar[:, 4 * at : 4 * at + 4], groove[:, 4 * at : 4 * at + 4]) < BEAT_DEPARTS for at in range(beat, 4)
    )
    return tail and bool(bar[:, rest].any())


def cluster(units: Sequence[Unit], distances: Sequence[float]) -> list[list[Unit]]:
    """Units that are one groove, typical and often played ones first, each group led by its medoid.

    Of ``distances`` that counts which finds most groups of more than one unit.
    """
    if len(units) < 2:
        return [list(units)] if units else []
    flat = np.stack([unit.velocity.ravel() for unit in units])
    distance = np.zeros((len(units), len(units)))
    for index, row in enumerate(flat):
        whole = np.maximum(flat, row).sum(1)
        distance[index] = 1 - np.minimum(flat, row).sum(1) / np.maximum(whole, 1)
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform(distance, checks=False), "average")
    partings = []
    for most in distances:
        parted: dict[int, list[int]] = defaultdict(list)
        for index, label in enumerate(fcluster(tree, most, "distance")):
            parted[int(label)].append(index)
        partings.append(list(parted.values()))
    groups = max(partings, key=lambda parted: sum(len(group) > 1 for group in parted))
    led = [sorted(group, key=lambda at: (distance[at, group].sum(), at)) for group in groups]
    typical = 1 - distance.mean(1)
    led.sort(key=lambda group: (-min(len(group), PLAYED_ENOUGH) * typical[group[0]], group[0]))
    return [[units[at] for at in group] for group in led]


def keeps_time(velocity: Array) -> bool:
    """Whether two bars bear repeating: two drums at least, no crash, no fill at the end, no time beaten on toms."""
    struck = velocity > 0
    first, second = (half[TOMS_AND_SNARE].sum() for half in np.split(struck, 2, axis=1))
    if struck[CRASHES].any() or second > first + FILL_STROKES:
        return False
    return bool(struck.any(1).sum() > 1) and bool(struck[TOMS].sum() <= struck[CYMBALS].sum())


def lines_of(group: Sequence[Unit]) -> dict[str, dict[str, object]]:
    """The strokes of the group's first unit, with mean velocity and timing over all that have them."""
    grids = np.stack([unit.velocity for unit in group])
    timings = np.stack([unit.timing for unit in group])
    lines = {}
    for row, drum in enumerate(DRUMS):
        steps = np.flatnonzero(grids[0, row])
        if not len(steps):
            continue
        signs, timing = ["."] * grids.shape[2], []
        for step in steps:
            has = grids[:, row, step] > 0
            signs[step] = velocity_sign(float(grids[has, row, step].mean()))
            timing.append(round(100 * float(timings[has, row, step].mean())))
        lines[drum] = {"strokes": "".join(signs), "timing": timing}
    return lines


def choose(groups: list[list[Unit]], most: int, most_of_one: int) -> list[list[Unit]]:
    """The first groups, so many of them, with no recording leading too many."""
    kept, led = [], Counter[str]()
    for group in groups:
        name = group[0].take.name
        if led[name] < most_of_one and len(kept) < most:
            led[name] += 1
            kept.append(group)
    return kept


def energy(group: Sequence[Unit]) -> float:
    """Strokes times velocity a bar of the group's first unit, in loud strokes."""
    return float(group[0].velocity.sum()) / LOUD / group[0].bars


def describe(group: Sequence[Unit], most: float) -> dict[str, object]:
    """What a groove and a fill say of themselves."""
    first = group[0]
    return {
        "source": first.take.name,
        "feel": first.take.feel,
        "tempo": round(float(np.mean([unit.take.tempo for unit in group])), 1),
        "played": len(group),
        "energy": round(energy(group) / most, 3),
        "lines": lines_of(group),
    }


def learn_family(takes: Sequence[Take]) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """The grooves and fills of a family, from calm to full."""
    departing = {take.name: find_fills(take) for take in takes}
    grooves: list[list[Unit]] = []
    fills: list[list[Unit]] = []
    for feel in SUBDIVISIONS:
        units, bars = [], []
        for take in takes:
            if take.feel != feel:
                continue
            away = departing[take.name]
            count = len(take.velocity)
            units += [Unit(take, bar, 2) for bar in range(0, count - 1, 2) if not {bar, bar + 1} & set(away)]
            if len(away) < SOLO * count:
                bars += [Unit(take, bar, 1) for bar, since in away.items() if since >= 0]
        plain = [unit for unit in units if keeps_time(unit.velocity)]
        groups = cluster(plain, SAME_GROOVE)
        repeated = sum(len(group) > 1 for group in groups)
        groups.sort(key=lambda group: len(group) == 1)
        by_size: dict[int, list[list[Unit]]] = defaultdict(list)
        for group in cluster(bars, SAME_GROOVE[:1]):
            by_size[departing[group[0].take.name][group[0].start]].append(group)
        ends = [
            group
            for size in sorted(by_size)
            for group in choose(by_size[size], MOST_FILLS_A_SIZE, MOST_FILLS_OF_ONE_TAKE)
        ]
        if repeated >= ENOUGH_GROOVES and len(ends) >= ENOUGH_FILLS:
            most = min(MOST_GROOVES, max(repeated, WANTED_GROOVES))
            grooves += choose(groups, most, MOST_OF_ONE_TAKE)
            fills += ends
    grooves.sort(key=energy)
    fills.sort(key=energy)
    where = {(unit.take.name, unit.start): index for index, group in enumerate(grooves) for unit in group}
    following: dict[int, Counter[int]] = defaultdict(Counter)
    for take in takes:
        heard = [where[take.name, bar] for bar in range(0, len(take.velocity) - 1, 2) if (take.name, bar) in where]
        for first, second in pairwise(heard):
            following[first][second] += 1
    most = max((energy(group) for group in grooves), default=1.0)
    loudest = max((energy(group) for group in fills), default=1.0)
    return (
        [
            describe(group, most) | {"following": {str(to): n for to, n in sorted(following[index].items())}}
            for index, group in enumerate(grooves)
        ],
        [describe(group, loudest) | {"since": departing[group[0].take.name][group[0].start]} for group in fills],
    )


def main() -> None:
    """Read the folder, learn, print the table, write the bank."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="the dataset's MIDI files")
    parser.add_argument("--out", type=Path, default=BANK, help="where the bank goes (%(default)s)")
    options = parser.parse_args()
    takes: dict[str, list[Take]] = defaultdict(list)
    styles: dict[str, set[str]] = defaultdict(set)
    dropped = 0
    for path in sorted(options.folder.rglob("*.mid")):
        match = NAME.match(path.stem)
        family = family_of(match["style"]) if match else None
        take = (
            read_take(path, f"{match['take']}_{match['style']}", float(match["tempo"])) if match and family else None
        )
        if take is None or family is None:
            dropped += 1
            continue
        takes[family].append(take)
        styles[family].add(re.sub(r"\d+$", "", match["style"]))
    families = {}
    print(f"{'family':<10}{'files':>7}{'bars':>7}{'grooves':>9}{'swung':>7}{'fills':>7}")
    for family in FAMILIES:
        grooves, fills = learn_family(takes[family])
        bars = sum(len(take.velocity) for take in takes[family])
        swung = sum(groove["feel"] == "swung" for groove in grooves)
        print(f"{family:<10}{len(takes[family]):>7}{bars:>7}{len(grooves):>9}{swung:>7}{len(fills):>7}")
        if not grooves:
            continue
        families[family] = {
            "styles": sorted(styles[family]),
            "files": len(takes[family]),
            "bars": bars,
            "grooves": grooves,
            "fills": fills,
        }
    print(f"{dropped} files left out: too short, off their click, or in no family")
    bank = {
        "title": "Drum grooves learned from the Groove MIDI Dataset",
        "licence": "Creative Commons Attribution 4.0 International (CC BY 4.0), https://creativecommons.org/licenses/by/4.0/",
        "attribution": (
            "Groove MIDI Dataset, Google LLC, https://magenta.withgoogle.com/datasets/groove; Jon Gillick, Adam"
            " Roberts, Jesse Engel, Douglas Eck and David Bamman, Learning to Groove with Inverse Sequence"
            " Transformations, ICML 2019"
        ),
        "changes": (
            "Two-bar grooves and one-bar fills chosen by clustering, put on a grid of sixteenths, levelled, with mean"
            " velocities and timings."
        ),
        "families": families,
    }
    GrooveBank.model_validate(bank)
    text = json.dumps(bank, separators=(",", ":"))
    # One groove a line, so that a change can be read.
    text = re.sub(r'(\{"source")', r"\n\1", text).replace('"families"', '\n"families"')
    options.out.write_text(text + "\n", encoding="utf-8")
    print(f"{options.out}: {options.out.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
