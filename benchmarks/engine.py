"""The native engine against `transformers.generate`, on the same weights.

    python benchmarks/engine.py [--models lm-s lm-m lm-l] [--batches 1 16 64] [--json FILE]

Words per second of one call that reads prompts of 40 words and draws 64 words after each.

    prompts   each row has a prompt of its own, drawn greedily; both sides must draw the same words
    samples   all rows continue one prompt at temperature 1; native forks, `generate` repeats

The weights are random and `<eos>` is unlikely (in `prompts` it never comes); words after it do
not count. The prompts have one length, so that nobody pads. Logits must agree to 1e-4 first.

Each side runs at every number of threads from 1 to the number of cores, round after round by
turns, and is quoted at its best one. *words/s* is the median of the rounds; *ratio* is between
medians, with the least and the largest of single rounds behind it, and *cpu* is the ratio of
processor seconds, which a busy machine disturbs less. Load averages are stored: on a machine
that does other things only ratios of one run mean anything.

`generate` is plain: its dynamic cache, torch's fused attention, no compilation.
"""

import argparse
import json
import os
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import torch
from llama_weights import to_llama

from adabench.harness.provenance.environment import fingerprint
from adabench.workloads.shared.language_model.contract import Costs
from adabench.workloads.shared.language_model.model import LM_L, LM_M, LM_S, LanguageModel, Shape
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.language_model.vocabulary import EOS

MODELS = {"lm-s": LM_S, "lm-m": LM_M, "lm-l": LM_L}
CLOSE = 1e-4
Arm = tuple[str, int]
"""A side and its number of threads."""
Prompts = Sequence[Sequence[int]]
Words = list[tuple[int, ...]]
Read = Callable[[], Words]


@dataclass(frozen=True)
class Lap:
    """One call."""

    wall_s: float
    cpu_s: float
    words: int


@dataclass(frozen=True)
class Row:
    """One model at one batch."""

    model: str
    mode: str
    batch: int
    native_words_per_s: float
    native_threads: int
    generate_words_per_s: float
    generate_threads: int
    ratio: float
    least_ratio: float
    largest_ratio: float
    cpu_ratio: float
    logits_apart: float


