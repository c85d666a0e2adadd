from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from composer.environment import (
    SLOTS,
    Conditions,
    Coordinator,
    EnvironmentConditionError,
    follow,
    play,
    slot_sizes,
    uniform_policy,
)
from composer.groove import LETTERS, Groove
from composer.plan import COLUMNS, INDEX
from composer.score import HOLD, REST, concatenate, unplanned
from composer.theory import METER_INDEX, METERS
from composer.vocabulary import CHORD, DONE, MELODY, RHYTHM, Vocabulary
from tests.composer.examples import A_MINOR, ACCOMPANIED, FRERE_JACQUES, VOCABULARY, C, G, piece

COLUMN = {slot.name: index for index, slot in enumerate(SLOTS)}


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_turn_order_is_chord_rhythm_melody() -> None:
    coordinator = Coordinator(VOCABULARY)
    coordinator.begin(Conditions.uniform(1, bars=1))
    turns, times = [], []
    # C; x-x- with two pitches; x---; (beat 3) G; ....; xxxx with four pitches.
    for action in (1, 1, 3, 5, 0, 7, 2, 3, 4, 10, 11, 12, 13):
        turns.append(int(coordinator.turn))
        times.append(int(coordinator.time))
        coordinator.step(torch.tensor([action]))
    c, r, m = CHORD, RHYTHM, MELODY
    assert turns == [c, r, m, m, r, m, c, r, r, m, m, m, m]
    assert times == [0, 0, 0, 2, 4, 4, 8, 8, 12, 12, 13, 14, 15]
    assert coordinator.finished
    score = coordinator.score()
    assert score.chord[0].tolist() == [C, C, G, G]
    assert score.sounding()[0].tolist() == [60, 60, 62, 62, 64, 64, 64, 64, 0, 0, 0, 0, 67, 68, 69, 70]


def test_the_rhythm_agent_chooses_the_groove_where_harmony_may_change() -> None:
    coordinator = Coordinator(ACCOMPANIED)
    coordinator.begin(Conditions.uniform(1, bars=1))
    first = len(ACCOMPANIED.cells)
    turns, grooves = [], []
    # C with b.u.u.u. under x--- and a held beat; G with x...u... under rests.
    for action in (1, first + 7, 0, 3, 2, 2, first + 8, 3, 3):
        turns.append(int(coordinator.turn))
        grooves.append(bool(coordinator.groove_next))
        legal = coordinator.legal()[0].nonzero().flatten().tolist()
        if grooves[-1]:
            patterns = [ACCOMPANIED.grooves[choice - first].pattern for choice in legal]
            assert patterns == ["........", "b.u.u.u.", "x...u...", "xuuuuuuu", "b...b.u."]
        elif turns[-1] == RHYTHM:
            assert max(legal) < first
        coordinator.step(torch.tensor([action]))
    assert turns == [CHORD, RHYTHM, RHYTHM, MELODY, RHYTHM, CHORD, RHYTHM, RHYTHM, RHYTHM]
    assert [at for at, asked in enumerate(grooves) if asked] == [1, 6]
    assert coordinator.finished
    assert "".join(LETTERS[stroke] for stroke in coordinator.score().strokes()[0]) == "b.u.u.u.x...u..."


@pytest.mark.parametrize(
    ("meter", "accompanied"), [("9/8", True), ("4/4", False)], ids=["a metre without grooves", "not accompanied"]
)
def test_no_groove_is_asked_for_where_there_is_none(meter: str, accompanied: bool) -> None:
    conditions = Conditions.uniform(2, bars=2, meter=METER_INDEX[meter])
    conditions = replace(conditions, accompanied=torch.full((2,), accompanied))
    score, decisions = play(ACCOMPANIED, conditions, uniform_policy(seeded(2)))
    assert not decisions.observation[:, COLUMN["a groove is asked for"]].any()
    assert not score.accompanied.any()


