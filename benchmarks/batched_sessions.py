"""What sharing batches buys: milliseconds a question alone and with several sessions, and answers that differ.

    python benchmarks/batched_sessions.py native            chain and lookup, processor milliseconds
    python benchmarks/batched_sessions.py equal 64          every method of both at 1, 7, 16 and 64 sessions
    python benchmarks/batched_sessions.py text 24           24 questions at the shape of SmolLM2-135M

`text` builds the model with random weights and a tokenizer of its own, in a temporary folder: nothing is
downloaded, and nothing is to be read from what it writes. The shape sets the time. Completions have 48 words.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from adabench.harness.contract import registry
from adabench.harness.contract.protocols import account, enter_case
from adabench.workloads.agents.lookup import task as lookup
from adabench.workloads.test_time.chain import task as chain
from adabench.workloads.test_time.text import task as text

NATIVE = (
    ("chain/greedy", {}), ("chain/sample", {}), ("chain/target_only", {}), ("chain/majority", {"N": 4}),
    ("chain/majority", {"N": 16}), ("lookup/act", {}), ("lookup/direct", {}),
)  # fmt: skip
TEXT = (("text/greedy", {}), ("text/sample", {}), ("text/majority", {"N": 4}))
WORDS = 48
Found = list[tuple[Any, dict[str, float]]]


def solve_all(task: Any, address: str, point: dict[str, Any], sessions: int) -> Found:
    """Return outcomes and counts of all questions; 0 sessions are the path without batches."""
    entry = registry.find(address)
    method = registry.load(entry)
    given = task.oracle_substrate() if entry.card.role == "oracle" else task.substrate()
    vars(given).update({k: v for k, v in vars(task).items() if k in ("models", "policy")})
    point = {knob.name: knob.default for knob in entry.card.knobs} | point
    state = method.prepare(given, point, 0) if hasattr(method, "prepare") else None
    questions = list(task.cases())
    found: Found = [(None, {})] * len(questions)

    def solve(place: int, own: Any) -> None:
        question = questions[place]
        scene = task.environment(question) if hasattr(task, "environment") else None
        enter_case(own, question, scene)
        own.meter.clear()
        outcome = account(own, question, method.solve(state or own, question, point))
        counts = {k: float(v) for k, v in own.meter.items() if not k.endswith("_s")}
        found[place] = outcome, counts

    jobs = [partial(solve, place) for place in range(len(questions))]
    if sessions:
        given.solve_batched(jobs, sessions)
    else:
        for job in jobs:
            job(given)
    return found


def check_equal(task: Any, name: str) -> None:
    """Print a line for each method: at how many sessions words and counts differ from those alone."""
    for method in registry.methods(name):
        address = f"{name}/{method.rpartition('/')[2]}"
        alone = solve_all(task, address, {}, 0)
        differing = [n for n in (1, 7, 16, 64) if solve_all(task, address, {}, n) != alone]
        print(address.ljust(28), f"differs at {differing}" if differing else "equal", flush=True)


def compare(
    task: Any, address: str, point: dict[str, Any], sizes: Sequence[int],
    clock: Callable[[], float], times: int,
) -> None:  # fmt: skip
    """Print a line: milliseconds a question at each number of sessions, and what differs from one alone."""
    best: dict[int, float] = {}
    found: dict[int, Found] = {}
    for _ in range(times):
        for size in sizes:
            since = clock()
            found[size] = solve_all(task, address, point, size if size > 1 else 0)
            took = clock() - since
            best[size] = min(best.get(size, took), took)
    many = len(found[1])
    line = [f"{address} {point or ''}".ljust(28)]
    for size in sizes:
        pairs = list(zip(found[1], found[size], strict=True))
        words = sum(a != b for (a, _), (b, _) in pairs)
        counts = sum(one != other for (a, one), (b, other) in pairs if a == b)
        said = f"{size}: {1e3 * best[size] / many:8.2f} ms"
        if size > 1:
            said += f" ({best[1] / best[size]:.2f}x; answers that differ: {words} of {many}"
            said += f"; equal answers, other counts: {counts})"
        line.append(said)
    print("   ".join(line), flush=True)


def smollm2_shape(folder: Path) -> None:
    """Write a model of the shape of SmolLM2-135M with random weights, and a tokenizer of as many words."""
    import tokenizers
    import torch
    import transformers

    lines = [
        f"Step {a}: {a} + {b} = {a + b}\nAnswer: {a + b}\n" for a in range(20) for b in range(20)
    ]
    bare = tokenizers.Tokenizer(tokenizers.models.BPE())
    bare.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=1000,
        special_tokens=["<pad>", "<s>", "</s>"],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bare.train_from_iterator(lines, trainer)
    bare.add_tokens([f" word{i}" for i in range(49_152 - bare.get_vocab_size())])
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=bare, pad_token="<pad>", bos_token="<s>", eos_token="</s>"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=49_152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30,
        num_attention_heads=9, num_key_value_heads=3, max_position_embeddings=8192,
        tie_word_embeddings=True, pad_token_id=0, bos_token_id=1, eos_token_id=2,
        initializer_range=0.1,
    )  # fmt: skip
    transformers.LlamaForCausalLM(config).save_pretrained(folder)


def main() -> None:
    """Measure what the command line says."""
    what, many = sys.argv[1], int((sys.argv[2:] or ["0"])[0])
    if what in ("native", "equal"):
        tasks = {
            "chain": chain.load("embedded", 7001, problems=many or 80),
            "lookup": lookup.load("embedded", 7001, questions=many or 80),
        }
        for task in tasks.values():
            task.warm()
        if what == "equal":
            for name, task in tasks.items():
                check_equal(task, name)
            return
        for address, point in NATIVE:
            task = tasks[address.partition("/")[0]]
            compare(task, address, point, (1, 8), time.process_time, 5)
        return
    with tempfile.TemporaryDirectory() as folder:
        smollm2_shape(Path(folder))
        asked = text.load("embedded", 0, model=f"hf:{folder}", problems=many or 16, room=WORDS)
        asked.warm()
        for address, point in TEXT:
            compare(asked, address, point, (1, 4, 16), time.perf_counter, 1)


if __name__ == "__main__":
    main()