def main() -> None:
    """Measure, print the table, and store the figures if asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 16, 64])
    parser.add_argument(
        "--modes", nargs="+", choices=("prompts", "samples"), default=["prompts", "samples"]
    )
    parser.add_argument("--prompt", type=int, default=40, help="words in each prompt")
    parser.add_argument("--new", type=int, default=64, help="words to draw after each")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="where to store the figures")
    arguments = parser.parse_args()
    before = os.getloadavg()
    rows = []
    print(HEADER)
    for name in arguments.models:
        for mode in arguments.modes:
            for batch in arguments.batches:
                row = measured(name, mode, batch, arguments)
                rows.append(row)
                print(line(row), flush=True)
    if arguments.json:
        document = {
            "rows": [asdict(row) for row in rows],
            "prompt": arguments.prompt,
            "new": arguments.new,
            "rounds": arguments.rounds,
            "load_before": before,
            "load_after": os.getloadavg(),
            "machine": fingerprint(),
        }
        arguments.json.write_text(json.dumps(document, indent=1) + "\n")


def measured(name: str, mode: str, batch: int, arguments: argparse.Namespace) -> Row:
    """Time both sides at every number of threads, by turns."""
    model, new = weights(MODELS[name]), arguments.new
    prompts = texts(batch if mode == "prompts" else 1, arguments.prompt, MODELS[name].vocabulary)
    llama = to_llama(model)
    apart = logits_apart(model, llama, prompts)
    if apart > CLOSE:
        raise SystemExit(f"{name}: logits differ by {apart:.1e}; this is not the same model.")
    arms: dict[Arm, Read] = {}
    for threads in range(1, (os.cpu_count() or 1) + 1):
        arms["native", threads] = native(model, mode, prompts, batch, new, threads)
        arms["generate", threads] = generate(llama, mode, prompts, batch, new, threads)
    laps = interleaved(arms, arguments.rounds, greedy=mode == "prompts")
    ours, theirs = (best(laps, side) for side in ("native", "generate"))
    a, b = ([lap.wall_s / lap.words for lap in laps[arm]] for arm in (ours, theirs))
    ratios = [y / x for x, y in zip(a, b, strict=True)]
    cpu = [statistics.median(lap.cpu_s / lap.words for lap in laps[arm]) for arm in (ours, theirs)]
    return Row(
        model=name,
        mode=mode,
        batch=batch,
        native_words_per_s=1 / statistics.median(a),
        native_threads=ours[1],
        generate_words_per_s=1 / statistics.median(b),
        generate_threads=theirs[1],
        ratio=statistics.median(b) / statistics.median(a),
        least_ratio=min(ratios),
        largest_ratio=max(ratios),
        cpu_ratio=cpu[1] / cpu[0],
        logits_apart=apart,
    )


def best(laps: dict[Arm, list[Lap]], side: str) -> Arm:
    """Return the arm of a side with the quickest median."""
    return min(
        (arm for arm in laps if arm[0] == side),
        key=lambda arm: statistics.median(lap.wall_s / lap.words for lap in laps[arm]),
    )


def weights(shape: Shape) -> LanguageModel:
    """Return random weights whose greedy words are no matter of rounding, and never `<eos>`."""
    torch.manual_seed(0)
    model = LanguageModel(shape)
    with torch.no_grad():
        model.embedding.weight *= 5
        # Its logit is 0, and the largest of the others is above.
        model.embedding.weight[EOS] = 0
    return model.eval()


def texts(batch: int, length: int, vocabulary: int) -> list[list[int]]:
    """Return prompts that differ."""
    draws = np.random.default_rng(0).integers(3, vocabulary, (batch, length))
    return [[int(word) for word in row] for row in draws]


def native(
    model: LanguageModel, mode: str, prompts: Prompts, batch: int, new: int, threads: int
) -> Read:
    """Return a call of the native engine; rows that share a prompt are forks."""
    engine = NativeEngine(model, "native", threads=threads)
    greedy = mode == "prompts"

    def read() -> Words:
        engine.reset(Costs())
        seqs = [engine.open(prompt) for prompt in prompts]
        if not greedy:
            seqs = engine.fork(seqs[0], batch)
        chunks = engine.decode(
            seqs, stop=frozenset(), max_new=new, temperature=0.0 if greedy else 1.0
        )
        return [chunk.ids for chunk in chunks]

    return read


def generate(llama: Any, mode: str, prompts: Prompts, batch: int, new: int, threads: int) -> Read:
    """Return a call of `transformers.generate`."""
    ids = torch.tensor(prompts)
    mask = torch.ones_like(ids)
    options: dict[str, Any] = {"do_sample": False}
    if mode == "samples":
        options = {"do_sample": True, "top_k": 0, "num_return_sequences": batch}

    def read() -> Words:
        torch.set_num_threads(threads)
        with torch.inference_mode():
            out = llama.generate(ids, attention_mask=mask, max_new_tokens=new, **options)
        rows = out[:, ids.shape[1] :].tolist()
        return [tuple(row[: row.index(EOS) + 1] if EOS in row else row) for row in rows]

    return read


def logits_apart(model: LanguageModel, llama: Any, prompts: Sequence[Sequence[int]]) -> float:
    """Return the largest difference of logits over the prompts."""
    engine = NativeEngine(model, "native")
    with torch.inference_mode():
        theirs = llama(torch.tensor(prompts)).logits.numpy()
    ours = [engine.logits(engine.hidden(engine.open(prompt), 0)) for prompt in prompts]
    return float(np.abs(np.stack(ours) - theirs).max())


def interleaved(arms: dict[Arm, Read], rounds: int, *, greedy: bool) -> dict[Arm, list[Lap]]:
    """Return the laps of every arm; a round takes every arm once, the first warms up."""
    laps: dict[Arm, list[Lap]] = {arm: [] for arm in arms}
    for round_ in range(rounds + 1):
        drawn = set()
        for arm, read in arms.items():
            start, cpu = perf_counter(), process_time()
            found = read()
            lap = Lap(perf_counter() - start, process_time() - cpu, sum(map(len, found)))
            if round_:
                laps[arm].append(lap)
            drawn.add(tuple(found))
        if greedy and len(drawn) != 1:
            raise SystemExit("The two sides drew different words.")
    return laps


HEADER = (
    f"{'model':6}{'mode':>9}{'batch':>6}{'native words/s':>16}{'threads':>8}"
    f"{'generate words/s':>18}{'threads':>8}{'ratio':>8}  (rounds)  {'cpu':>12}  logits apart"
)


def line(row: Row) -> str:
    """Return a row of the table."""
    spread = f"({row.least_ratio:.1f} to {row.largest_ratio:.1f})"
    return (
        f"{row.model:6}{row.mode:>9}{row.batch:6}{row.native_words_per_s:16,.0f}"
        f"{row.native_threads:8}{row.generate_words_per_s:18,.0f}{row.generate_threads:8}"
        f"{row.ratio:8.1f}  {spread:16}{row.cpu_ratio:6.1f}  {row.logits_apart:.1e}"
    )


if __name__ == "__main__":
    main()