def test_the_observation_tells_what_the_accompaniment_does() -> None:
    bars = ["b.u.u.u.x...u...", "xuuuuuuu........", "b.u.u.u.b.u.u.u.", "b.u.u.u.x...u..."]
    codes = [[Groove.parse(bar[at : at + 4]).code for bar in bars for at in range(0, 16, 4)]]
    tune = replace(FRERE_JACQUES, groove=torch.tensor(codes, dtype=torch.int16))
    again, decisions = follow(ACCOMPANIED, tune)
    assert torch.equal(again.groove, tune.groove)
    asked = decisions.observation[:, COLUMN["a groove is asked for"]] == 1
    assert (decisions.turn[asked] == RHYTHM).all()
    assert decisions.time[asked].tolist() == [0, 8, 16, 24, 32, 40, 48, 56]
    names = ["silent", "b.u.u.u.", "x...u...", "xuuuuuuu"]
    value = {name: 7 + place for place, name in enumerate(names)}

    def seen(at: torch.Tensor) -> list[int]:
        row = decisions.observation[at.nonzero().item()].tolist()
        slots = ("groove", "groove 1 beats ago", "groove 1 bars ago", "groove 2 bars ago", "groove 4 bars ago")
        return [row[COLUMN[slot]] for slot in slots]

    # The groove of bar 4, beat 3, and the cell of the beat after it.
    before = [value["b.u.u.u."], value["silent"], value["b.u.u.u."]]
    assert seen(asked & (decisions.time == 56)) == [0, before[0], before[2], before[1], 0]
    cell = (decisions.turn == RHYTHM) & (decisions.time == 60)
    assert seen(cell) == [value["x...u..."], value["x...u..."], before[2], before[1], 0]


def test_the_observation_tells_what_stands_at_this_place() -> None:
    decisions = follow(VOCABULARY, FRERE_JACQUES)[1]
    # Bar 3, beat 1, the pitch E: one bar ago stood C, two bars ago C; the bar before ended on C.
    at = ((decisions.turn == MELODY) & (decisions.time == 32)).nonzero().item()
    seen = dict(zip((slot.name for slot in SLOTS), decisions.observation[at].tolist(), strict=True))
    c4 = 60 - VOCABULARY.low + 1
    assert seen["turn"] == MELODY
    assert seen["bar of eight"] == 2
    assert seen["bars left"] == 1
    assert seen["beat of the bar"] == 0
    assert seen["cell"] == 1
    assert seen["steps to the next onset in the beat"] == 4
    assert seen["pitch 1 bars ago"] == c4
    assert seen["pitch 4 bars ago"] == 0
    assert [seen[f"pitch {notes} notes ago"] for notes in (1, 2, 3, 4)] == [c4, c4 + 4, c4 + 2, c4]
    # Bar 4, beat 4, the rhythm: the note of beat 3 sounds on, struck four sixteenths ago.
    at = ((decisions.turn == RHYTHM) & (decisions.time == 60)).nonzero().item()
    seen = dict(zip((slot.name for slot in SLOTS), decisions.observation[at].tolist(), strict=True))
    assert seen["a note sounds on"] == 1
    assert seen["steps since the last onset"] == 4
    assert seen["chord"] == 2
    assert seen["beats since the chord changed"] == 1
    assert seen["chord 1 bars ago"] == 2
    assert seen["chord 2 bars ago"] == 1
    assert seen["cell 1 bars ago"] == 3
    assert seen["cell 1 beats ago"] == 1


