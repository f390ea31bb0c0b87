"""The native engine: torch's numbers, the same bits in any batch, honest costs, clear ends."""

import subprocess
import sys
import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from adabench.workloads.shared.language_model.contract import mix
from adabench.workloads.shared.language_model.model import (
    LM_M,
    LM_S,
    BigramShape,
    LanguageModel,
    Shape,
)
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.language_model.vocabulary import EOS
from tests.workloads.shared.language_model.engine_promises import EnginePromises

from .trees import CALLS, PROMPTS, TINY, Tree, engine, model

ODD = Shape(layers=1, width=24, heads=3, hidden=20, vocabulary=37, context=48)
"""No number here is a multiple of a vector's lanes."""
PAIRS = BigramShape(layers=2, width=32, heads=2, hidden=40, vocabulary=12, context=64)
"""With a second table, of the word before each word."""
MODEL = model(TINY)
FOREVER: frozenset[int] = frozenset()


def words(shape: Shape, length: int, seed: int = 0) -> list[int]:
    draws = np.random.default_rng(seed)
    return [int(w) for w in draws.integers(3, shape.vocabulary, length)]


def forced(made, ids):
    """Return torch's states [T, d] and log-probabilities [T, V] of a text."""
    with torch.no_grad():
        states = made.states(torch.tensor([ids]))[0]
        return states.numpy(), (states @ made.embedding.weight.T).numpy()


@pytest.mark.parametrize(
    "shape", [LM_S, LM_M, TINY, ODD, PAIRS], ids=["lm-s", "lm-m", "tiny", "odd", "pairs"]
)
@pytest.mark.parametrize("sharpness", [1.0, 20.0])
def test_states_and_logits_are_those_of_torch(shape, sharpness):
    made = model(shape, sharpness=sharpness)
    ours = engine(made)
    for length in (1, 3, 16, 41):
        ids = words(shape, length, length)
        seq = ours.open(ids)
        states, logits = forced(made, ids)
        assert np.abs(ours.hidden(seq, 0) - states).max() < 1e-4
        assert np.abs(ours.logits(ours.hidden(seq, 0)) - logits).max() < 1e-4 * max(1, sharpness)
        ours.close(seq)


@pytest.mark.parametrize("shape", [LM_S, LM_M, ODD, PAIRS], ids=["lm-s", "lm-m", "odd", "pairs"])
@pytest.mark.parametrize(("sharpness", "temperature"), [(1.0, 1.0), (6.0, 1.0), (8.0, 0.8)])
def test_log_probabilities_are_those_of_the_text_that_was_drawn(shape, sharpness, temperature):
    made = model(shape, sharpness=sharpness)
    ours = engine(made)
    leaves = ours.fork(ours.open(words(shape, 9), 3), 5)
    chunks = ours.decode(leaves, max_new=30, stop=FOREVER, temperature=temperature)
    assert len({chunk.ids for chunk in chunks}) > 1
    for leaf, chunk in zip(leaves, chunks, strict=True):
        logs = torch.log_softmax(torch.from_numpy(forced(made, leaf.ids)[1]).double(), -1)
        told = [float(logs[8 + i, word]) for i, word in enumerate(chunk.ids)]
        assert np.allclose(chunk.logprobs, told, atol=1e-4)
        assert leaf.logprob == pytest.approx(sum(told), abs=1e-3)


def test_greedy_is_the_argmax_of_torch():
    made = model(LM_M)
    ids = words(LM_M, 12)
    ours = engine(made)
    (chunk,) = ours.decode([ours.open(ids)], max_new=60, temperature=0, stop=FOREVER)
    for word in chunk.ids:
        logits = forced(made, ids)[1][-1]
        first, second = np.sort(logits)[-2:][::-1]
        assert first - second > 1e-3  # else the comparison would be of roundings
        assert word == logits.argmax()
        ids.append(word)


def played(calls, keep, **options):
    """Return every sequence's words and log-probability after a tree of calls."""
    tree = Tree(engine(MODEL, **options))
    for call in calls:
        tree.play(*call)
    return [(tuple(seq.ids), seq.logprob) for seq in tree.alive] + [
        tree.engine.hidden(seq, 0).tobytes() for seq in tree.alive if keep
    ]


