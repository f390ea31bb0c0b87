"""Small models and random trees of engine calls, for the tests of the native engine."""

from dataclasses import dataclass, field

import torch
from hypothesis import strategies as st

from adabench.workloads.shared.language_model.contract import Costs, Seq
from adabench.workloads.shared.language_model.model import LanguageModel, Shape
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.language_model.vocabulary import EOS

TINY = Shape(layers=2, width=32, heads=2, hidden=40, vocabulary=12, context=64)
"""Twelve words, so that `<eos>` and words drawn twice are frequent."""
PROMPTS = ((1, 5, 6, 7, 8, 9, 10), (1, 5, 6, 7, 8, 11), (1, 5, 6, 7, 8, 9, 10, 3, 4))


def model(shape: Shape, seed: int = 0, sharpness: float = 6.0) -> LanguageModel:
    """Return random weights; an embedding scaled up makes distributions peaky."""
    torch.manual_seed(seed)
    made = LanguageModel(shape)
    with torch.no_grad():
        made.embedding.weight *= sharpness
    return made.eval()


def engine(made: LanguageModel, budget: int | None = None, **options) -> NativeEngine:
    return NativeEngine(made, "test", Costs(budget=budget), **options)


CALLS = st.lists(
    st.tuples(
        st.sampled_from(["open", "fork", "fork", "append", "decode", "decode", "close"]),
        st.integers(0, 1000),
        st.integers(1, 4),
    ),
    min_size=1,
    max_size=25,
)


@dataclass
class Tree:
    """Replays calls on an engine; keeps every sequence that is alive."""

    engine: NativeEngine
    alive: list[Seq] = field(default_factory=list)

    def __post_init__(self):
        self.alive.append(self.engine.open(PROMPTS[0], 1))

    def able(self, room: int) -> list[Seq]:
        return [s for s in self.alive if not s.finished and len(s.ids) + room <= TINY.context]

    def play(self, kind: str, which: int, size: int) -> None:
        able = self.able(5)
        if kind == "open":
            self.alive.append(self.engine.open(PROMPTS[which % len(PROMPTS)], which))
        elif able and kind == "fork":
            self.alive += self.engine.fork(able[which % len(able)], size)
        elif able and kind == "append":
            self.engine.append(
                [able[which % len(able)]], [[3 + (which + i) % 9 for i in range(size)]]
            )
        elif able and kind == "decode":
            start = which % len(able)
            self.engine.decode(
                able[start : start + 1 + which % 3], max_new=size, stop=frozenset({5, EOS})
            )
        elif self.alive and kind == "close":
            self.engine.close(self.alive.pop(which % len(self.alive)))