def test_masks_say_what_makes_sense() -> None:
    coordinator = Coordinator(VOCABULARY)
    coordinator.begin(Conditions.uniform(1))
    legal = coordinator.legal()[0]
    assert not legal[0], "there is no chord to hold yet"
    assert legal[1:8].all()
    assert not legal[8:].any()
    coordinator.step(torch.tensor([1]))
    patterns = {VOCABULARY.cells[a].pattern for a in coordinator.legal()[0].nonzero().flatten().tolist()}
    assert patterns == {"x---", "x-x-", "....", "xxxx", "x-xx", "..x-", "x--x", "x-.."}
    coordinator.step(torch.tensor([0]))
    assert coordinator.legal()[0].all()
    coordinator.step(torch.tensor([0]))
    patterns = {VOCABULARY.cells[a].pattern for a in coordinator.legal()[0].nonzero().flatten().tolist()}
    assert {"----", "--x-"} <= patterns, "a sounding note may be held"
    coordinator.step(torch.tensor([2]))
    assert not coordinator.legal()[0, 1], "the chord that sounds is held, not chosen again"
    assert coordinator.legal()[0, 0]


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 2**31),
    st.integers(0, len(METERS) - 1),
    st.integers(1, 10),
    st.sampled_from([VOCABULARY, ACCOMPANIED]),
)
def test_any_legal_play_gives_a_sound_piece_that_can_be_followed(
    seed: int, meter: int, bars: int, vocabulary: Vocabulary
) -> None:
    conditions = Conditions.uniform(3, meter=meter, bars=bars)
    score, decisions = play(vocabulary, conditions, uniform_policy(seeded(seed)))
    conditions = replace(conditions, accompanied=score.accompanied)
    score, decisions = play(vocabulary, conditions, uniform_policy(seeded(seed)))
    assert (decisions.observation < torch.tensor(slot_sizes(vocabulary))).all()
    assert decisions.legal.gather(1, decisions.action[:, None]).all()
    action = score.action()
    assert not ((action[:, 1:] == HOLD) & (action[:, :-1] == REST)).any()
    assert not (action[:, 0] == HOLD).any()
    assert ((score.pitch > 0) == (score.onset().cumsum(1) > 0)).all()
    beats = int(score.beats[0])
    assert (score.chord[:, :beats] > 0).all()
    again, followed = follow(vocabulary, score)
    assert torch.equal(again.groove, score.groove)
    assert torch.equal(again.chord, score.chord)
    assert torch.equal(again.cell, score.cell)
    assert torch.equal(again.pitch, score.pitch)
    assert torch.equal(followed.observation, decisions.observation)
    assert torch.equal(followed.action, decisions.action)


def test_following_a_real_tune_keeps_every_note() -> None:
    again, decisions = follow(VOCABULARY, FRERE_JACQUES)
    assert torch.equal(again.sounding()[0, :60], FRERE_JACQUES.sounding()[0, :60])
    assert torch.equal(again.chord, FRERE_JACQUES.chord)
    assert len(decisions.of_agent(CHORD)) == 8
    assert len(decisions.of_agent(RHYTHM)) == 16
    assert len(decisions.of_agent(MELODY)) == 14


def test_of_agent_is_in_order_of_piece_and_time() -> None:
    conditions = Conditions.uniform(5, bars=4)
    decisions = play(VOCABULARY, conditions, uniform_policy(seeded(1)))[1].of_agent(MELODY)
    order = decisions.piece * 1000 + decisions.time
    assert (order[1:] > order[:-1]).all()


def test_the_observation_tells_what_is_planned_and_what_the_recalled_bar_holds() -> None:
    plan = unplanned(1, 4)
    plan[0, 2, [INDEX["recalled"], INDEX["density"]]] = torch.tensor([2, 5], dtype=torch.uint8)
    decisions = follow(VOCABULARY, replace(FRERE_JACQUES, plan=plan))[1]
    names = [slot.name for slot in SLOTS]
    # Bar 3 recalls bar 1. Its second note: the last one is E, and C went up to D there.
    second = ((decisions.turn == MELODY) & (decisions.time == 36)).nonzero().item()
    seen = dict(zip(names, decisions.observation[second].tolist(), strict=True))
    c4 = 60 - VOCABULARY.low + 1
    assert seen["planned density"] == 5
    assert seen["pitch in the recalled bar"] == c4 + 2
    assert seen["pitch by sequence"] == c4 + 6
    assert seen["pitch by inversion"] == c4 + 2
    assert seen["cell in the recalled bar"] == seen["cell 2 bars ago"]
    # Bar 2 has no plan.
    before = ((decisions.turn == MELODY) & (decisions.time == 20)).nonzero().item()
    seen = dict(zip(names, decisions.observation[before].tolist(), strict=True))
    assert not any(seen[name] for name in names if "recalled" in name or "planned" in name)


