import torch

from agents.agent import log_prior, preferences
from agents.config import AgentConfig
from agents.dqn import DQN
from agents.networks import Network, dueling
from agents.seeding import derive, generator
from composer.environment import Relation

SIZES = (3, 5, 2)


def observations(count: int, seed: int = 0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.stack([torch.randint(size, (count,), generator=random) for size in SIZES], 1).to(torch.uint8)


def network(**changes: object) -> Network:
    options = {"hidden": 16, "dueling": True, "generator": torch.Generator().manual_seed(5), **changes}
    return Network(SIZES, 4, **options)  # type: ignore[arg-type]


def test_a_new_network_values_all_actions_alike() -> None:
    assert torch.equal(network()(observations(20)), torch.zeros(20, 4))


def test_the_policy_of_a_new_agent_is_its_prior() -> None:
    prior = network(dueling=False)
    with torch.no_grad():
        prior.head_weight.normal_(generator=torch.Generator().manual_seed(1))
    agent = DQN(SIZES, 4, AgentConfig(hidden=16, temperature=0.01), prior=prior)
    seen, legal = observations(30), torch.ones(30, 4, dtype=torch.bool)
    legal[:, 1] = False
    held = log_prior(agent, seen, legal)
    assert torch.allclose(preferences(agent, seen, held), held.exp())
    assert (held.exp().std(0)[[0, 2, 3]] > 0.01).all()
    assert (held[:, 1] == -torch.inf).all()


def test_an_action_scores_for_itself_and_for_its_kinds() -> None:
    # Slot 1 (values 0..4) to actions 0..3: kind 0 for value 0, else 1 where the action is the value less one, or 2.
    table = torch.tensor([[0] * 4] + [[1 if action == value else 2 for action in range(4)] for value in range(4)])
    net = network(dueling=False, relations=(Relation(1, table),))
    assert net.head_weight.shape[0] == 4 + 3
    with torch.no_grad():
        net.head_bias.copy_(torch.tensor([0.5, 0.0, 0.0, -1.0, 10.0, 20.0, 30.0]))
    seen = torch.tensor([[0, 0, 0], [2, 3, 1]], dtype=torch.uint8)
    assert net(seen).tolist() == [[10.5, 10.0, 10.0, 9.0], [30.5, 30.0, 20.0, 29.0]]


def test_dueling_mean_is_the_state_value() -> None:
    value, advantage = torch.tensor([[2.0], [-1.0]]), torch.tensor([[1.0, 2.0, 6.0], [0.0, 0.0, 3.0]])
    q = dueling(value, advantage)
    assert torch.equal(q, torch.tensor([[0.0, 1.0, 5.0], [-2.0, -2.0, 1.0]]))
    assert torch.equal(q.mean(1, keepdim=True), value)


def test_each_value_of_each_slot_has_a_row_of_its_own() -> None:
    net = network()
    with torch.no_grad():
        net.head_weight.normal_(generator=torch.Generator().manual_seed(1))
    every = torch.cartesian_prod(*(torch.arange(size, dtype=torch.uint8) for size in SIZES))
    assert len(net(every).unique(dim=0)) == 3 * 5 * 2
    assert net.table.shape[0] == sum(SIZES)


def test_the_bag_is_a_linear_layer_over_one_hot_slots() -> None:
    net, seen = network(), observations(10)
    with torch.no_grad():
        net.head_weight.normal_(generator=torch.Generator().manual_seed(1))
        hot = torch.cat(
            [torch.nn.functional.one_hot(seen[:, i].long(), size) for i, size in enumerate(SIZES)], 1
        ).float()
        normed = torch.nn.functional.layer_norm(hot @ net.table, (16,))
        hidden = torch.nn.functional.layer_norm(normed.relu() @ net.linear_weight.T, (16,)).relu()
        out = hidden @ net.head_weight.T
        assert torch.allclose(net(seen), dueling(out[:, :1], out[:, 1:]), atol=1e-5)


def test_building_a_network_leaves_the_global_generator_alone() -> None:
    before = torch.random.get_rng_state()
    DQN(SIZES, 4, AgentConfig(hidden=16), seed=3)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_same_seed_same_weights_another_seed_others() -> None:
    first, second, other = (DQN(SIZES, 4, AgentConfig(hidden=16), seed=seed) for seed in (3, 3, 4))
    assert torch.equal(first.online.table, second.online.table)
    assert not torch.equal(first.online.table, other.online.table)


def test_owners_have_streams_of_their_own() -> None:
    assert derive(1, "chord") != derive(1, "rhythm") != derive(2, "rhythm")
    assert derive(1, "a", "b") == derive(1, "a", "b")
    drawn = [torch.rand(3, generator=generator(1, name)) for name in ("chord", "chord", "melody")]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