@settings(max_examples=40, deadline=None)
@given(calls=CALLS, block=st.sampled_from([1, 2, 16]))
def test_bits_do_not_depend_on_the_size_of_a_block(calls, block):
    assert played(calls, True, block=block) == played(calls, True)


@settings(max_examples=20, deadline=None)
@given(calls=CALLS, block=st.sampled_from([1, 2, 16]))
def test_a_second_table_reads_the_word_before_however_words_came(calls, block):
    made = model(PAIRS)
    tree = Tree(engine(made, block=block))
    for call in calls:
        tree.play(*call)
    for seq in tree.alive:
        states, _ = forced(made, seq.ids)
        found = tree.engine.hidden(seq, 0)
        assert np.abs(found - states[: len(found)]).max() < 1e-4


def test_a_second_table_of_zeros_changes_no_bit():
    """So what ran without one runs as it did."""
    paired = LanguageModel(PAIRS)
    paired.load_state_dict({**MODEL.state_dict(), "previous.weight": torch.zeros(12, 32)})
    texts = []
    for made in (MODEL, paired.eval()):
        ours = engine(made)
        leaves = ours.fork(ours.open(PROMPTS[0], 5), 6)
        ours.decode(leaves, max_new=20, stop=FOREVER)
        texts.append([(leaf.ids, leaf.logprob, ours.hidden(leaf, 0).tobytes()) for leaf in leaves])
    assert texts[0] == texts[1]


def sampled(seqs, ours, **options):
    return [
        (chunk.ids, chunk.logprobs, chunk.finish)
        for chunk in ours.decode(seqs, max_new=20, **options)
    ]


@settings(max_examples=25, deadline=None)
@given(order=st.permutations(range(9)), cut=st.integers(1, 8), top_p=st.sampled_from([1.0, 0.8]))
def test_bits_do_not_depend_on_the_batch(order, cut, top_p):
    def leaves():
        ours = engine(MODEL)
        roots = [ours.open(prompt, 40 + i) for i, prompt in enumerate(PROMPTS)]
        return ours, [leaf for root in roots for leaf in ours.fork(root, 3)]

    ours, seqs = leaves()
    together = sampled(seqs, ours, top_p=top_p)
    ours, seqs = leaves()
    mixed = [seqs[i] for i in order]
    split = sampled(mixed[:cut], ours, top_p=top_p) + sampled(mixed[cut:], ours, top_p=top_p)
    assert [together[i] for i in order] == split
    ours, seqs = leaves()
    assert [sampled([seq], ours, top_p=top_p)[0] for seq in seqs] == together


def test_bits_do_not_depend_on_threads():
    found = []
    for threads in (1, 2, 3):
        ours = engine(MODEL, threads=threads)
        found.append(sampled(ours.fork(ours.open(PROMPTS[0], 2), 50), ours))
        assert len(set(found[0])) > 40
    assert found[0] == found[1] == found[2]


