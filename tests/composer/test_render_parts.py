"""The pieces of the renderer: safe sequences from any bytes, and meters that agree with pyloudnorm."""

import io

import mido
import numpy as np
import pyloudnorm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from composer.render.errors import RenderError
from composer.render.loudness import Meter, decibels, gain_to
from composer.render.sequence import read_sequence

RATE = 44_100


def saved(*tracks: list[mido.Message | mido.MetaMessage], kind: int = 1) -> bytes:
    file = mido.MidiFile(type=kind, ticks_per_beat=480)
    file.tracks.extend(mido.MidiTrack(track) for track in tracks)
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def played(data: bytes) -> list[tuple[str, int, int]]:
    """(kind, tick, pitch) of the notes of a sequence."""
    now, found = 0, []
    for message in mido.MidiFile(file=io.BytesIO(data)).tracks[0]:
        now += message.time
        if message.type.startswith("note"):
            found.append((message.type, now, message.note))
    return found


note_messages = st.builds(
    mido.Message,
    st.sampled_from(["note_on", "note_off"]),
    channel=st.integers(0, 2),
    note=st.integers(60, 62),
    velocity=st.integers(0, 127),
    time=st.integers(0, 40),
)


@given(st.lists(st.lists(note_messages, max_size=30), min_size=1, max_size=3))
@settings(max_examples=100, deadline=None)
def test_every_note_has_both_ends_and_none_overlaps(tracks: list[list[mido.Message]]) -> None:
    sequence = read_sequence(saved(*tracks), "a")
    (track,) = mido.MidiFile(file=io.BytesIO(sequence.midi)).tracks
    sounding: dict[tuple[int, int], int] = {}
    now = count = 0
    for message in track:
        now += message.time
        if message.type == "note_on":
            assert (message.channel, message.note) not in sounding
            sounding[message.channel, message.note] = now
            count += 1
        elif message.type == "note_off":
            assert sounding.pop((message.channel, message.note)) < now
    assert not sounding
    assert count == sequence.notes
    assert (count > 0) == any(m.type == "note_on" and m.velocity for line in tracks for m in line)


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_track_is_read_as_far_as_it_goes(content: bytes) -> None:
    header = b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk" + len(content).to_bytes(4, "big")
    with pytest.raises(RenderError, match=r"a\.mid is no MIDI file"):
        read_sequence(content, "a.mid")
    sequence = read_sequence(header + content, "a.mid")
    assert sequence.end >= sequence.last_note >= 0


def test_tempo_changes_count() -> None:
    # One quarter note at 120 a minute, then one at 60: 0.5 s + 1 s.
    data = saved(
        [mido.MetaMessage("set_tempo", tempo=1_000_000, time=480)],
        [
            mido.MetaMessage("track_name", name="Lead"),
            mido.Message("note_on", note=60, velocity=9),
            mido.Message("note_off", note=60, time=960),
        ],
    )
    sequence = read_sequence(data, "a")
    assert sequence.last_note == pytest.approx(1.5)
    assert sequence.channels == {0: "Lead"}
    assert played(sequence.midi) == [("note_on", 0, 60), ("note_off", 960, 60)]


def test_a_broken_key_signature_does_not_matter() -> None:
    data = saved([mido.Message("note_on", note=60, velocity=9), mido.Message("note_off", note=60, time=48)])
    place = data.index(b"MTrk") + 8
    key = b"\0\xff\x59\x02\x63\x00"  # 99 sharps
    length = int.from_bytes(data[place - 4 : place], "big") + len(key)
    assert read_sequence(data[: place - 4] + length.to_bytes(4, "big") + key + data[place:], "a").notes == 1


def test_a_note_of_no_length_becomes_one() -> None:
    data = saved([mido.Message("note_on", note=60, velocity=9), mido.Message("note_off", note=60)], kind=0)
    assert played(read_sequence(data, "a").midi) == [("note_on", 0, 60), ("note_off", 15, 60)]


def test_a_file_that_is_too_large_is_refused() -> None:
    with pytest.raises(RenderError, match="at most 33554432"):
        read_sequence(bytes(33_554_433), "a.mid")


def measured(samples: np.ndarray, block: int) -> Meter:
    meter = Meter(RATE)
    for start in range(0, samples.shape[1], block):
        meter.add(samples[:, start : start + block])
    return meter


def test_the_meter_agrees_with_pyloudnorm_whatever_the_blocks() -> None:
    generator = np.random.default_rng(0)
    envelope = np.repeat([0.5, 0.001, 0.1, 0.3], RATE)
    samples = (generator.standard_normal((2, 4 * RATE)) * envelope).astype(np.float32) * 0.2
    # pyloudnorm's filters of the standard itself; its others are an approximation.
    wanted = pyloudnorm.Meter(RATE, filter_class="DeMan").integrated_loudness(samples.T.astype(np.float64))
    for block in (1000, 4096, RATE):
        assert measured(samples, block).loudness == pytest.approx(wanted, abs=0.01)


def test_a_sine_of_a_thousand_hertz_is_as_loud_as_its_level() -> None:
    # EBU Tech 3341, case 1: both channels at a peak of -23 dBFS are -23 LUFS.
    wave = (10 ** (-23 / 20) * np.sin(2 * np.pi * 1000 / RATE * np.arange(5 * RATE))).astype(np.float32)
    assert measured(np.stack([wave, wave]), 2048).loudness == pytest.approx(-23.0, abs=0.02)


def test_a_sine_between_the_samples_has_its_true_peak() -> None:
    # A quarter of the sampling rate, 45 degrees off: every sample is 0.7071 of the crest.
    wave = np.sin(np.pi / 2 * np.arange(RATE) + np.pi / 4).astype(np.float32)
    meter = measured(np.stack([wave, wave]), 4096)
    assert meter.sample_peak == pytest.approx(np.sqrt(0.5), abs=1e-4)
    assert meter.true_peak == pytest.approx(1.0, abs=0.06)


def test_silence_and_clips_of_less_than_a_block_are_measured() -> None:
    assert measured(np.zeros((2, RATE), np.float32), 4096).loudness is None
    assert Meter(RATE).loudness is None
    short = measured(np.full((2, RATE // 10), 0.5, np.float32) * [[1], [-1]], 4096)
    assert -60 < short.loudness < 0


def test_the_gain_reaches_the_target_or_stops_at_the_ceiling() -> None:
    assert decibels(gain_to(-14.0, -1.0, -20.0, 0.25)) == pytest.approx(6.0)
    assert decibels(gain_to(-14.0, -1.0, -20.0, 0.5)) == pytest.approx(-1.0 - decibels(0.5))
    assert gain_to(None, -1.0, -20.0, 0.5) == 1.0
    assert decibels(gain_to(None, -1.0, -20.0, 2.0)) == pytest.approx(-1.0 - decibels(2.0))
    assert gain_to(-14.0, -1.0, None, 0.0) == 1.0
