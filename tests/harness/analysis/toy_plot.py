"""A made-up task: a mixture of static settings, an oracle, a coin, and records as curves say."""

import random

from adabench.harness.contract.card import Card, Gap, Knob, Metric
from adabench.harness.contract.record import Cell, Record

WORK = Metric("work", "blocks", "lower", "work", primary=True)
GAIN = Metric("accuracy", "1", "higher", "quality", primary=True)
LOSS = Metric("accuracy", "1", "lower", "quality", primary=True)
GAP = Gap(("uniform",), ("router", "random"), oracle="best", coin="random")
TASK = Card(
    "Toy", role="static", knobs=(Knob("noise", (0, 1), 0),), metrics=(WORK, GAIN), gaps=(GAP,)
)
DEPTH = Knob("depth", (1, 2, 4), 2)
CARDS = {
    "toy/uniform": Card("Uniform", role="static", knobs=(DEPTH,)),
    "toy/other": Card("Another backbone", role="static", knobs=(DEPTH,)),
    "toy/random": Card("Random", role="control", knobs=(DEPTH,)),
    "toy/router": Card("Router", role="adaptive", knobs=(DEPTH,)),
    "toy/rival": Card("Of another backbone", role="adaptive", knobs=(DEPTH,)),
    "toy/best": Card("Best", role="oracle", oracle="exact", knobs=(DEPTH,)),
    "toy/loose": Card("Loose", role="oracle", oracle="bound", knobs=(DEPTH,)),
}
SEEDS, CASES = range(6), range(4)
STATIC = {1: 0.4, 2: 0.6, 4: 0.7}
"""The mixture's corners: depth, which is the work, to accuracy."""


def record(method, depth, seed, case, *, noise=0, scale="embedded", **values):
    cell = Cell("toy", method, {"depth": depth}, {"noise": noise}, scale, seed)
    return Record(cell, "solve", case, 0, "ok", values)


def dots(method, curve, *, spread=0.0, own=0.0, work=float, seeds=SEEDS, **more):
    """Records of a method: `curve` maps depth to accuracy, `spread` is noise shared by all dots,
    `own` noise that only this dot has."""
    made = []
    for depth, accuracy in curve.items():
        for s in seeds:
            for c in CASES:
                shared = spread * (random.Random(9 * s + c).random() - 0.5)
                alone = own * (random.Random(f"{method} {depth} {s} {c}").random() - 0.5)
                value = accuracy + shared + alone
                made.append(record(method, depth, s, c, work=work(depth), accuracy=value, **more))
    return made


def lifted(by):
    return {depth: accuracy + by for depth, accuracy in STATIC.items()}


MIXTURE = dots("uniform", STATIC, spread=0.1)
ORACLE = dots("best", lifted(0.2), spread=0.1)
COIN = dots("random", lifted(-0.3), spread=0.1)
ANCHORS = MIXTURE + ORACLE + COIN
