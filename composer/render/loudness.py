"""Loudness and peaks of sound that arrives block by block, in constant memory. Knows no file and no synthesizer.

Integrated loudness after ITU-R BS.1770-4: K-weighting, 400 ms blocks that overlap by 75 %, gates at -70 LUFS and
10 LU below the mean. True peak after its Annex 2: four-fold oversampling. The tests hold it against pyloudnorm, which
needs the whole recording in memory and takes longer to import than this takes to measure a song.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

CHANNELS = 2
_OFFSET = -0.691  # LUFS of unit mean square, BS.1770-4 equation 2
_ABSOLUTE_GATE, _RELATIVE_GATE = -70.0, -10.0
_HOPS_PER_BLOCK = 4
_HOPS_AT_ONCE = 6
# BS.1770-4, Annex 2: two of the four phases of the interpolator; the others are their mirror images.
_PHASES = (
    (0.0017089843750, 0.0109863281250, -0.0196533203125, 0.0332031250000, -0.0594482421875, 0.1373291015625,
     0.9721679687500, -0.1022949218750, 0.0476074218750, -0.0266113281250, 0.0148925781250, -0.0083007812500),
    (-0.0291748046875, 0.0292968750000, -0.0517578125000, 0.0891113281250, -0.1665039062500, 0.4650878906250,
     0.7797851562500, -0.2003173828125, 0.1015625000000, -0.0582275390625, 0.0330810546875, -0.0189208984375),
)  # fmt: skip
_INTERPOLATOR = np.array([*_PHASES, *(phase[::-1] for phase in _PHASES)], np.float32).T
_TAPS = len(_INTERPOLATOR)
_OVERSHOOT = float(np.abs(_INTERPOLATOR).sum(0).max())  # no point between samples is higher than this times theirs
_STRETCH = 64  # frames that are looked between or passed over together; not less than the interpolator's length


class Meter:
    """Measures stereo sound given block by block with :meth:`add`.

    Filtering is done in the frequency domain, six hops of 100 ms at a time (overlap-save): the K-weighting's answer
    to an impulse has died away to 1e-10 within one hop, and a Fourier transform needs no library but numpy.
    """

    def __init__(self, sample_rate: int) -> None:
        self._hop_frames = sample_rate // 10
        self._capacity = _HOPS_AT_ONCE * self._hop_frames
        size = 1 << ((_HOPS_AT_ONCE + 1) * self._hop_frames).bit_length()
        self._weighting = _k_weighting(size, sample_rate)
        self._past = size - self._capacity
        self._sound = np.zeros((CHANNELS, size), np.float32)  # what came before, then what is not yet measured
        self._filled = 0
        self._hops: list[float] = []
        self._sample_peak = self._true_peak = 0.0
        self.frames = 0

    def add(self, block: NDArray[np.float32]) -> None:
        """Take in the next (2, frames) samples."""
        self.frames += block.shape[1]
        while block.shape[1]:
            count = min(block.shape[1], self._capacity - self._filled)
            start = self._past + self._filled
            self._sound[:, start : start + count] = block[:, :count]
            self._filled += count
            block = block[:, count:]
            if self._filled == self._capacity:
                self._hops += self._energies()
                self._measure_peaks()
                self._sound[:, : self._past] = self._sound[:, self._capacity :]
                self._filled = 0

    @property
    def loudness(self) -> float | None:
        """Integrated loudness in LUFS; None for silence. What is shorter than 400 ms counts as padded to that."""
        hops = self._hops + self._energies()
        if self.frames >= _HOPS_PER_BLOCK * self._hop_frames:
            hops = hops[: self.frames // self._hop_frames]
        windows = np.lib.stride_tricks.sliding_window_view(
            np.pad(hops, (0, max(0, _HOPS_PER_BLOCK - len(hops)))), _HOPS_PER_BLOCK
        )
        power = windows.sum(1) / (_HOPS_PER_BLOCK * self._hop_frames)
        loud = power[power >= _power(_ABSOLUTE_GATE)]
        if not len(loud):
            return None
        gate = _power(_lufs(float(loud.mean())) + _RELATIVE_GATE)
        return _lufs(float(loud[loud > gate].mean()))

    @property
    def sample_peak(self) -> float:
        """The highest sample, full scale 1."""
        self._measure_peaks()
        return self._sample_peak

    @property
    def true_peak(self) -> float:
        """The highest point of the sound between its samples, full scale 1."""
        self._measure_peaks()
        return self._true_peak

    def _energies(self) -> list[float]:
        """The K-weighted energy of every hop of what is not yet measured, the last of them maybe not whole."""
        self._sound[:, self._past + self._filled :] = 0.0
        spectrum = np.fft.rfft(self._sound, axis=1)
        spectrum *= self._weighting
        weighted = np.fft.irfft(spectrum, axis=1)[:, self._past :]
        weighted[:, self._filled :] = 0.0
        whole = -(-self._filled // self._hop_frames) * self._hop_frames
        hops = weighted[:, :whole].reshape(CHANNELS, -1, self._hop_frames)
        energies: list[float] = np.einsum("chf,chf->h", hops, hops, dtype=np.float64).tolist()
        return energies

    def _measure_peaks(self) -> None:
        """Look between the samples only where they are so high that the peak can lie there."""
        sound = self._sound[:, self._past - _TAPS + 1 : self._past + self._filled]
        heights = np.abs(sound)
        self._sample_peak = max(self._sample_peak, float(heights.max(initial=0.0)))
        self._true_peak = max(self._true_peak, self._sample_peak)
        stretches = -(-sound.shape[1] // _STRETCH) + 1
        padding = ((0, 0), (0, stretches * _STRETCH - sound.shape[1]))
        highest = np.pad(heights, padding).reshape(CHANNELS, stretches, _STRETCH).max(2)
        reached = np.maximum(highest[:, :-1], highest[:, 1:]) * _OVERSHOOT
        channels, places = np.nonzero(reached > self._true_peak)
        if len(places):
            windows = np.lib.stride_tricks.sliding_window_view(np.pad(sound, padding), _TAPS, axis=1)
            frames = places[:, None] * _STRETCH + np.arange(_STRETCH)
            between = float(np.abs(windows[channels[:, None], frames] @ _INTERPOLATOR).max())
            self._true_peak = max(self._true_peak, between)


def _k_weighting(size: int, sample_rate: int) -> NDArray[np.complex64]:
    """Frequency response, (size // 2 + 1,), of BS.1770-4's two filters: a head's shelf, then a high-pass.

    The standard gives coefficients for 48 kHz; these are the analogue filters behind them (gain in dB, quality, Hz),
    brought to ``sample_rate`` by the bilinear transform.
    """
    delay = np.exp(-2j * np.pi * np.fft.rfftfreq(size))
    powers = np.stack([np.ones_like(delay), delay, delay**2])

    def tangent(frequency: float) -> float:
        return math.tan(math.pi * frequency / sample_rate)

    gain, quality, k = 10 ** (3.999843853973347 / 20), 0.7071752369554196, tangent(1681.974450955533)
    middle = gain**0.4996667741545416
    shelf = np.array([gain + middle * k / quality + k * k, 2 * (k * k - gain), gain - middle * k / quality + k * k])
    shelf_poles = np.array([1 + k / quality + k * k, 2 * (k * k - 1), 1 - k / quality + k * k])
    quality, k = 0.5003270373238773, tangent(38.13547087602444)
    scale = 1 + k / quality + k * k
    pass_poles = np.array([1, 2 * (k * k - 1) / scale, (1 - k / quality + k * k) / scale])
    shelving = (shelf @ powers) / (shelf_poles @ powers)
    passing = (np.array([1, -2, 1]) @ powers) / (pass_poles @ powers)
    return np.asarray(shelving * passing, np.complex64)


def _power(lufs: float) -> float:
    return float(10 ** ((lufs - _OFFSET) / 10))


def _lufs(power: float) -> float:
    return _OFFSET + 10 * math.log10(power)


def decibels(amplitude: float) -> float | None:
    """Level of an amplitude in dBFS (full scale 1); None for silence."""
    return 20 * math.log10(amplitude) if amplitude > 0 else None


def gain_to(target: float | None, ceiling: float, loudness: float | None, true_peak: float) -> float:
    """The one linear gain that brings a piece to ``target`` LUFS without passing the peak ``ceiling``.

    Args:
        target: wanted loudness in LUFS; None leaves the level unless it passes the ceiling.
        ceiling: highest true peak in dBTP.
        loudness: measured loudness in LUFS, None for silence (which is left as it is).
        true_peak: measured true peak, full scale 1.
    """
    peak = decibels(true_peak)
    if loudness is None or peak is None:
        return 1.0
    wanted = 0.0 if target is None else target - loudness
    return float(10 ** (min(wanted, ceiling - peak) / 20))
