"""Trains the whole model of a seed, prunes it in every way, and fine-tunes what is left, equally long in all.

Routing: the whole model is frozen, and gates of a batch's prompts multiply its channels. The loss is the paper's,

    L_diff + 2 |log(share / target)| + 100 L_contrast + .2 L_distill + .2 L_block - .1 std(shares) + .1 (1 - max share)

first with the predictor's own gates, then, nine tenths of the steps, with those of codes. Then all widths are shifted by one
number until prompts cost in the mean what the single model costs. Fine-tuning: .01 L_diff + .5 L_distill + .5 L_block
against the whole model; each model takes the share of the steps that it has of the prompts.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.depth_width.draw.methods.aptp.architecture_codes import (
    Router,
    contrast,
    gumbel,
    hard,
    likeness,
    random_router,
    relaxed,
    transported,
)
from adabench.workloads.depth_width.draw.methods.aptp.prompt_lots import lots
from adabench.workloads.depth_width.draw.substrate.diffusion import Noisy, spread_noise
from adabench.workloads.depth_width.draw.substrate.gated_unet import (
    BLOCKS,
    GATES,
    GROUPS,
    GatedUNet,
    Read,
    hardened,
    shares,
)
from adabench.workloads.depth_width.draw.substrate.prompted_pictures import (
    WIDTH,
    Pictures,
    draw,
    encode,
)
from adabench.workloads.depth_width.draw.substrate.trained_arms import Arm
from adabench.workloads.depth_width.draw.substrate.training_names import (
    BUDGETS,
    CODES,
    PER_SAMPLE,
    SHORT,
    TARGET,
)
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.schedule import cosine
from adabench.workloads.shared.training.trainer import Trainer, seeded

POOL = 6000
"""Pictures of a training."""
RATE, ROUTER_RATE, TUNING_RATE, CLIP = 4e-3, 5e-2, 2e-3, 1.0
UNPROMPTED = 0.1
"""Share of pictures whose prompt is left out, which guidance needs."""
PREDICTED = 0.1
"""Share of the steps of routing before codes are used."""


@dataclass(frozen=True)
class Plan:
    """What to train, on which pictures, from which seed."""

    name: str
    source: str
    seed: int
    steps: int = 1800
    """Of the whole model."""
    routing_steps: int = 300
    """Of each router."""
    batch: int = 64
    tuning_batch: int = 48


@dataclass(frozen=True)
class Lesson:
    """What a training reads: pictures, and the vectors of their prompts."""

    pictures: Pictures
    prompts: Tensor
    """[n, WIDTH]."""
    random: torch.Generator

    def batch(self, size: int, own: Tensor | None = None) -> tuple[Noisy, Tensor, Tensor]:
        """Draw noisy pictures, of some places only if they are given; return them, their prompts, and their places."""
        count = len(self.prompts) if own is None else len(own)
        chosen = torch.randint(count, (size,), generator=self.random)
        places = chosen if own is None else own[chosen]
        return spread_noise(self.pictures.images[places], self.random), self.prompts[places], places

    def unprompted(self, prompts: Tensor) -> Tensor:
        """Return prompts of which some are left out."""
        there = torch.rand(len(prompts), generator=self.random) >= UNPROMPTED
        return prompts * there[:, None]


@dataclass(frozen=True)
class Pruned:
    """A way of pruning: structures, and which of them each prompt takes."""

    structures: Tensor
    """[N, GATES]; of `per_sample` one a picture."""
    codes: Tensor
    """[n], of the training's pictures."""
    router: Router | None = None

    def share(self, side: int) -> float:
        """Return the mean share of multiplications over the pictures."""
        return float(shares(self.structures, side)[self.codes].mean())

    @property
    def alone(self) -> bool:
        """Return whether each picture has a structure of its own."""
        return len(self.structures) > CODES

    def arm(self, networks: tuple[GatedUNet, ...], *, dealt: bool) -> Arm:
        """Return the arm that fine-tuned networks are."""
        dealt_shares = used(self.codes, len(networks)) if dealt else None
        structures = torch.ones(1, GATES) if self.alone else self.structures
        chosen = not dealt and (self.alone or len(networks) > 1)
        parts = self.router.parts() if self.router and chosen else {}
        return Arm(networks, structures, parts, dealt_shares)


