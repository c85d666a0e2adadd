"""A piece of a score becomes an arrangement: :func:`arrange`."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from composer.arrangement.bass import write_bass
from composer.arrangement.comping import voice_harmonies, write_voices
from composer.arrangement.drums import write_drums
from composer.arrangement.feel import humanized, swung
from composer.arrangement.melody import write_melody
from composer.arrangement.model import (
    DRUM_CHANNEL,
    STEP_TICKS,
    Arrangement,
    ChordSpan,
    Mix,
    Note,
    Section,
    Track,
    check_tempo,
    tidy,
)
from composer.arrangement.piece import Piece, read_piece
from composer.arrangement.spelling import chord_symbol, key_name
from composer.arrangement.style import (
    BassConfig,
    CompingConfig,
    DrumsConfig,
    MelodyConfig,
    Style,
    VoiceConfig,
    load_style,
)
from composer.arrangement.walking import walk

if TYPE_CHECKING:
    from composer.score import Score


def arrange(
    score: Score,
    piece: int,
    *,
    style: str | Style = "pop",
    seed: int = 0,
    humanize: bool = False,
    title: str | None = None,
    keep_melody: bool = False,
) -> Arrangement:
    """Arrange one piece of a score for the instruments of a style.

    Args:
        score: the batch; it is not changed.
        piece: which of its pieces, from 0.
        style: a name from :func:`style_names`, a path to a TOML file, or a style already loaded.
        seed: seeds what is drawn by lot: grooves, fills and humanising.
        humanize: whether the notes are moved off the grid a little, as people play; learned grooves are then timed as
            their drummers timed them.
        title: the piece's name; by default its key.
        keep_melody: whether the melody stays in the octave it was written in, as one that was given should, even
            where its instrument seldom plays.

    Raises:
        ArrangementError: for an unknown style, no such piece, or a tempo outside 4..999.
    """
    chosen = load_style(style) if isinstance(style, str) else style
    music = read_piece(score, piece)
    check_tempo(music.tempo)
    generator = random.Random(seed)
    written = _write_parts(music, chosen, generator, humanize, keep_melody)
    swings = chosen.swing > 0 and music.meter.beat_steps == 4
    end = music.steps * STEP_TICKS
    channels = iter(channel for channel in range(16) if channel != DRUM_CHANNEL)
    tracks = []
    for config in chosen.tracks:
        notes = written[config.name]
        if swings:
            notes = swung(notes, chosen.swing, chosen.swing_unit)
        tracks.append(
            Track(
                name=config.name,
                part=config.part,
                program=config.program,
                channel=DRUM_CHANNEL if isinstance(config, DrumsConfig) else next(channels),
                mix=Mix(**config.mix.model_dump()),
                notes=tidy(notes, end),
            )
        )
    name = key_name(music.key)
    arrangement = Arrangement(
        title=f"Piece in {name}" if title is None else title,
        style=chosen.title,
        seed=seed,
        key=music.key,
        key_name=name,
        meter=music.meter,
        tempo=music.tempo,
        bars=music.bars,
        tracks=tuple(tracks),
        chords=tuple(
            ChordSpan(
                chord.start * STEP_TICKS, chord.end * STEP_TICKS, chord.code, chord_symbol(chord.code, music.key)
            )
            for chord in music.harmonies
        ),
        sections=_sections(music),
    )
    return humanized(arrangement, generator) if humanize else arrangement


def _sections(piece: Piece) -> tuple[Section, ...]:
    bar_ticks = piece.meter.bar_steps * STEP_TICKS
    opening = [phrase for phrase in piece.phrases if phrase.opens]
    ends = [*(phrase.start for phrase in opening[1:]), piece.bars]
    return tuple(
        Section(phrase.start * bar_ticks, end * bar_ticks, phrase.name)
        for phrase, end in zip(opening, ends, strict=True)
    )


def _write_parts(
    piece: Piece, style: Style, generator: random.Random, human: bool, keep_melody: bool
) -> Mapping[str, list[Note]]:
    """The notes of every track by name. Melody and bass come first: the chords lie between them."""
    configs = style.tracks
    written: dict[str, list[Note]] = {}
    outer: dict[str, list[Note]] = {"melody": [], "bass": []}
    for config in configs:
        match config:
            case MelodyConfig():
                written[config.name] = outer["melody"] = write_melody(piece, config, as_written=keep_melody)
            case BassConfig():
                written[config.name] = outer["bass"] = walk(write_bass(piece, config), piece, config, generator)
            case DrumsConfig():
                written[config.name] = write_drums(piece, config, style.feel, generator, human=human)
            case _:
                pass
    voices = [config for config in configs if isinstance(config, VoiceConfig)][::-1]
    ranges = [(voice.low, voice.high) for voice in voices]
    choir = voice_harmonies(piece, ranges, outer["bass"], outer["melody"], choir=True)
    for place, voice in enumerate(voices):
        written[voice.name] = write_voices(piece, voice, [row[place : place + 1] for row in choir])
    for config in configs:
        if isinstance(config, CompingConfig):
            ranges = [(config.low, config.high)] * config.voices
            rows = voice_harmonies(piece, ranges, outer["bass"], outer["melody"])
            written[config.name] = write_voices(piece, config, rows)
    return written