def test_the_observation_remembers_what_followed_what() -> None:
    tune = piece("60 - - - 62 - - - 64 - - - - - - -  67 - - - 69 - - - 60 - - - 62 - - -", [C] * 8)
    decisions = follow(VOCABULARY, tune)[1]
    names = [slot.name for slot in SLOTS]

    def before(time: int) -> dict[str, int]:
        at = ((decisions.turn == MELODY) & (decisions.time == time)).nonzero().item()
        return dict(zip(names, decisions.observation[at].tolist(), strict=True))

    c4 = 60 - VOCABULARY.low + 1
    # After the A: two semitones up were followed, a quarter on, by two more.
    assert before(24)["pitch by figure"] == c4 + 9 + 2
    assert before(24)["pitch after the last one"] == 0
    # After the second C: D came after C before, but not after A and C.
    assert before(28)["pitch after the last one"] == c4 + 2
    assert before(28)["pitch after the last two"] == 0
    assert before(0)["pitch by figure"] == before(4)["pitch by figure"] == 0


@pytest.mark.parametrize("accompanied", [True, False])
def test_a_batch_equals_its_pieces_one_by_one(accompanied: bool) -> None:
    meters = torch.tensor([METER_INDEX[name] for name in ("4/4", "3/4", "6/8")])
    three = Conditions.uniform(3, bars=5)
    sizes = torch.tensor([min(column.size, 6) for column in COLUMNS])
    plan = torch.rand(3, 6, len(COLUMNS), generator=seeded(2)) * sizes
    three = replace(
        three,
        plan=plan.to(torch.uint8),
        accompanied=torch.tensor([True, True, accompanied]),
        meter=meters,
        mode=torch.tensor([0, 1, 0]),
        bars=torch.tensor([5, 4, 6]),
    )
    score, decisions = play(ACCOMPANIED, three, uniform_policy(seeded(3)))
    for row in range(3):
        mine = decisions.select(decisions.piece == row)
        coordinator = Coordinator(ACCOMPANIED)
        coordinator.begin(three.select(torch.tensor([row])))
        for step in range(len(mine)):
            assert int(coordinator.turn) == int(mine.turn[step])
            assert torch.equal(coordinator.observe()[0], mine.observation[step])
            assert torch.equal(coordinator.legal()[0], mine.legal[step])
            coordinator.step(mine.action[step : step + 1])
        assert coordinator.finished
        beats, steps = int(score.beats[row]), int(score.steps[row])
        alone = coordinator.score()
        assert torch.equal(alone.chord[0], score.chord[row, :beats])
        assert torch.equal(alone.pitch[0], score.pitch[row, :steps])
        assert torch.equal(alone.groove[0], score.groove[row, :beats])
        assert not score.chord[row, beats:].any(), "the padding is blank"


def test_a_restarted_piece_is_like_a_new_one() -> None:
    coordinator = Coordinator(ACCOMPANIED)
    conditions = Conditions.uniform(2, bars=2)
    coordinator.begin(conditions)
    act = uniform_policy(seeded(5))
    for _ in range(17):
        coordinator.step(act(coordinator.turn, coordinator.observe(), coordinator.legal()))
    coordinator.restart(torch.tensor([1]), conditions)
    fresh = Coordinator(ACCOMPANIED)
    fresh.begin(Conditions.uniform(1, bars=2))
    while not fresh.finished:
        assert torch.equal(coordinator.observe()[1], fresh.observe()[0])
        chosen = act(fresh.turn, fresh.observe(), fresh.legal())
        other = act(coordinator.turn, coordinator.observe(), coordinator.legal())
        coordinator.step(torch.stack([other[0], chosen[0]]))
        fresh.step(chosen)
    assert int(coordinator.turn[1]) == DONE
    assert torch.equal(coordinator.score().pitch[1], fresh.score().pitch[0])


