import pytest
import torch

from agents.errors import CheckpointError
from agents.replay import Replay


def push(replay: Replay, start: int, count: int) -> None:
    """An episode whose decision ``i`` has the observation and reward ``start + i``."""
    number = torch.arange(start, start + count)
    discount = torch.full((count,), 0.5)
    discount[-1] = 0
    log_prior = torch.stack([-number.float(), torch.full((count,), -torch.inf)], 1)
    replay.push(number[:, None].to(torch.uint8), log_prior, number % 2, number.float(), discount)


def contents(replay: Replay) -> dict[int, tuple[int, float]]:
    """reward -> (what is observed next, discount) of all rows."""
    batch = replay.rows(torch.arange(replay.size))
    return {
        int(reward): (int(following), float(discount))
        for reward, following, discount in zip(
            batch.reward, batch.next_observation[:, 0], batch.discount, strict=True
        )
    }


def test_a_transition_leads_to_the_next_decision_of_its_episode() -> None:
    replay = Replay(10, 1, 2)
    push(replay, 0, 3)
    push(replay, 10, 2)
    rows = contents(replay)
    assert rows[0] == (1, 0.5)
    assert rows[1] == (2, 0.5)
    assert rows[2][1] == 0
    assert rows[10] == (11, 0.5)
    assert rows[11][1] == 0


def test_columns_come_back_as_they_were_pushed() -> None:
    replay = Replay(10, 1, 2)
    push(replay, 4, 3)
    batch = replay.rows(torch.tensor([0, 1]))
    assert batch.observation.dtype == batch.next_observation.dtype == torch.uint8
    assert batch.observation[:, 0].tolist() == [4, 5]
    assert batch.action.tolist() == [0, 1]
    assert batch.next_log_prior.tolist() == [[-5.0, -torch.inf], [-6.0, -torch.inf]]


def test_the_oldest_rows_make_room_and_transitions_stay_whole() -> None:
    replay = Replay(8, 1, 2)
    for start in range(0, 100, 10):
        push(replay, start, 5)
    rows = contents(replay)
    assert replay.size == 8
    assert sorted(rows) == [82, 83, 84, 90, 91, 92, 93, 94]
    for number, (following, discount) in rows.items():
        assert discount == 0 if number % 10 == 4 else following == number + 1


def test_a_push_larger_than_the_ring_keeps_its_end() -> None:
    replay = Replay(4, 1, 2)
    push(replay, 0, 3)
    push(replay, 10, 9)
    assert sorted(contents(replay)) == [15, 16, 17, 18]
    assert contents(replay)[17] == (18, 0.5)


def test_an_unfinished_episode_is_refused() -> None:
    replay = Replay(4, 1, 2)
    with pytest.raises(ValueError, match="whole episodes"):
        replay.push(
            torch.zeros(1, 1, dtype=torch.uint8), torch.zeros(1, 2), torch.zeros(1), torch.zeros(1), torch.ones(1)
        )


def test_an_empty_push_changes_nothing() -> None:
    replay = Replay(4, 1, 2)
    push(replay, 0, 2)
    nothing = torch.zeros(0)
    replay.push(torch.zeros(0, 1, dtype=torch.uint8), torch.zeros(0, 2), nothing, nothing, nothing)
    assert sorted(contents(replay)) == [0, 1]


def test_sampling_is_uniform_over_what_is_remembered_and_repeatable() -> None:
    replay = Replay(100, 1, 2)
    push(replay, 0, 4)
    first = replay.sample(8000, torch.Generator().manual_seed(2)).reward
    again = replay.sample(8000, torch.Generator().manual_seed(2)).reward
    assert torch.equal(first, again)
    assert (first.long().bincount(minlength=4) - 2000).abs().max() < 200


def test_a_restored_ring_goes_on_where_it_was() -> None:
    original, restored = Replay(8, 1, 2), Replay(8, 1, 2)
    for start in (0, 10, 20):
        push(original, start, 5)
    restored.restore({name: tensor.clone() for name, tensor in original.tensors().items()})
    for replay in (original, restored):
        push(replay, 30, 3)
    for name, tensor in original.tensors().items():
        assert torch.equal(tensor, restored.tensors()[name]), name


def test_a_ring_of_another_shape_is_refused() -> None:
    original = Replay(8, 1, 2)
    push(original, 0, 5)
    with pytest.raises(CheckpointError, match="does not fit"):
        Replay(8, 1, 3).restore(original.tensors())
    with pytest.raises(CheckpointError, match="does not fit"):
        Replay(4, 1, 2).restore(original.tensors())


def test_more_actions_than_a_byte_holds_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 256"):
        Replay(4, 1, 257)
