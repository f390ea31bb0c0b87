"""A judge that looks at the policy's own states: a small head, fitted to how its roll-outs ended.

    x = (h, z)      h: the policy's final state at the last word of a step
                    z: mean log-probability of the step, of all words so far, the least of a step's;
                    steps so far / 10; whether the completion has ended
    score = sigmoid(w . (x - mean) / spread + b)

The states are those that the cache holds, so judging reads nothing again: it costs the head's FLOPs. What
it was fitted to, and on which weights, is in its card; on other weights it is refused.
"""

import json
import math
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from adabench.harness.errors import EnvironmentProblem
from adabench.workloads.shared.language_model.batched.session_models import SessionModels
from adabench.workloads.shared.language_model.contract import Costs, Seq, require
from adabench.workloads.shared.sources.model_digest import model_digest
from adabench.workloads.shared.sources.model_spec import ModelSpec
from adabench.workloads.shared.training import checkpoints
from adabench.workloads.test_time.text.recipes import FOLDER, recipe_of
from adabench.workloads.test_time.text.substrate.shared_prefix import SharedPrefix

FEATURES = 5


@dataclass(frozen=True)
class StateHead:
    """What turns states with features into scores."""

    weight: Tensor
    """[width + FEATURES], on states as they are."""
    bias: float

    def scores(self, rows: Tensor) -> list[float]:
        """Return the score of each row [n, width + FEATURES]."""
        found: list[float] = torch.sigmoid(rows @ self.weight + self.bias).tolist()
        return found


class StateJudge:
    """Scores steps by a head on the policy's states."""

    def __init__(self, policy: SharedPrefix, marks: frozenset[int], head: StateHead) -> None:
        self.name, self.vocabulary = f"a head on {policy.name}", policy.vocabulary
        self._policy, self._marks, self._head = policy, marks, head
        self._scores: dict[Seq, tuple[float, ...]] = {}

    def of_session(self, models: SessionModels) -> "StateJudge":
        """Return one with readings of its own, for one of several sessions side by side."""
        own = copy(self)
        own._policy = models.view(self._policy)
        own._scores = {}
        return own

    def reset(self, costs: Costs) -> None:
        """Forget every sequence; its costs are the policy's."""
        self._scores.clear()

    def follow(self, parent: Seq, children: Sequence[Seq]) -> None:
        """Let what was scored of a parent count for its children."""
        if parent in self._scores:
            self._scores.update(dict.fromkeys(children, self._scores[parent]))

    def forget(self, seq: Seq) -> None:
        """Let go of a sequence."""
        self._scores.pop(seq, None)

    def scores(self, seqs: Sequence[Seq]) -> list[tuple[float, ...]]:
        """Return a score for every whole step of each sequence, and one for stopping.

        Raises:
            CapabilityMissing: if the policy's backend shows no states, or no log-probabilities.
        """
        require(self._policy, "hidden", "logprobs")
        for seq in seqs:
            known = self._scores.get(seq, ())
            rows = moments(self._policy, seq, self._marks, first=len(known))
            if len(rows):
                self._policy.costs.meter["flops"] += 2 * rows.numel()
                known += tuple(self._head.scores(rows))
            self._scores[seq] = known
        return [self._scores[seq] for seq in seqs]


def moments(policy: SharedPrefix, seq: Seq, marks: frozenset[int], *, first: int = 0) -> Tensor:
    """Return states and features [n, width + FEATURES] of a completion's steps, from one on.

    The last one is that of stopping, if the completion has ended: an end has no state of its own, so
    it is judged at the word before.
    """
    words, chances = seq.completion, policy.chances(seq)
    ends = [i + 1 for i, word in enumerate(words) if word in marks]
    spans = list(zip([0, *ends], ends, strict=False))
    if seq.finished:
        spans.append((spans[-1][1] if spans else 0, len(words)))
    if first >= len(spans):
        return torch.empty(0)
    states = policy.hidden(seq, seq.start - 1)
    least, rows = 0.0, []
    for number, (a, b) in enumerate(spans):
        least = min(least, _mean(chances[a:b]))
        if number >= first:
            stops = seq.finished and number == len(spans) - 1
            seen = (_mean(chances[a:b]), _mean(chances[:b]), least, (number + 1) / 10, float(stops))
            at = min(b, len(states) - 1)
            rows.append(np.concatenate((states[at], np.asarray(seen, np.float32))))
    return torch.from_numpy(np.stack(rows).astype(np.float32))


def _mean(chances: Sequence[float]) -> float:
    """Return a mean log-probability, none below -20; forced words have none."""
    drawn = [max(chance, -20.0) for chance in chances if not math.isnan(chance)]
    return math.fsum(drawn) / len(drawn) if drawn else 0.0


def check_trained(policy: ModelSpec) -> None:
    """Make sure that a head was fitted to just these weights.

    Raises:
        EnvironmentProblem: saying how to fit one.
    """
    plan = recipe_of(str(policy))
    home = checkpoints.home(plan.name, FOLDER)
    remedy = f"Fit one, in about {plan.forecast_s} s of one core: adabench train {plan.words}"
    if not checkpoints.is_there(plan.name, FOLDER):
        raise EnvironmentProblem(f"No judge was fitted to {policy}, and a run fits none.", remedy)
    if card_of(home / f"{plan.name}.json").get("weights") != model_digest(policy):
        raise EnvironmentProblem(f"The judge in {home} was fitted to other weights.", remedy)


def trained_judge(spec: ModelSpec, policy: SharedPrefix, marks: frozenset[int]) -> StateJudge:
    """Return the judge that was fitted to a policy.

    Raises:
        EnvironmentProblem: if none was fitted to just these weights.
    """
    check_trained(spec)
    plan = recipe_of(str(spec))
    found = checkpoints.weights(plan.name, checkpoints.home(plan.name, FOLDER), plan.forecast_s)
    return StateJudge(policy, marks, StateHead(found["weight"], float(found["bias"])))


def card_of(path: Path) -> dict[str, object]:
    """Return what a fitted file's card says; nothing where there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