def train(
    plan: Plan, progress: Progress
) -> tuple[GatedUNet, dict[tuple[str, int], Arm], dict[str, Any]]:
    """Train all of a seed; return the whole model, arms by name and budget, and facts."""
    with seeded(plan.seed):
        pictures = draw(plan.source, "train", POOL, plan.seed)
        random = torch.Generator().manual_seed(plan.seed)
        lesson = Lesson(pictures, encode(pictures.prompts, plan.source), random)
        steps = plan.steps + 4 * plan.routing_steps + 6 * BUDGETS[-1] + 2 * sum(BUDGETS[:-1])
        done = 0

        def tick() -> None:
            nonlocal done
            done += 1
            progress(done, steps)

        whole = base(plan, lesson, tick)
        ways = prune(plan, whole, lesson, tick)
        found: dict[tuple[str, int], Arm] = {}
        for name, way in ways.items():
            for budget in BUDGETS if name in SHORT else BUDGETS[-1:]:
                networks = tuple(fine_tune(plan, whole, way, lesson, budget, tick))
                found[name, budget] = way.arm(networks, dealt=name == "random_codes")
    side = pictures.images.shape[-1]
    return whole, found, {"shares": {name: round(way.share(side), 4) for name, way in ways.items()}}


def used(codes: Tensor, count: int) -> Tensor:
    """Return the share of pictures that has each code, [count], as it is written."""
    return (codes.bincount(minlength=count) / len(codes)).half().float()


def base(plan: Plan, lesson: Lesson, tick: Any) -> GatedUNet:
    """Train the whole model."""
    model = GatedUNet()
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=1e-4, fused=True)

    def loss(step: int) -> Tensor:
        del step
        given, prompts, _ = lesson.batch(plan.batch)
        return denoising(model(given.x, given.time, lesson.unprompted(prompts)), given)

    trainer = Trainer(optimiser, schedule=cosine(plan.steps, 50.0), clip=CLIP)
    trainer.fit(loss, plan.steps, lambda *_: tick())
    return model.requires_grad_(False)


def denoising(read: Read, given: Noisy) -> Tensor:
    """Return the weighted loss of a reading."""
    return ((read.velocity - given.velocity).square().mean((1, 2)) * given.weights()).mean()


def likened(read: Read, full: Read) -> tuple[Tensor, Tensor]:
    """Return how far a reading is from the whole model's: in what it says, and in what its blocks pass on."""
    blocks = [F.mse_loss(own, theirs) for own, theirs in zip(read.blocks, full.blocks, strict=True)]
    return F.mse_loss(read.velocity, full.velocity), torch.stack(blocks).mean()


def prune(plan: Plan, whole: GatedUNet, lesson: Lesson, tick: Any) -> dict[str, Pruned]:
    """Return every way of pruning; all cost as much as the single model, in the mean over prompts."""
    side = lesson.pictures.images.shape[-1]

    def routed(codes: int, **without: bool) -> Router:
        return route(plan, whole, lesson, codes, tick, **without)

    single = shifted(routed(1), lesson, TARGET, side)
    target = single.share(side)
    aptp = shifted(routed(CODES), lesson, target, side)
    dealt = lots(lesson.pictures.prompts, used(aptp.codes, CODES))
    return {
        "single": single,
        "magnitude": by_magnitude(whole, lesson, target, side),
        "aptp": aptp,
        "random_codes": replace(aptp, codes=dealt),
        "no_transport": shifted(routed(CODES, transport=False), lesson, target, side),
        PER_SAMPLE: each_alone(routed(0), lesson, target, side),
    }


def route(
    plan: Plan,
    whole: GatedUNet,
    lesson: Lesson,
    codes: int,
    tick: Any,
    *,
    transport: bool = True,
) -> Router:
    """Train a predictor and codes; with one code prompts do not matter, with none each prompt has its own architecture."""
    weight, bias, entries = random_router(max(1, codes), WIDTH, lesson.random)
    side, learned = lesson.pictures.images.shape[-1], [weight, bias, entries]
    for one in learned:
        one.requires_grad_(True)
    optimiser = torch.optim.AdamW(learned, lr=ROUTER_RATE, weight_decay=0.0, fused=True)

    def loss(step: int) -> Tensor:
        given, prompts, _ = lesson.batch(plan.batch)
        full = whole(given.x, given.time, prompts)
        own = relaxed(F.linear(prompts, weight, bias), gumbel((plan.batch, GATES), lesson.random))
        gates = own
        if codes and (codes == 1 or step >= PREDICTED * plan.routing_steps):
            each = relaxed(entries, gumbel((codes, GATES), lesson.random))
            similarity = likeness(own, each).detach()
            chosen = transported(similarity) if transport else similarity.argmax(1)
            gates = each[chosen]
        gates = hard(gates)
        read = whole(given.x, given.time, prompts, gates)
        said, blocks = likened(read, full)
        share = shares(gates, side)
        found = (
            denoising(read, given) + 2 * (share.mean() / TARGET).log().abs() + 0.2 * (said + blocks)
        )
        if codes == 1:
            return found
        found = found + 100 * contrast(own, prompts)
        return found - 0.1 * share.std() + 0.1 * (1 - share.max())

    trainer = Trainer(optimiser, schedule=cosine(plan.routing_steps, 10.0))
    trainer.fit(loss, plan.routing_steps, lambda *_: tick())
    rows = [one.detach().half().float() for one in learned]  # as they are written
    return Router(rows[0], rows[1], rows[2])


