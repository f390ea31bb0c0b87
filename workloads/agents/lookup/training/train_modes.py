"""A2FM's two stages: a policy reads modes off questions, and then learns by reward which mode each needs.

**Routing.** It goes on from a policy of the family, on traces whose mode follows the size of the question
(`trace_mixture.by_size`); the modes overlap, and single operations are as often thought out as answered at
once. Where modes say nothing of the size, rewards settle on one mode for all sizes before they tell these apart.

**Adaptive policy optimisation.** For each question two episodes are forced into each mode (`dir`, `cot`, `act`) and four begin with the mode that
the policy draws. What an episode is worth:

    forced   right * well formed
    free     right * well formed * a      a = 1 at once, else 1 - p^2

p: the share of right answers among the episodes that were forced to answer at once. So where that does, a dear
mode earns nothing. Without the adaptive term a is 1. Worth is normalised within the ten episodes of a
question. Reinforced is the mode that a policy chose, one word of each free episode: how it answers in a mode is
what it learned before, and a pull back to that (`PULL`, in nats a word) on all its own words keeps it so. The
paper reinforces these words too; here that taught some policies to do two operations at once, and others to
pass over hints, which their gates refuse.

A2FM's paper gives neither the numbers of episodes nor how the three rewards are combined: product, two and
four are ours.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.agents.lookup.training import train_policies
from adabench.workloads.agents.lookup.training.trace_mixture import routed_prompts, routed_traces
from adabench.workloads.agents.substrate.action_steps import Ids, stated, tool_places
from adabench.workloads.agents.substrate.action_words import (
    ACT,
    ACTION_VOCABULARY,
    CHAIN,
    DIRECT,
    PAD,
)
from adabench.workloads.agents.substrate.episodes import EpisodeLoop, due_result
from adabench.workloads.agents.substrate.fault_plans import draw_faults
from adabench.workloads.agents.substrate.policy_recipes import ModeRecipe
from adabench.workloads.agents.substrate.seeded_draws import Draws
from adabench.workloads.agents.substrate.tool_server import ToolServer
from adabench.workloads.agents.truth.problems import QUESTION_KINDS, Problem, draw_problem
from adabench.workloads.shared.language_model.contract import Costs, Seq, mix
from adabench.workloads.shared.language_model.model import LanguageModel
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.trainer import Trainer, silent

PROMPTS, WARM_UP = 128, 20
"""Beside each batch of traces: prompts of which the mode is learned; steps of routing that warm up."""
QUESTIONS, FORCED, FREE = 32, 2, 4
FORCED_MODES = (DIRECT, CHAIN, ACT)
ALPHA, PULL, CLIP, LEAST_SPREAD = 2.0, 1.0, 1.0, 1e-3
_MODES = 0xA90


@dataclass(frozen=True)
class Episode:
    """An episode, and what it is worth beside the others of its question."""

    prompt: Ids
    completion: Ids
    first: int
    """Where the words of the policy begin: behind a mode that was forced."""
    advantage: float


def train(plan: ModeRecipe, start: LanguageModel, progress: Progress = silent) -> LanguageModel:
    """Return a policy that went on from another one."""
    model = routed(plan, start)
    before = copy.deepcopy(model).requires_grad_(False)
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=plan.rate, betas=(0.9, 0.98), weight_decay=0.0
    )

    def slope(update: int) -> Tensor:
        key = mix(_MODES, plan.seed, update)
        return loss(model, before, rollouts(model, key, is_adaptive=plan.is_adaptive))

    Trainer(optimiser, clip=CLIP).fit(slope, plan.steps, progress)
    return model.eval().requires_grad_(False)


def routed(plan: ModeRecipe, start: LanguageModel) -> LanguageModel:
    """Return a policy whose modes follow the sizes of questions: where rewards begin."""
    model = LanguageModel(start.shape)
    model.load_state_dict(start.state_dict())
    steps, batches = plan.routed_steps, train_policies.batches
    drawn = batches(routed_traces(plan.seed), plan.seed, plan.batch)
    prompts = batches(routed_prompts(plan.seed), plan.seed, PROMPTS, pool_batches=1)
    train_policies.fit(model, drawn, steps, plan.routed_rate, warm_up=WARM_UP, beside=prompts)
    return model


def rollouts(model: LanguageModel, seed: int, *, is_adaptive: bool) -> list[Episode]:
    """Return the episodes of one update; those of which all of a question are worth the same are left out."""
    engine = NativeEngine(model, "policy", Costs(), vocabulary=ACTION_VOCABULARY)
    draws, groups = Draws(seed), list[tuple[Problem, list[Seq]]]()
    servers: dict[Seq, ToolServer] = {}
    for index in range(QUESTIONS):
        key = mix(seed, index)
        family, size = draws.pick(QUESTION_KINDS)
        problem = draw_problem(family, size, mix(key, 1), "train")
        server = ToolServer(problem.world, draw_faults(mix(key, 2)), deadline_s=0.0)
        seqs = _opened(engine, problem, key)
        groups.append((problem, seqs))
        servers |= dict.fromkeys(seqs, server)
    loop = EpisodeLoop(
        engine.decode, engine.append, lambda seq: due_result(servers[seq], seq.completion)[1]
    )
    loop.finish(list(servers))
    return [
        one for problem, seqs in groups for one in _valued(problem, seqs, is_adaptive=is_adaptive)
    ]


def _opened(engine: NativeEngine, problem: Problem, key: int) -> list[Seq]:
    """Return the sequences of one question: forced into each mode in turn, then free."""
    root = engine.open(problem.prompt, key)
    seqs = engine.fork(root, FORCED * len(FORCED_MODES) + FREE)
    forced = [mode for mode in FORCED_MODES for _ in range(FORCED)]
    engine.append(seqs[: len(forced)], [(mode,) for mode in forced])
    return seqs


def _valued(problem: Problem, seqs: Sequence[Seq], *, is_adaptive: bool) -> list[Episode]:
    count = FORCED * len(FORCED_MODES)
    right = [stated(seq.completion) == problem.answer for seq in seqs]  # malformed is never right
    at_once = sum(right[:FORCED]) / FORCED
    worth = [float(one) for one in right[:count]]
    for seq, is_right in zip(seqs[count:], right[count:], strict=True):
        is_dear = seq.completion[:1] != (DIRECT,)
        worth.append(is_right * (1 - at_once**ALPHA if is_adaptive and is_dear else 1.0))
    mean = sum(worth) / len(worth)
    spread = (sum((one - mean) ** 2 for one in worth) / len(worth)) ** 0.5
    if spread < LEAST_SPREAD:
        return []
    return [
        Episode(problem.prompt, seq.completion, int(k < count), (one - mean) / spread)
        for k, (seq, one) in enumerate(zip(seqs, worth, strict=True))
    ]


def loss(model: LanguageModel, before: LanguageModel, episodes: Sequence[Episode]) -> Tensor:
    """Return what is to be made small: modes by their advantage, and the pull back of own words."""
    ids, targets, advantages, own = padded(episodes)
    now = _chances(model, ids, targets, own)
    with torch.no_grad():
        then = _chances(before, ids, targets, own)
    gap = then - now
    pull = gap.exp() - gap - 1  # an estimate of the divergence that is never below 0
    shares = (own / own.sum(1, keepdim=True).clamp_min(1))[own] / len(episodes)
    free = max(1, sum(not one.first for one in episodes))
    return (PULL * pull * shares).sum() - (advantages[own] * now).sum() / free


def _chances(model: LanguageModel, ids: Tensor, targets: Tensor, own: Tensor) -> Tensor:
    """Return the log-probabilities of own words."""
    logits = F.linear(model.states(ids)[own], model.embedding.weight)
    return -F.cross_entropy(logits, targets[own], reduction="none")


def padded(episodes: Sequence[Episode]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return ids, next words, advantages of chosen modes and where own words are, all [episodes, T]."""
    width = max(len(one.prompt) + len(one.completion) for one in episodes) - 1
    ids = torch.full((len(episodes), width), PAD)
    targets, advantages = torch.full_like(ids, PAD), torch.zeros(len(episodes), width)
    own = torch.zeros(len(episodes), width, dtype=torch.bool)
    for row, one in enumerate(episodes):
        whole = torch.tensor((*one.prompt, *one.completion))
        begin = len(one.prompt) - 1
        ids[row, : len(whole) - 1], targets[row, : len(whole) - 1] = whole[:-1], whole[1:]
        own[row, begin + one.first : len(whole) - 1] = True
        own[row, [begin + place for place in tool_places(one.completion)]] = False
        if not one.first:
            advantages[row, begin] = one.advantage
    return ids, targets, advantages, own
