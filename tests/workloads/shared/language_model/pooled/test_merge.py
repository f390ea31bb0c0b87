"""Merging paths: what they hold is read where it is, at the places and under the mask of one packed text."""

import numpy as np
import pytest
import torch

from adabench.workloads.shared.language_model.contract import Costs, Seq
from adabench.workloads.shared.language_model.pooled.engine import PooledEngine
from adabench.workloads.shared.language_model.pooled.thought_engine import ThoughtEngine
from adabench.workloads.shared.language_model.pooled.thought_model import (
    SUMMARY,
    THINK,
    ThoughtModel,
    ThoughtShape,
    segments_of,
)
from adabench.workloads.shared.language_model.vocabulary import EOS, encode
from tests.workloads.shared.language_model.engine_promises import PROMPT, random_model

SHAPE = ThoughtShape(layers=2, width=32, heads=4, hidden=48, context=64)
LENGTHS = (9, 4, 7)
ANSWER = (SUMMARY, *encode("ans 65"))


@pytest.fixture(scope="module")
def model() -> ThoughtModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        made = ThoughtModel(SHAPE)
        with torch.no_grad():
            made.embedding.weight *= 20
            made.thoughts.normal_()
    return made.eval().requires_grad_(False)


def paths_of(own: PooledEngine, lengths: tuple[int, ...] = LENGTHS) -> list[Seq]:
    leaves = own.fork(own.open(PROMPT, 1), len(lengths))
    own.append(leaves, [[THINK[i]] for i in range(len(leaves))])
    own.decode(leaves, stop=frozenset(), max_new=list(lengths))
    return leaves


def packed(model: ThoughtModel, paths: list[Seq], behind: tuple[int, ...]) -> torch.Tensor:
    """The logits of one text: places that begin anew with each path, and a mask that says who reads whom."""
    bodies = [path.completion[: -1 if path.finished else None] for path in paths]
    ids, turns, owners = list(PROMPT), list(range(len(PROMPT))), [0] * len(PROMPT)
    for i, body in enumerate(bodies, 1):
        ids += body
        turns += range(len(PROMPT), len(PROMPT) + len(body))
        owners += [i] * len(body)
    begin = 1 + max(turns)
    ids += behind
    turns += range(begin, begin + len(behind))
    owners += [-1] * len(behind)
    who = np.array(owners)
    mask = np.tril((who[:, None] == who) | (who == 0) | (who[:, None] == -1))
    parts = (ids, turns, segments_of(ids), mask)
    return model.packed(*(torch.tensor(np.array(part))[None] for part in parts))[0]


def test_what_is_drawn_behind_paths_is_what_one_packed_text_says(model: ThoughtModel) -> None:
    own = ThoughtEngine(model, "thinker")
    paths = paths_of(own)
    merged = own.merge(paths)
    own.append([merged], [ANSWER[:1]])
    scores = own.score([merged], [ANSWER[1:]])[0]
    logs = packed(model, paths, ANSWER).double().log_softmax(-1)[-len(ANSWER) :]
    wanted = [float(logs[i, word]) for i, word in enumerate(ANSWER[1:])]
    np.testing.assert_allclose(scores, wanted, atol=1e-4)
    (chunk,) = own.decode([merged], stop=frozenset(), max_new=5, temperature=0.0)
    logs = packed(model, paths, (SUMMARY, *chunk.ids)).double().log_softmax(-1)
    words = logs[-len(chunk.ids) - 1 : -1].argmax(-1).tolist()
    assert words == list(chunk.ids)


def test_a_path_reads_neither_others_nor_their_segment(model: ThoughtModel) -> None:
    own = ThoughtEngine(model, "thinker")
    paths = paths_of(own)
    logs = packed(model, paths, ()).double().log_softmax(-1)
    at = len(PROMPT)
    for path in paths:
        wanted = [float(logs[at + i, word]) for i, word in enumerate(path.completion[1:])]
        assert path.logprob == pytest.approx(sum(wanted), abs=1e-3)
        at += len(path.completion) - path.finished


def test_nothing_is_run_again_and_all_is_held_once(model: ThoughtModel) -> None:
    own = ThoughtEngine(model, "thinker", Costs())
    paths = paths_of(own)
    read, words = dict(own.costs.meter), sum(len(p.ids) - p.finished for p in paths)
    merged = own.merge(paths)
    distinct = words - (len(paths) - 1) * len(PROMPT)
    assert own.held().tokens == distinct == len(merged.ids) == merged.start
    assert dict(own.costs.meter) == read
    own.append([merged], [ANSWER])
    meter, shape = own.costs.meter, model.shape
    assert meter["prefilled"] - read["prefilled"] == len(ANSWER)
    attended = sum(distinct + i + 1 for i in range(len(ANSWER)))
    counted = 2 * shape.parameters * len(ANSWER) + 4 * shape.layers * shape.width * attended
    assert meter["flops"] - read["flops"] == counted
    for path in paths:
        own.close(path)
    assert own.held().tokens == distinct + len(ANSWER)


def test_places_and_limits_go_by_the_longest_path_and_not_by_the_words(model: ThoughtModel) -> None:
    own = ThoughtEngine(model, "thinker")
    paths = paths_of(own, (20,) * 6)
    merged = own.merge([path for path in paths if not path.finished])
    longest = max(len(path.ids) for path in paths if not path.finished)
    assert len(merged.ids) > SHAPE.context > merged.cache.turn == longest
    room = SHAPE.context - longest
    (child,) = own.fork(merged, 1)
    own.append([child], [encode("1 ") * room])
    with pytest.raises(ValueError, match="exceed the context of 64"):
        own.append([child], [encode("1")])
    (chunk,) = own.decode([merged], stop=frozenset(), max_new=1000)
    assert len(chunk.ids) == room or chunk.ids[-1] == EOS


def test_merging_one_path_changes_no_logit_and_merging_none_is_refused() -> None:
    plain = PooledEngine(random_model(), "pooled")
    (leaf,) = plain.fork(plain.open(PROMPT, 2), 1)
    plain.decode([leaf], stop=frozenset(), max_new=6)
    if leaf.finished:
        leaf.ids.pop()
    merged = plain.merge([leaf])
    part = encode("4 7 +")
    np.testing.assert_allclose(
        plain.score([merged], [part]), plain.score([leaf], [part]), atol=1e-5
    )
    with pytest.raises(ValueError, match="Nothing was handed over"):
        plain.merge([])
