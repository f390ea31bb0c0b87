"""How a head on a policy's states is fitted, and how good it is on questions that it was not fitted to.

The policy answers sums of the `train` split, several times each. Every step of a roll-out is a row, and
whether its answer was right is the label of all its rows. The head is a logistic regression on
standardised rows with a ridge, solved to its end: no seed, no order, no learning rate.

**Held out** are the last quarter of the questions. `auc_within` compares a right and a wrong roll-out of
the same question, by the score of stopping: what a judge is chosen by. Pooled, a judge that only
knows which question is hard looks good.
"""

from typing import Any

import torch
from torch import Tensor

from adabench.harness.errors import EnvironmentProblem, SelectionError
from adabench.workloads.shared.language_model.contract import Costs, mix
from adabench.workloads.shared.sources.model_spec import ModelSpec
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.test_time.text.recipes import BANK_LEVEL, Recipe
from adabench.workloads.test_time.text.substrate.shared_prefix import SharedPrefix
from adabench.workloads.test_time.text.substrate.state_judge import moments
from adabench.workloads.test_time.text.truth import arithmetic
from adabench.workloads.test_time.text.truth.practice import Practice, practice

RIDGE = 30.0
"""Of the sum of squared weights, beside the sum of losses; states are wide and rows few."""
ROUNDS = 200
HELD_OUT = 4
"""Every so many-th part of the questions, at their end."""
_KEY = 0x7EA


def train(
    plan: Recipe, spec: ModelSpec, progress: Progress
) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Return a head's weights, and what it is worth on held-out questions.

    Raises:
        SelectionError: for a model that shows no states.
        EnvironmentProblem: if its roll-outs are all right or all wrong.
    """
    if spec.is_served:
        raise SelectionError(
            f"{spec} shows no states, so no head can be fitted to them.", "Name hf:NAME or smollm2."
        )
    asked = practice(spec, arithmetic.read_levels(BANK_LEVEL), plan.seed, plan.steps)
    groups = []
    for index in range(plan.steps):
        groups.append(_rolled(asked, index, plan.samples))
        progress(index + 1, plan.steps)
    known = groups[: -max(1, plan.steps // HELD_OUT)]
    rows = torch.cat([rows for group in known for rows, _ in group])
    labels = torch.cat(
        [torch.full((len(rows),), right) for group in known for rows, right in group]
    )
    if not 0 < float(labels.mean()) < 1:
        raise EnvironmentProblem(
            f"{spec} answers these sums {'always' if labels.any() else 'never'} right: there is "
            "nothing to learn from.",
            "Choose --judge likelihood or hf:NAME for this model.",
        )
    weight, bias = fitted(rows, labels)
    return {"weight": weight, "bias": bias}, report(groups[len(known) :], weight, float(bias))


Group = list[tuple[Tensor, float]]
"""The roll-outs of a question: rows of each, and whether it was right."""


def _rolled(asked: Practice, index: int, samples: int) -> Group:
    policy: SharedPrefix = asked.policy
    policy.reset(Costs())
    leaves = policy.fork(policy.open(asked.prompts[index], mix(_KEY, index)), samples)
    policy.decode(leaves, max_new=asked.room, temperature=asked.temperature)
    found = []
    for leaf in leaves:
        rows = moments(policy, leaf, asked.marks)
        if len(rows):
            found.append((rows, float(asked.is_right(index, leaf.completion))))
    return found


def fitted(rows: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return weight [n] and bias of a logistic regression, on rows as they are."""
    mean, spread = rows.mean(0), rows.std(0).clamp(min=1e-4)
    seen = (rows - mean) / spread
    weight = torch.zeros(rows.shape[1], requires_grad=True)
    bias = torch.zeros((), requires_grad=True)
    solver = torch.optim.LBFGS([weight, bias], max_iter=ROUNDS, line_search_fn="strong_wolfe")

    def loss() -> Any:
        solver.zero_grad()
        logits = seen @ weight + bias
        found = torch.nn.functional.binary_cross_entropy_with_logits(
            logits, labels, reduction="sum"
        )
        found = found + RIDGE * weight.square().sum()
        found.backward()  # type: ignore[no-untyped-call]
        return found

    solver.step(loss)  # type: ignore[no-untyped-call]
    own = (weight / spread).detach()
    return own, (bias - own @ mean).detach()


def report(groups: list[Group], weight: Tensor, bias: float) -> dict[str, float]:
    """Return what the score of stopping tells of held-out roll-outs."""
    pairs, ordered, chosen, chance = 0, 0.0, [], []
    for group in groups:
        scores = [float(rows[-1] @ weight + bias) for rows, _ in group]
        rights = [right for _, right in group]
        if not group:
            continue
        chosen.append(rights[max(range(len(scores)), key=lambda i: scores[i])])
        chance.append(sum(rights) / len(rights))
        for one, right in zip(scores, rights, strict=True):
            for other, wrong in zip(scores, rights, strict=True):
                if right > wrong:
                    pairs, ordered = pairs + 1, ordered + (one > other) + 0.5 * (one == other)
    found = {
        "questions": float(len(chosen)),
        "chosen": sum(chosen) / max(1, len(chosen)),
        "chance": sum(chance) / max(1, len(chance)),
        "pairs": float(pairs),
        "auc_within": ordered / pairs if pairs else 0.5,
    }
    return {name: round(value, 4) for name, value in found.items()}
