"""A policy that follows a script, for tests that are not about what a policy has learned.

It is a real engine over random weights whose draws are replaced by the expert's words: what is counted, written
down and refused is the engines' and the session's own.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from adabench.workloads.agents.substrate.action_words import ACTION_VOCABULARY, EOS
from adabench.workloads.agents.substrate.agent_task import Policy
from adabench.workloads.agents.substrate.policy_recipes import AGENT_S
from adabench.workloads.agents.substrate.value_head import ValueHead
from adabench.workloads.shared.language_model.contract import Chunk
from adabench.workloads.shared.language_model.model import LanguageModel
from adabench.workloads.shared.language_model.native.engine import NativeEngine


def random_model(seed: int = 0) -> LanguageModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LanguageModel(AGENT_S).eval().requires_grad_(False)


def random_head() -> ValueHead:
    draws = np.random.default_rng(0)
    inner, outer = draws.normal(size=(8, AGENT_S.width)), draws.normal(size=8)
    return ValueHead(
        inner.astype(np.float32), np.zeros(8, np.float32), outer.astype(np.float32), 0.0
    )


class ScriptedEngine(NativeEngine):
    """An engine whose words stand in a script, by prompt."""

    scripts: Mapping[tuple[int, ...], tuple[int, ...]]

    def decode(self, seqs, *, stop=frozenset(), max_new, **options):
        """Go on with the script, word by word as far as the engine would."""
        limits = max_new if isinstance(max_new, list) else [max_new] * len(seqs)
        chunks = []
        for seq, most in zip(seqs, limits, strict=True):
            script = self.scripts[tuple(seq.ids[: seq.start])]
            rest = script[len(seq.completion) :]
            end = next((i + 1 for i, w in enumerate(rest) if w in stop | {EOS}), len(rest))
            words = rest[: min(end, most)]
            super().append([seq], [words])
            self.costs.meter["prefilled"] -= len(words)
            self.costs.meter["generated"] += len(words)
            chunks.append(Chunk(tuple(words), (0.0,) * len(words), "stop"))
        return chunks


def scripted(scripts: Mapping[tuple[int, ...], tuple[int, ...]]) -> Policy:
    """Return a policy that writes these completions to these prompts."""
    own = ScriptedEngine(random_model(), "scripted", vocabulary=ACTION_VOCABULARY)
    own.scripts = scripts
    return Policy(own, "scripted", Path("nowhere"), random_head)


def random_policy() -> Policy:
    """Return a policy of random weights."""
    own = NativeEngine(random_model(), "random", vocabulary=ACTION_VOCABULARY)
    return Policy(own, "random", Path("nowhere"), random_head)
