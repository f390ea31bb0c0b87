"""What a loaded model can do, tried on a few words: the abilities that `doctor --model` shows."""

from collections.abc import Callable

import numpy as np

from adabench.workloads.shared.language_model.backends.model_profile import ModelAbility
from adabench.workloads.shared.language_model.backends.transformers_engine import TransformersEngine
from adabench.workloads.shared.language_model.contract import Costs, Seq

WORDS = 2
"""Drawn for each trial."""
NEVER = {"exact": "a library's product may change with the batch"}
"""What no model can do on this backend, and why."""


def probe(engine: TransformersEngine, prompt: tuple[int, ...]) -> tuple[ModelAbility, ...]:
    """Run a few words through every ability of the contract; the engine is reset before and after."""
    engine.reset(Costs())
    root = engine.open(prompt, 1)
    trials: tuple[tuple[str, Callable[[TransformersEngine, Seq], str]], ...] = (
        ("fork", _fork),
        ("held", _held),
        ("logprobs", _logprobs),
        ("score", _score),
        ("hidden", _hidden),
        ("limits", _limits),
        ("allow", _allow),
        ("watch", _watch),
    )
    found = [ModelAbility(name, True, trial(engine, root)) for name, trial in trials]
    engine.reset(Costs())
    return (*found, *(ModelAbility(name, False, why) for name, why in NEVER.items()))


def _fork(engine: TransformersEngine, root: Seq) -> str:
    before = engine.held().tokens
    children = engine.fork(root, 4)
    shared = engine.held().tokens == before
    for child in children:
        engine.close(child)
    return f"four forks of {before} positions hold {before if shared else 'more'} positions"


def _held(engine: TransformersEngine, root: Seq) -> str:
    held = engine.held()
    return f"{held.tokens} positions hold {held.memory_bytes:,} bytes, with states and logits"


def _logprobs(engine: TransformersEngine, root: Seq) -> str:
    (child,) = engine.fork(root, 1)
    (chunk,) = engine.decode([child], max_new=WORDS, temperature=0.0)
    engine.close(child)
    return f"{len(chunk.logprobs)} of {len(chunk.ids)} drawn words came with one"


def _score(engine: TransformersEngine, root: Seq) -> str:
    (scores,) = engine.score([root], [root.ids[:WORDS]])
    return f"{len(scores)} forced words were scored"


def _hidden(engine: TransformersEngine, root: Seq) -> str:
    rows, width = engine.hidden(root, 0).shape
    return f"{rows} states of width {width}"


def _limits(engine: TransformersEngine, root: Seq) -> str:
    children = engine.fork(root, 2)
    chunks = engine.decode(children, max_new=[1, WORDS])
    for child in children:
        engine.close(child)
    return f"limits of 1 and {WORDS} gave {' and '.join(str(len(chunk.ids)) for chunk in chunks)} words"


def _allow(engine: TransformersEngine, root: Seq) -> str:
    (child,) = engine.fork(root, 1)
    mask = np.zeros(engine.words, np.bool_)
    mask[root.ids[0]] = True
    (chunk,) = engine.decode([child], max_new=1, allow=mask)
    engine.close(child)
    return "the one word allowed was drawn" if chunk.ids[0] == root.ids[0] else "another was drawn"


def _watch(engine: TransformersEngine, root: Seq) -> str:
    (child,) = engine.fork(root, 1)
    (chunk,) = engine.decode([child], max_new=1, watch=2)
    engine.close(child)
    return f"a draw had an entropy of {chunk.entropies[0]:.2f} nats"
