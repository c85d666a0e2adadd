"""A recording as a picture: its waveform, its loudness over time and its spectrogram."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from composer.export.errors import ExportError
from composer.export.files import written_whole

WIDTH, HEIGHT, DPI = 12.0, 6.5, 120  # inches, dots an inch
COLUMNS = 1200  # of the waveform: each shows the least and the most of its samples
WINDOW = 2048  # samples of a spectrum: 46 ms at 44.1 kHz
FLOOR = -90.0  # dB below a full-scale sine; quieter is drawn as this
LOWEST, HIGHEST = 30.0, 16_000.0  # hertz
_FRAMES = 1 << 20


def write_sound_picture(audio: str | os.PathLike[str], path: str | os.PathLike[str], *, title: str = "") -> None:
    """Draw the recording ``audio`` as a PNG at ``path``; it is read block by block.

    Raises:
        ExportError: if the recording cannot be read or the picture cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    low, high, spectrum, rate, seconds = _measured(audio)
    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    wave, bands = figure.subplots(2, 1, sharex=True, height_ratios=(1, 2))
    times = np.linspace(0, seconds, len(low))
    wave.fill_between(times, low, high, linewidth=0.3, color="#2f5f8f")
    wave.set(ylim=(-1, 1), ylabel="amplitude", title=title)
    wave.axhline(0, color="white", linewidth=0.4)
    frequencies = np.fft.rfftfreq(WINDOW, 1 / rate)
    shown = (frequencies >= LOWEST) & (frequencies <= HIGHEST)
    mesh = bands.pcolormesh(
        np.linspace(0, seconds, spectrum.shape[1]),
        frequencies[shown],
        spectrum[shown],
        vmin=FLOOR,
        vmax=0,
        cmap="magma",
        shading="nearest",
        rasterized=True,
    )
    bands.set(yscale="log", ylim=(LOWEST, HIGHEST), xlim=(0, seconds), xlabel="seconds", ylabel="hertz")
    bands.set_yticks([50, 100, 200, 500, 1000, 2000, 5000, 10_000])
    bands.set_yticklabels(["50", "100", "200", "500", "1k", "2k", "5k", "10k"])
    figure.colorbar(mesh, ax=bands, label="dB", pad=0.01)
    with written_whole(path) as draft:
        figure.savefig(draft, format="png", metadata={"Software": None})


def _measured(
    audio: str | os.PathLike[str],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], int, float]:
    """Least and most of each column, the spectra (bins, columns) in dB, samples a second, the length in seconds."""
    import soundfile

    try:
        with soundfile.SoundFile(audio) as file:
            rate, frames = file.samplerate, max(len(file), 1)
            width = max(-(-frames // COLUMNS), 1)
            # A spectrum needs its whole window, also where a column of the waveform is shorter.
            hop = max(width, WINDOW)
            low, high, spectra = [], [], []
            window = np.hanning(WINDOW)
            scale = 2 / window.sum()
            wave = sound = np.zeros(0, np.float32)
            for block in file.blocks(_FRAMES, dtype="float32", always_2d=True):
                mono = block.mean(1)
                wave, sound = np.concatenate([wave, mono]), np.concatenate([sound, mono])
                columns, wave = _cut(wave, width)
                low += columns.min(1).tolist()
                high += columns.max(1).tolist()
                columns, sound = _cut(sound, hop)
                level = np.abs(np.fft.rfft(columns[:, :WINDOW] * window, axis=1)) * scale
                spectra += list(20 * np.log10(np.maximum(level, 10 ** (FLOOR / 20))))
    except (soundfile.SoundFileError, OSError) as error:
        raise ExportError(f"{audio} cannot be read as a recording: {error}; give a WAV, FLAC, OGG or MP3") from None
    if not spectra:
        raise ExportError(f"{audio} is too short to be drawn: give a recording of a second or more")
    return (
        np.array(low, np.float32),
        np.array(high, np.float32),
        np.stack(spectra, 1).astype(np.float32),
        rate,
        frames / rate,
    )


def _cut(samples: NDArray[np.float32], width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The whole columns (K, width) of ``samples``, and what is left over."""
    whole = len(samples) // width
    return samples[: whole * width].reshape(whole, width), samples[whole * width :]
