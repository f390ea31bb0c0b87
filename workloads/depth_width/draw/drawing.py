"""The first prompts of a case, drawn by the whole model, by one pruned network and by networks of codes, method beside method.

Every panel begins with the same noise. Ink is drawn as discs, larger where there is more of it; the first panel has the
pictures that are held out, one of many that a prompt has.
"""

from typing import Any

from torch import Tensor

from adabench.harness.contract import registry
from adabench.harness.contract.card import Point
from adabench.harness.contract.drawing import Mark, Panel, Picture
from adabench.workloads.depth_width.draw.task import DrawTask, instance, load

SHOWN, COLUMNS = 12, 6
FAINTEST = 0.15
"""Of full ink: what is less is left white."""
METHODS = ("whole", "single", "aptp")


def picture(scale: str, seed: int, conditions: Point) -> Picture:
    """Draw the first prompts of the first set."""
    settings: dict[str, Any] = {**conditions, "sets": 1}
    settings["steps"] = settings.get("steps") or 10
    task = load(scale, seed, **settings)
    (case,) = task.cases()
    panels = [_panel("Held out", task.known[0].images)]
    panels += [_panel(*_drawn(task, name)) for name in METHODS]
    shown = len(case.prompts[:SHOWN])
    side = case.start.shape[-1] + 1.0
    window = (-0.5, -side * -(-shown // COLUMNS), side * COLUMNS, 0.5)
    words = "; ".join(" ".join(prompt) for prompt in case.prompts[:SHOWN])
    title = "Prompts drawn from the same noise"
    return Picture(title, tuple(panels), window, f"{words}.", instance(case))


def _drawn(task: DrawTask, name: str) -> tuple[str, Tensor]:
    """Return a method's title, and what it draws."""
    entry = registry.find(f"draw/{name}")
    method, point = registry.load(entry), {**entry.card.fixed, **entry.card.defaults}
    bench = task.substrate()
    (case,) = task.cases()
    return entry.card.title, method.solve(method.prepare(bench, point, 0), case, point).pictures


def _panel(title: str, images: Tensor) -> Panel:
    """Return pictures side by side, in rows."""
    side = images.shape[-1] + 1
    places = []
    for i, image in enumerate(images[:SHOWN]):
        left, top = side * (i % COLUMNS), -side * (i // COLUMNS)
        ink = (image.clamp(-1, 1) + 1) / 2
        for y, x in (ink > FAINTEST).nonzero().tolist():
            radius = round(0.5 * float(ink[y, x]) ** 0.5, 3)
            places.append((left + x + 0.5, top - y - 0.5, radius))
    return Panel(title, (Mark("discs", tuple(places), "solid", "ink"),))