def test_conditions_that_cannot_be_met_are_named() -> None:
    simple_only = Vocabulary(VOCABULARY.chords, VOCABULARY.cells[:10], VOCABULARY.low, VOCABULARY.high)
    with pytest.raises(EnvironmentConditionError, match=r"6/8.*4/4"):
        Coordinator(simple_only).begin(Conditions.uniform(1, meter=METER_INDEX["6/8"]))
    with pytest.raises(EnvironmentConditionError, match="at least one bar"):
        Coordinator(VOCABULARY).begin(Conditions.uniform(1, bars=0))


def test_pieces_outside_the_vocabulary_are_followed_with_the_nearest_choices() -> None:
    odd = concatenate(
        [
            piece("61 . 95 - - x - 40".replace("x", "-") + " - - - - - - - -", [0, 0, A_MINOR, 99]),
            FRERE_JACQUES,
        ]
    )
    again, decisions = follow(VOCABULARY, odd)
    assert decisions.legal.gather(1, decisions.action[:, None]).all()
    assert torch.equal(again.pitch[1, :60], FRERE_JACQUES.pitch[0, :60])
    assert (again.chord[0, :4] > 0).all()


@pytest.mark.parametrize("meter", ["4/4", "6/8"])
def test_pieces_that_wait_are_written_as_if_they_had_not(meter: str) -> None:
    conditions = Conditions.uniform(1, bars=3, meter=METER_INDEX[meter])
    alone, decisions = play(ACCOMPANIED, conditions, uniform_policy(seeded(5)))
    coordinator = Coordinator(ACCOMPANIED)
    coordinator.begin(conditions)
    patience = seeded(6)
    for turn, time, seen, legal, action in zip(
        *(getattr(decisions, name) for name in ("turn", "time", "observation", "legal", "action")), strict=True
    ):
        while torch.rand((), generator=patience) < 0.5:
            coordinator.step(torch.tensor([coordinator.wait]))
        assert (int(coordinator.turn), int(coordinator.time)) == (int(turn), int(time))
        assert torch.equal(coordinator.observe()[0], seen)
        assert torch.equal(coordinator.legal()[0], legal)
        coordinator.step(action[None])
    assert coordinator.finished
    assert torch.equal(coordinator.score().sounding(), alone.sounding())


def test_pieces_abreast_are_the_same_pieces_and_ask_one_agent_at_a_time() -> None:
    conditions = replace(Conditions.uniform(5, bars=4), bars=torch.tensor([1, 4, 2, 4, 3]))
    asked: list[set[int]] = []

    def by_what_is_seen(turn: torch.Tensor, observation: torch.Tensor, legal: torch.Tensor) -> torch.Tensor:
        asked.append(set(turn.tolist()) - {DONE})
        wanted = (observation.long() * torch.arange(1, observation.shape[1] + 1)).sum(1) + torch.arange(len(turn))
        count = legal.cumsum(1)
        return (count > (wanted % count[:, -1])[:, None]).int().argmax(1)

    apart, decisions = play(ACCOMPANIED, conditions, by_what_is_seen)
    assert any(len(agents) > 1 for agents in asked)
    asked.clear()
    abreast, same = play(ACCOMPANIED, conditions, by_what_is_seen, abreast=True)
    assert all(len(agents) == 1 for agents in asked)
    assert torch.equal(abreast.sounding(), apart.sounding())
    for agent in (CHORD, RHYTHM, MELODY):
        one, other = decisions.of_agent(agent), same.of_agent(agent)
        assert torch.equal(one.observation, other.observation)
        assert torch.equal(one.action, other.action)
        assert torch.equal(one.time, other.time)


class _Counted(TorchDispatchMode):
    """Counts the operations that PyTorch carries out, views apart."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += not func.is_view
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("pieces", [1, 64])
def test_a_decision_costs_few_operations_however_many_pieces(pieces: int) -> None:
    coordinator = Coordinator(ACCOMPANIED)
    coordinator.begin(Conditions.uniform(pieces, bars=4))
    actions = coordinator.legal().int().argmax(1)
    counts = []
    for work in (coordinator.observe, coordinator.legal, lambda: coordinator.step(actions)):
        with _Counted() as counted:
            work()
        counts.append(counted.count)
    assert counts[0] <= 10
    assert counts[1] <= 4
    assert counts[2] <= 31
