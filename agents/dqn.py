"""Deep Q-learning of one agent: the network, its slow copy, the optimiser and one gradient step.

Soft values against a frozen prior (KL control, Jaques et al. 2017, https://arxiv.org/abs/1611.02796) or plain hard
ones; double (van Hasselt et al. 2016) and dueling (Wang et al. 2016) by configuration. What slots and actions
mean, it does not know.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import cached_property

import torch
from torch import Tensor

from agents import losses
from agents.config import AgentConfig
from agents.networks import Network
from agents.replay import Batch
from agents.seeding import generator
from composer.environment import Relation

_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


class DQN:
    """An :class:`agents.agent.Agent` whose values are a network.

    Args:
        sizes: number of values of each of its K slots.
        actions: number of actions A.
        config: how it learns.
        prior: its frozen prior, or None for the uniform choice.
        seed: what its weights and its randomness are derived from.
        device: where its tensors live.
        relations: between its slots and its actions, see :class:`agents.networks.Network`.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        actions: int,
        config: AgentConfig,
        *,
        prior: Network | None = None,
        seed: int = 0,
        device: torch.device | str = "cpu",
        relations: Sequence[Relation] = (),
    ) -> None:
        self.config = config
        self.temperature = config.temperature
        self.generator = generator(seed, "behaviour", device=device)
        self.prior = prior
        weights = generator(seed, "weights")
        network = Network(
            sizes,
            actions,
            hidden=config.hidden,
            dueling=config.dueling,
            generator=weights,
            relations=relations,
        )
        self.online = network.to(device)
        self.target = copy.deepcopy(self.online).requires_grad_(False)

    @cached_property
    def optimizer(self) -> torch.optim.Adam:
        """Made at the first update: the first optimiser of a process loads torch's compiler, which takes a second."""
        return torch.optim.Adam(self.online.parameters(), lr=self.config.learning_rate, fused=True)

    def values(self, observation: Tensor) -> Tensor:
        """Action values (N, A) of observations (N, K) uint8."""
        q: Tensor = self.online(observation)
        return q

    def update(self, batch: Batch) -> dict[str, Tensor]:
        """One gradient step and one step of the target network; gives ``loss``, ``mean_q`` and ``td_error``."""
        config = self.config
        with torch.no_grad():
            q_t_value = self.target(batch.next_observation)
            q_t_selector = self.online(batch.next_observation) if config.double else q_t_value
        q_tm1 = self.online(batch.observation)
        transition = (q_tm1, batch.action, batch.reward, batch.discount)
        following = (q_t_value, q_t_selector, batch.next_log_prior)
        if config.target == "soft":
            error = losses.soft_double_q_learning(*transition, *following, self.temperature)
        else:
            error = losses.double_q_learning(*transition, *following)
        loss = losses.huber(error, config.huber_delta).mean()
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        with torch.no_grad():
            for slow, fast in zip(self.target.parameters(), self.online.parameters(), strict=True):
                slow.lerp_(fast, config.polyak)
            mean_q = losses.chosen(q_tm1, batch.action).mean()
        return {"loss": loss.detach(), "mean_q": mean_q, "td_error": error.detach().abs().mean()}

    def model_tensors(self) -> dict[str, Tensor]:
        """The online network's parameters."""
        return {f"online.{name}": tensor for name, tensor in self.online.state_dict().items()}

    def learning_tensors(self) -> dict[str, Tensor]:
        """The target network, the optimiser's moments and the generator's state."""
        tensors = {f"target.{name}": tensor for name, tensor in self.target.state_dict().items()}
        for name, parameter in self.online.named_parameters():
            for key, value in self.optimizer.state[parameter].items():
                tensors[f"optimizer.{name}.{key}"] = value
        return {**tensors, "generator": self.generator.get_state()}

    def restore(self, model: Mapping[str, Tensor], learning: Mapping[str, Tensor] | None = None) -> None:
        """Take over a model, and where it is given the state of its learning."""
        online = {name: model[f"online.{name}"] for name in self.online.state_dict()}
        self.online.load_state_dict(online)
        self.target.load_state_dict(online)
        self.__dict__.pop("optimizer", None)
        if learning is None:
            return
        self.target.load_state_dict({name: learning[f"target.{name}"] for name in online})
        names = [name for name, _ in self.online.named_parameters()]
        moments = {
            index: {key: learning[f"optimizer.{name}.{key}"].clone() for key in _MOMENTS}
            for index, name in enumerate(names)
            if f"optimizer.{name}.step" in learning
        }
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": moments})
        self.generator.set_state(learning["generator"].cpu())
