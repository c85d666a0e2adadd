"""Loudness and peaks of sound that arrives block by block, in constant memory. Knows no file and no synthesizer.

Integrated loudness after ITU-R BS.1770-4: pyloudnorm's K-weighting filters, 400 ms blocks that overlap by 75 %,
gates at -70 LUFS and 10 LU below the mean. True peak after its Annex 2: four-fold oversampling.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

CHANNELS = 2
_OFFSET = -0.691  # LUFS of unit mean square, BS.1770-4 equation 2
_ABSOLUTE_GATE, _RELATIVE_GATE = -70.0, -10.0
_HOPS_PER_BLOCK = 4
# BS.1770-4, Annex 2: two of the four phases of the interpolator; the others are their mirror images.
_PHASES = (
    (0.0017089843750, 0.0109863281250, -0.0196533203125, 0.0332031250000, -0.0594482421875, 0.1373291015625,
     0.9721679687500, -0.1022949218750, 0.0476074218750, -0.0266113281250, 0.0148925781250, -0.0083007812500),
    (-0.0291748046875, 0.0292968750000, -0.0517578125000, 0.0891113281250, -0.1665039062500, 0.4650878906250,
     0.7797851562500, -0.2003173828125, 0.1015625000000, -0.0582275390625, 0.0330810546875, -0.0189208984375),
)  # fmt: skip
_INTERPOLATOR = np.array([*_PHASES, *(phase[::-1] for phase in _PHASES)], np.float32).T
_TAPS = len(_INTERPOLATOR)
# The interpolator at most doubles a sample's height on music, so only blocks this near the peak can hold it.
_NEAR_PEAK = 0.5


class Meter:
    """Measures stereo sound given block by block with :meth:`add`."""

    def __init__(self, sample_rate: int) -> None:
        # These two take longer to import than the rest of the room together.
        from pyloudnorm.iirfilter import IIRfilter
        from scipy.signal import sosfilt

        self._sosfilt = sosfilt
        stages = [
            IIRfilter(4.0, 1 / math.sqrt(2), 1500.0, sample_rate, "high_shelf"),
            IIRfilter(0.0, 0.5, 38.0, sample_rate, "high_pass"),
        ]
        self._filter = np.array([[*stage.b, *stage.a] for stage in stages])
        self._state = np.zeros((len(stages), CHANNELS, 2))
        self._hop_frames = sample_rate // 10
        self._pending = np.zeros((CHANNELS, 0))
        self._hops: list[float] = []
        self._history = np.zeros((CHANNELS, _TAPS - 1), np.float32)
        self.frames = 0
        self.sample_peak = 0.0
        self.true_peak = 0.0

    def add(self, block: NDArray[np.float32]) -> None:
        """Take in the next (2, frames) samples."""
        self.frames += block.shape[1]
        self._add_peak(block)
        weighted, self._state = self._sosfilt(self._filter, block, axis=1, zi=self._state)
        pending = np.concatenate((self._pending, weighted), axis=1)
        whole = pending.shape[1] // self._hop_frames
        hops = pending[:, : whole * self._hop_frames].reshape(CHANNELS, whole, self._hop_frames)
        self._hops += np.square(hops).sum((0, 2)).tolist()
        self._pending = pending[:, whole * self._hop_frames :]

    @property
    def loudness(self) -> float | None:
        """Integrated loudness in LUFS; None for silence. What is shorter than 400 ms counts as padded to that."""
        hops = np.array(self._hops)
        if len(hops) < _HOPS_PER_BLOCK:
            rest = float(np.square(self._pending).sum())
            hops = np.pad([*self._hops, rest], (0, _HOPS_PER_BLOCK - 1 - len(hops)))
        windows = np.lib.stride_tricks.sliding_window_view(hops, _HOPS_PER_BLOCK)
        power = windows.sum(1) / (_HOPS_PER_BLOCK * self._hop_frames)
        loud = power[power >= _power(_ABSOLUTE_GATE)]
        if not len(loud):
            return None
        gate = _power(_lufs(float(loud.mean())) + _RELATIVE_GATE)
        return _lufs(float(loud[loud > gate].mean()))

    def _add_peak(self, block: NDArray[np.float32]) -> None:
        peak = float(np.abs(block).max(initial=0.0))
        self.sample_peak = max(self.sample_peak, peak)
        joined = np.concatenate((self._history, block), axis=1)
        self._history = joined[:, -(_TAPS - 1) :]
        if peak and peak >= _NEAR_PEAK * self.true_peak:
            windows = np.lib.stride_tricks.sliding_window_view(joined, _TAPS, axis=1)
            between = float(np.abs(windows @ _INTERPOLATOR).max())
            self.true_peak = max(self.true_peak, peak, between)


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
