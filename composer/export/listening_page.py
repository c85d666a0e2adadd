"""One HTML file that shows an arrangement and plays it: nothing is fetched and nothing stored.

So it works in a sandboxed frame, such as the one an experiment tracker shows artifacts in, and as a mail attachment.
"""

from __future__ import annotations

import base64
import html
import io
import json
import os
from importlib.resources import files
from pathlib import Path
from string import Template

from composer.arrangement.model import Arrangement
from composer.export.errors import ExportError
from composer.export.files import written_whole
from composer.export.palette import colours
from composer.export.piano_roll import DRUM_NAMES, subtitle

# One call with a long array makes libsndfile's Ogg encoder overflow its stack.
CHUNK_FRAMES = 65_536
# What every browser plays, the smallest first: soundfile's format, subtype and the media type.
_CODECS = (("MP3", "MPEG_LAYER_III", "audio/mpeg"), ("OGG", "VORBIS", "audio/ogg"), ("FLAC", "PCM_16", "audio/flac"))
_MEDIA_TYPES = {".mp3": "audio/mpeg", ".ogg": "audio/ogg"}
_QUALITY = 0.35  # of 0 best to 1 smallest: about 170 kbit/s of MP3


def write_listening_page(
    arrangement: Arrangement, audio_path: str | os.PathLike[str], page_path: str | os.PathLike[str]
) -> None:
    """Write a page that shows the piano roll, chords and sections with a moving playhead and plays the recording.

    Args:
        arrangement: what is heard.
        audio_path: its recording; .mp3 and .ogg are embedded as they are, the rest is compressed first.
        page_path: where the page goes.

    Raises:
        ExportError: if the recording cannot be read or the page cannot be written.
    """
    audio, media_type = _compressed(Path(audio_path))
    template = Template(files(__package__).joinpath("listen.html").read_text(encoding="utf-8"))
    page = template.substitute(
        title=html.escape(arrangement.title),
        subtitle=html.escape(subtitle(arrangement)),
        audio=f"data:{media_type};base64,{base64.b64encode(audio).decode('ascii')}",
        # No text in the piece may close the script element it stands in.
        piece=json.dumps(_piece(arrangement), separators=(",", ":")).replace("<", "\\u003c"),
    )
    with written_whole(page_path) as draft:
        draft.write_text(page, encoding="utf-8")


def _piece(arrangement: Arrangement) -> dict[str, object]:
    """What the page's script reads; times are ticks."""
    from pretty_midi import program_to_instrument_name

    palette = colours(arrangement.tracks)
    drums = sorted({note.pitch for track in arrangement.tracks if track.is_drum for note in track.notes})
    return {
        "ticks": arrangement.ticks,
        "bars": arrangement.bars,
        "barTicks": arrangement.bar_ticks,
        "beatTicks": arrangement.beat_ticks,
        "secondsPerTick": arrangement.seconds(1),
        "chords": [[chord.start, chord.end, chord.symbol] for chord in arrangement.chords],
        "sections": [[section.start, section.end, section.name] for section in arrangement.sections],
        "drums": [[pitch, DRUM_NAMES.get(pitch, str(pitch))] for pitch in reversed(drums)],
        "tracks": [
            {
                "name": track.name,
                "instrument": "Drum kit" if track.is_drum else program_to_instrument_name(track.program),
                "colour": colour,
                "drum": track.is_drum,
                "notes": [[note.start, note.end, note.pitch, note.velocity] for note in track.notes],
            }
            for track, colour in zip(arrangement.tracks, palette, strict=True)
        ],
    }


def _compressed(path: Path) -> tuple[bytes, str]:
    """The recording in a small format and its media type."""
    import soundfile

    try:
        if path.suffix.lower() in _MEDIA_TYPES:
            return path.read_bytes(), _MEDIA_TYPES[path.suffix.lower()]
        known = soundfile.available_formats()
        container, subtype, media_type = next(codec for codec in _CODECS if codec[0] in known)
        quality = {} if container == "FLAC" else {"compression_level": _QUALITY}
        result = io.BytesIO()
        with (
            soundfile.SoundFile(path) as source,
            soundfile.SoundFile(
                result, "w", samplerate=source.samplerate, channels=source.channels,
                format=container, subtype=subtype, **quality,
            ) as target,
        ):  # fmt: skip
            for block in source.blocks(CHUNK_FRAMES, dtype="float32"):
                target.write(block)
    except (OSError, soundfile.SoundFileError) as error:
        raise ExportError(f"recording {path} cannot be read ({error}): give a WAV, FLAC, OGG or MP3 file") from None
    return result.getvalue(), media_type
