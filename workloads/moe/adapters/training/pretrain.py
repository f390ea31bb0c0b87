"""How an adapter learns the 48 tasks beside the frozen base, and what is measured while it does.

All kinds see the same batches of 32 sequences, each of a task by lot. The optimiser is `few_shot.py`'s.

    loss_mean             mean loss over all steps: the area under the learning curve
    loss_swing            mean change of the loss from step to step, in the second half of the steps
    steps_to_50           steps until half of the answers to held-out sequences are right, looked at every
                          25; the steps in all where that is not reached
    gradient_cosine       mean cosine between the gradients of 8 fixed tasks, of what all tasks share, at a
                          quarter, half and the whole of the steps
    active_first, active_last     experts a token runs, before the first step and after the last
    router_entropy        mean Tsallis entropy of routers of tokens, after the last step
    load_peak             pairs of the busiest expert of a site over an even share of them, likewise
    routing_entropy       of the tasks' mixtures, over log S

A training that the processor's time ends is looked at before and after alone, since looks cost time.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.moe.adapters.recipes import SURVEY, Recipe
from adabench.workloads.moe.adapters.substrate import (
    inventory,
    lora_experts,
    tuning_kinds,
)
from adabench.workloads.moe.adapters.substrate.adapter import Adapter, forward
from adabench.workloads.moe.adapters.substrate.base_model import SITES, Base, Site
from adabench.workloads.moe.adapters.substrate.few_shot import (
    Schedule,
    follow,
    import_optimiser,
    predict,
)
from adabench.workloads.moe.adapters.substrate.forward_pass import Pass, Work
from adabench.workloads.moe.adapters.substrate.instructed_tasks import (
    WORDS,
    Ints,
    Naming,
    Sequences,
    draw,
    training_tasks,
)
from adabench.workloads.moe.adapters.substrate.low_rank import fresh_lora, lora
from adabench.workloads.moe.adapters.substrate.tuned_rates import pretraining_rate
from adabench.workloads.shared.training.checkpoints import Progress

BATCH, LOOK_EVERY = 32, 25
PROBES, PROBE_SEED = 256, 1_000_307
ALIGNED, ALIGNED_EACH = 8, 16
"""Tasks whose gradients are compared, and sequences of each."""
_STREAM, _SHUFFLES = 62, 63
HALF = 0.5


def fresh(
    kind: str,
    generator: torch.Generator,
    sites: Sequence[Site] = SITES,
    tasks: int = len(training_tasks()),
) -> Adapter:
    """Return an untrained adapter of a kind, with rows for so many tasks if it has any."""
    if kind.startswith("lora-"):
        return fresh_lora(int(kind.removeprefix("lora-")), generator, sites)
    if is_inventory(kind):
        _, heads, skills = inventory.shape_of(kind)
        return inventory.fresh_inventory(skills, heads, inventory.RANK, generator, sites, tasks)
    even = (lora_experts.EXPERTS,) * (1 + max(site.layer for site in sites))
    layers = {"mola-layered": lora_experts.LAYERED}.get(kind, even)
    weights = lora_experts.fresh_experts(generator, layers, kind != "mola-random", sites)
    return mixture(kind, weights)


def is_inventory(kind: str) -> bool:
    """Tell inventories of Polytropon and MHR."""
    return kind.partition("-")[0] in ("poly", "mhr") and kind != "mhr-mu"


def mixture(kind: str, weights: dict[str, Tensor]) -> Adapter:
    """Return a mixture of experts as its kind is trained."""
    match kind:
        case "dynmole":
            return lora_experts.experts(weights, lora_experts.hybrid(), lora_experts.auxiliary())
        case "dynmole-plain":
            plain = lora_experts.auxiliary(entropy=0.0)
            return lora_experts.experts(weights, lora_experts.hybrid(), plain)
        case "soft":
            return lora_experts.experts(weights, lora_experts.every)
        case "mola-random":
            return lora_experts.experts(weights, lora_experts.coin(lora_experts.KEEP))
    return lora_experts.experts(weights, lora_experts.top(lora_experts.KEEP))


@dataclass
class Lesson:
    """A training on its way: where its batches come from, and what was measured of it."""

    recipe: Recipe
    base: Base
    adapter: Adapter
    progress: Progress
    clock: Callable[[], float] = time.process_time
    work: Work = field(default_factory=Work)
    losses: list[float] = field(default_factory=list)
    measured: dict[str, float] = field(default_factory=dict)
    cosines: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Open the streams: the same for all kinds of a training seed."""
        self.batches = np.random.Generator(np.random.PCG64((_STREAM, self.recipe.seed)))
        self.shuffles = np.random.Generator(np.random.PCG64((_SHUFFLES, self.recipe.seed)))
        self.lots = torch.Generator().manual_seed(_STREAM + self.recipe.seed)

    def loss(self, step: int) -> Tensor:
        """Return the loss of the next batch, and look at how it goes where that is due."""
        if not self.recipe.seconds and step % LOOK_EVERY == 0:
            self.look(step)
        places = self.batches.integers(len(training_tasks()), size=BATCH)
        batch = draw(self.batches, training_tasks(), places, naming_of(self.recipe))
        run = self.run(batch, torch.from_numpy(self.ids(batch)), self.work)
        found = answers_loss(run, self.adapter, batch)
        self.losses.append(float(found.detach()))
        if self.adapter.penalty is not None:
            found = found + self.adapter.penalty(self.adapter.weights, run)
        self.progress(min(step + 1, self.recipe.steps), self.recipe.steps)
        return found

    def ids(self, batch: Sequences) -> Ints:
        """Return what routers know the tasks of a batch by: by lot, anew each time, for the control."""
        if self.recipe.kind == "mhr-shuffled":
            return self.shuffles.integers(len(training_tasks()), size=len(batch.tasks))
        return batch.tasks

    def run(self, batch: Sequences, tasks: Tensor, work: Work) -> Pass:
        """Return a pass of training over a batch."""
        tokens = torch.from_numpy(batch.tokens)
        return Pass(self.base, tokens, tasks, work, training=True, generator=self.lots)

    def look(self, step: int) -> float:
        """Measure what it knows by now; return the share of right answers."""
        work = Work()
        found = accuracy(self.base, self.adapter, naming_of(self.recipe), work)
        if found >= HALF and not self.recipe.seconds:
            self.measured.setdefault("steps_to_50", float(step))
        if work.rows:
            active = work.pairs / work.rows
            self.measured.setdefault("active_first", active)
            self.measured["active_last"] = active
            self.measured["active_fall"] = self.measured["active_first"] - active
            self.measured["idle_last"] = work.offered / work.rows - active
        quarters = (self.recipe.steps // 4, self.recipe.steps // 2, self.recipe.steps)
        due = any(0 <= step - quarter < LOOK_EVERY for quarter in quarters)
        if due and not self.recipe.seconds:
            self.cosines.append(alignment(self.base, self.adapter, naming_of(self.recipe)))
        return found

    def history(self, steps: int, seconds: float) -> dict[str, Tensor]:
        """Return what was measured, as it is stored."""
        self.measured["accuracy_pretrained"] = self.look(steps)
        if not self.recipe.seconds:
            self.measured.setdefault("steps_to_50", float(self.recipe.steps))
        if self.cosines:
            self.measured["gradient_cosine"] = float(np.mean(self.cosines))
        self.measured |= routers(self.base, self.adapter, naming_of(self.recipe))
        if inventory.ROWS in self.adapter.weights:
            self.measured["routing_entropy"] = inventory.entropy(self.adapter.ended().weights)
        self.measured |= {
            "loss_mean": float(np.mean(self.losses)),
            "loss_swing": swing(self.losses[len(self.losses) // 2 :]),
            "pretraining_steps": float(steps),
            "pretraining_flops": float(self.work.flops),
            "pretraining_cpu_s": seconds,
        }
        return {f"history.{name}": torch.tensor(value) for name, value in self.measured.items()}


def train(
    recipe: Recipe,
    base: Base,
    progress: Progress,
    trunk: dict[str, Tensor] | None = None,
    rate: float | None = None,
) -> dict[str, Tensor]:
    """Train what a recipe says, at the rate that was tuned or at another; return weights and history."""
    if recipe.kind in SURVEY:
        adapter = tuning_kinds.fresh(recipe.kind, base, seeded(recipe), trunk)
    elif trunk is None:
        adapter = fresh(recipe.kind, seeded(recipe))
    else:
        adapter = lora(inventory.mean_adapter(trunk))
    rate = pretraining_rate(recipe.kind) if rate is None else rate
    lesson = Lesson(recipe, base, adapter.copied(), progress)
    import_optimiser()
    if recipe.seconds:
        lesson.look(0)
    began = lesson.clock()
    schedule = Schedule(rate, recipe.steps, recipe.seconds, BATCH, lesson.clock)
    steps = follow(lesson.adapter, lesson.loss, schedule)
    history = lesson.history(steps, lesson.clock() - began)
    return lesson.adapter.ended().weights | history


def seeded(recipe: Recipe) -> torch.Generator:
    """Return the generator of a recipe's first weights."""
    kind = int.from_bytes(hashlib.sha256(recipe.kind.encode()).digest()[:3], "big")
    return torch.Generator().manual_seed(recipe.seed * 2**24 + kind)


def naming_of(recipe: Recipe) -> Naming:
    """Return whether instruction words are there."""
    return "hidden" if recipe.naming == "hidden" else "named"


def answers_loss(run: Pass, adapter: Adapter, batch: Sequences) -> Tensor:
    """Return the mean loss of all answers of a batch."""
    logits = forward(run, adapter)[:, WORDS + 1 :]
    return F.cross_entropy(logits.flatten(0, 1), torch.from_numpy(batch.answers).flatten())


def probe(naming: Naming) -> Sequences:
    """Return sequences of the 48 tasks that are not trained on."""
    generator = np.random.Generator(np.random.PCG64(PROBE_SEED))
    places = np.arange(PROBES) % len(training_tasks())
    return draw(generator, training_tasks(), places, naming)


def accuracy(base: Base, adapter: Adapter, naming: Naming, work: Work) -> float:
    """Return the share of right answers to sequences of the 48 tasks that are not trained on."""
    batch = probe(naming)
    said = predict(base, adapter, batch.tokens, batch.tasks, work)[:, WORDS + 1 :]
    return float((said.numpy() == batch.answers).mean())


@torch.no_grad()
def routers(base: Base, adapter: Adapter, naming: Naming) -> dict[str, float]:
    """Return how certain routers of tokens are, and how even their experts' load is; nothing without any."""
    batch = probe(naming)
    lots = torch.Generator().manual_seed(PROBE_SEED)
    run = Pass(
        base, torch.from_numpy(batch.tokens), torch.from_numpy(batch.tasks), Work(), generator=lots
    )
    forward(run, adapter)
    if not run.gates:
        return {}
    entropies = [float(lora_experts.tsallis(gate.chances).mean()) for gate in run.gates]
    peaks = [_peak(gate.weights != 0) for gate in run.gates]
    return {"router_entropy": float(np.mean(entropies)), "load_peak": float(np.mean(peaks))}


def swing(losses: list[float]) -> float:
    """Return the mean change from one loss to the next; 0 for a single one."""
    return float(np.abs(np.diff(losses)).mean()) if len(losses) > 1 else 0.0


def _peak(active: Tensor) -> float:
    """Return the largest load of an expert over the mean one."""
    load = active.float().mean(0)
    return float(load.max() / load.mean())


def alignment(base: Base, adapter: Adapter, naming: Naming) -> float:
    """Return the mean cosine between gradients of several tasks, of the weights that all share."""
    shared = [
        value for name, value in adapter.trained.items() if not name.startswith(("z.", "gate."))
    ]
    rows = []
    for task in range(0, len(training_tasks()), len(training_tasks()) // ALIGNED):
        generator = np.random.Generator(np.random.PCG64((PROBE_SEED, task)))
        places = np.full(ALIGNED_EACH, task)
        batch = draw(generator, training_tasks(), places, naming)
        run = Pass(
            base, torch.from_numpy(batch.tokens), torch.from_numpy(batch.tasks), Work(),
            generator=torch.Generator().manual_seed(task),
        )  # fmt: skip
        found = torch.autograd.grad(answers_loss(run, adapter, batch), shared)
        rows.append(F.normalize(torch.cat([one.flatten() for one in found]), dim=0))
    cosines = torch.stack(rows) @ torch.stack(rows).T
    apart = ~torch.eye(len(rows), dtype=torch.bool)
    return float(cosines[apart].mean())