@pytest.fixture
def no_switching():
    """A thread keeps the interpreter's lock until it gives it away by itself."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("no_switching")
def test_the_lock_is_released_while_words_are_drawn():
    """Seen once is proof: if decoding held the lock, no try would find it unfinished."""
    ours = engine(model(LM_M))
    root = ours.open(words(LM_M, 30), 1)
    ours.decode(ours.fork(root, 4), max_new=2, stop=FOREVER)  # compiled, or read from the disk
    tries = 0
    while not overlapped(lambda: ours.decode(ours.fork(root, 4), max_new=40, stop=FOREVER)):
        tries += 1
        assert tries < 200


def overlapped(decode):
    """Tell whether this thread ran while another one decoded."""
    begun, ended = threading.Event(), threading.Event()

    def work():
        begun.set()
        decode()
        ended.set()

    worker = threading.Thread(target=work)
    worker.start()
    begun.wait()
    unfinished = not ended.is_set()
    worker.join()
    return unfinished


@pytest.mark.parametrize("cuts", [(7,), (3, 4), (1,) * 7, (2, 5)])
def test_bits_do_not_depend_on_how_a_prefix_came(cuts):
    ids = PROMPTS[0]
    whole = engine(MODEL)
    root = whole.open(ids, 8)
    ours = engine(MODEL)
    seq, at = ours.open(ids[: cuts[0]], 8), cuts[0]
    for cut in cuts[1:]:
        ours.append([seq], [ids[at : at + cut]])
        at += cut
    assert (ours.hidden(seq, 0) == whole.hidden(root, 0)).all()
    assert sampled([seq], ours) == sampled([root], whole)


def test_a_fork_draws_what_the_same_text_would_with_its_key():
    ours = engine(MODEL)
    root = ours.open(PROMPTS[0], 8)
    ours.decode([root], max_new=6, stop=FOREVER)
    children = ours.fork(root, 4)
    assert [child.key for child in children] == [mix(8, len(root.ids), i) for i in range(4)]
    assert len({child.key for child in children}) == 4
    for child in children:
        fresh = engine(MODEL)
        again = fresh.open(child.ids, child.key)
        assert sampled([again], fresh) == sampled([child], ours)


def test_the_context_is_a_limit():
    ours = engine(MODEL)
    with pytest.raises(ValueError, match="exceed the context of 64"):
        ours.open([4] * 65)
    seq = ours.open([4] * 60)
    with pytest.raises(ValueError, match="exceed the context"):
        ours.append([seq], [[4] * 5])
    assert ours.held().tokens == 60
    short = ours.open([5] * 10, 1)
    long, other = ours.decode([seq, short], max_new=20, stop=FOREVER)
    # Its neighbour's lack of room is not the short one's.
    assert (len(long.ids), long.finish) == (4, "length") or EOS in long.ids
    assert len(other.ids) == 20 or EOS in other.ids
    if not seq.finished:
        (nothing,) = ours.decode([seq], max_new=5)
        assert (nothing.ids, nothing.finish) == ((), "length")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda ours, seq: ours.append([seq], [[TINY.vocabulary]]), "Word ids are"),
        (lambda ours, seq: ours.open([-1]), "Word ids are"),
        (lambda ours, seq: ours.open([*PROMPTS[0], *[4] * 60]), "exceed the context"),
        (lambda ours, seq: ours.decode([ours.open([])], max_new=1), "empty or closed"),
        (lambda ours, seq: ours.decode([seq], max_new=1, temperature=-1), "temperature"),
        (lambda ours, seq: ours.decode([seq], max_new=1, top_p=0), "top_p"),
    ],
)
def test_misuse_is_refused_and_changes_nothing(call, message):
    ours = engine(MODEL)
    seq = ours.open(PROMPTS[0])
    before = ours.held()
    with pytest.raises(ValueError, match=message):
        call(ours, seq)
    assert ours.held() == before
    ours.close(seq)
    assert ours.held().tokens == 0


def test_a_second_process_compiles_nothing():
    """The symbols that cached code calls are registered before it is loaded."""
    code = (
        "import torch\n"
        "from numba.core import event\n"
        "torch.manual_seed(0)\n"
        "with event.install_recorder('numba:run_pass') as passes:\n"
        "    import adabench.workloads.shared.language_model.model as lm\n"
        "    from adabench.workloads.shared.language_model.native.engine import NativeEngine\n"
        "    e = NativeEngine(lm.LanguageModel(lm.Shape(1, 32, 1, 32)), 'x')\n"
        "    print(e.decode([e.open([1, 5, 6], 1)], max_new=8)[0].ids)\n"
        "print(len(passes.buffer))\n"
    )
    first, second = (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        for _ in range(2)
    )
    assert first[0] == second[0]
    assert int(second[1]) == 0


class TestNative(EnginePromises):
    def engine(self, model: LanguageModel, budget: int | None = None) -> NativeEngine:
        return engine(model, budget)

    def test_an_end_is_not_stored(self, model: LanguageModel) -> None:
        ours = self.engine(model)
        seq = ours.open(PROMPTS[0])
        ours.append([seq], [[5, EOS]])
        assert ours.held().tokens == len(PROMPTS[0]) + 1, "nothing follows it"