def shifted(router: Router, lesson: Lesson, target: float, side: int) -> Pruned:
    """Return codes whose widths were shifted by one number, so that prompts cost the target in the mean."""
    codes = router.route(lesson.prompts)

    def share(shift: float) -> float:
        return float(shares(replace(router, shift=shift).structures(), side)[codes].mean())

    found = replace(router, shift=nearest_shift(share, target))
    return Pruned(found.structures(), codes, found)


def nearest_shift(share: Any, target: float) -> float:
    """Return the number at which a share that rises with it is nearest to a target."""
    low, high = -30.0, 30.0
    for _ in range(18):  # as far apart as single precision tells
        middle = (low + high) / 2
        low, high = (low, middle) if share(middle) > target else (middle, high)
    best = low if target - share(low) <= share(high) - target else high
    return float(torch.tensor(best))  # as it is written


def each_alone(router: Router, lesson: Lesson, target: float, side: int) -> Pruned:
    """Return an architecture for each picture's prompt, shifted as codes are."""

    def share(shift: float) -> float:
        return float(
            shares(replace(router, shift=shift).own_structures(lesson.prompts), side).mean()
        )

    found = replace(router, shift=nearest_shift(share, target))
    structures = found.own_structures(lesson.prompts)
    return Pruned(structures, torch.arange(len(structures)), found)


def by_magnitude(whole: GatedUNet, lesson: Lesson, target: float, side: int) -> Pruned:
    """Return the structure that keeps the groups of the largest weights, as many in each block, give or take one."""
    rows = []
    for name in BLOCKS:
        block: Any = whole.blocks[name]
        inner = block.wide.weight.flatten(1).square().sum(1) + block.narrow.weight.square().sum(
            (0, 2, 3)
        )
        rows.append(inner.view(GROUPS, -1).sum(1).sqrt())
    norms = torch.stack(rows)
    order = norms.argsort(1).argsort(1).float() + norms / norms.max() / 2

    def structure(level: float) -> Tensor:
        return torch.cat(((order.flatten() >= level).float(), torch.ones(len(BLOCKS))))[None]

    found = min(
        (structure(level) for level in order.flatten().tolist()),
        key=lambda one: abs(float(shares(one, side)) - target),
    )
    return Pruned(found, torch.zeros(len(lesson.prompts), dtype=torch.long))


def fine_tune(
    plan: Plan, whole: GatedUNet, way: Pruned, lesson: Lesson, budget: int, tick: Any
) -> list[GatedUNet]:
    """Return fine-tuned models: one a structure, or one for all where structures are as many as pictures."""
    alone = way.alone
    counts = way.codes.bincount(minlength=len(way.structures)) / len(way.codes)
    found = []
    for code in range(1 if alone else len(way.structures)):
        model = GatedUNet() if alone else hardened(whole, way.structures[code])
        if alone:
            model.load_state_dict(whole.state_dict())
        model.requires_grad_(True)
        own = None if alone else (way.codes == code).nonzero()[:, 0]
        steps = budget if alone else round(budget * float(counts[code]))
        structures = way.structures if alone else None
        _fine_tune(plan, whole, model, lesson, own, structures, steps, tick)
        found.append(model.requires_grad_(False))
    return found


def _fine_tune(
    plan: Plan, whole: GatedUNet, model: GatedUNet, lesson: Lesson,
    own: Tensor | None, structures: Tensor | None, steps: int, tick: Any,
) -> None:  # fmt: skip
    optimiser = torch.optim.AdamW(model.parameters(), lr=TUNING_RATE, weight_decay=0.0, fused=True)

    def loss(step: int) -> Tensor:
        del step
        given, prompts, places = lesson.batch(plan.tuning_batch, own)
        prompts = lesson.unprompted(prompts)
        with torch.no_grad():
            full = whole(given.x, given.time, prompts)
        gates = None if structures is None else structures[places]
        read = model(given.x, given.time, prompts, gates)
        said, blocks = likened(read, full)
        return 0.01 * denoising(read, given) + 0.5 * (said + blocks)

    trainer = Trainer(optimiser, schedule=cosine(max(1, steps), 5.0), clip=CLIP)
    trainer.fit(loss, steps, lambda *_: tick())
