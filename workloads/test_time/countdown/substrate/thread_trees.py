"""Trees of threads: a parent spawns children, all of which are decoded together, and joins what they return.

    parent   <bos> CD 3 7 5 ? 22 >   spawn 3 + 5 = 8 : 8 7 ; 3 * 5 = 15 : 15 7 ; join   [what children returned]   <eos>
    child    <bos> CD 3 7 5 ? 22 > call 3 * 5 = 15 : 15 7 ;   15 - 7 = 8 ; back 15 + 7 = 22 ; join 3 * 5 = 15 : 15 7 ; 15 + 7 = 22 ; <eos>

Each step between `spawn` and `join` is the message of a child, which reads the question and its own message, and nothing of the parent's; `call` says that
it is a child. It returns what it wrote behind its `join`: a whole attempt, or nothing. What children returned follows the parent's `join`, with `back` between
two; the parent ends there, and so answers the last of it, or goes on. A thread has `THREAD` words, its prompt included; what would not
fit into the parent is not put onto it. Nothing here calculates, searches or compares: models write every number.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from adabench.harness.errors import AdabenchError
from adabench.workloads.shared.language_model.contract import Masks, Seq
from adabench.workloads.shared.language_model.search_session import Session
from adabench.workloads.shared.language_model.vocabulary import EOS, VOCABULARY, steps
from adabench.workloads.shared.training import checkpoints
from adabench.workloads.test_time.countdown.recipes import FOLDER
from adabench.workloads.test_time.countdown.substrate.number_problems import (
    BACK,
    CALL,
    JOIN,
    SPAWN,
    STEP_END,
    read_step,
)
from adabench.workloads.test_time.substrate.question_task import QuestionTask

THREAD = 104
"""Words of a thread, its prompt included: of a parent with six children at four numbers, or three attempts one after another."""
MOST_CHILDREN = 6
"""Of one `spawn`."""
MOST_SPAWNS = 3
MESSAGE = 10
"""Words of a message at four numbers."""
Words = tuple[int, ...]
Width = Callable[[Seq], int]
"""How many children a parent spawns that has just written `spawn`, whatever it would have chosen."""


class SpawnError(AdabenchError):
    """What stands between `spawn` and `join` is nothing that threads can begin with."""


class Writer(Protocol):
    """Who decodes threads: a session, or an engine in a training."""

    def spawn(self, parent: Seq, prompts: Sequence[Sequence[int]]) -> list[Seq]:
        """Return child contexts of a parent."""
        ...

    def append(
        self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]], *, as_: Any = "forced"
    ) -> None:
        """Put words onto sequences."""
        ...

    def decode(
        self,
        seqs: Sequence[Seq],
        *,
        max_new: int | Sequence[int],
        temperature: float | None = None,
        stop: frozenset[int] = frozenset(),
        allow: Masks | None = None,
    ) -> object:
        """Sample on from each sequence."""
        ...


@dataclass
class Tree:
    """A parent, and the children that it spawned."""

    parent: Seq
    children: list[Seq] = field(default_factory=list)
    segments: list[tuple[int, int]] = field(default_factory=list)
    """Where the parent's own words begin and end, within its ids."""
    widths: list[int] = field(default_factory=list)
    """Children of each of its spawns."""
    refusal: str = ""
    """Why its last `join` was none, if it was none."""

    @property
    def rows(self) -> tuple[tuple[Words, Words], ...]:
        """Return what each sequence of the tree has read, and what it wrote."""
        ids = tuple(self.parent.ids)
        own = [(ids[:begin], ids[begin:end]) for begin, end in self.segments if end > begin]
        drawn = [(tuple(one.ids[: one.start]), one.completion) for one in self.children]
        return (*own, *((read, words) for read, words in drawn if words))


def messages(completion: Sequence[int]) -> list[Words]:
    """Return the messages of a parent's last `spawn`, which its last word, `join`, has closed.

    Raises:
        SpawnError: for a `join` without a `spawn`, no message, one that is no step, or too many.
    """
    words = tuple(completion)
    opened = max((at for at, word in enumerate(words) if word == SPAWN), default=-1)
    if not words or words[-1] != JOIN or JOIN in words[opened + 1 : -1] or opened < 0:
        raise SpawnError(
            "A `join` without a `spawn`: no children are open.", "Write `spawn`, and messages."
        )
    found = steps(words[opened + 1 : -1])
    if not found:
        raise SpawnError(
            "A `spawn` without a message: no child has anything to begin with.",
            "Write a step for each child, each closed by `;`.",
        )
    if any(read_step(message) is None for message in found):
        raise SpawnError(
            "A message to a child is no step.", "Write `a + b = c : rest ;` for each child."
        )
    if len(found) > MOST_CHILDREN:
        raise SpawnError(
            f"{len(found)} children at a cap of {MOST_CHILDREN}.",
            f"Spawn {MOST_CHILDREN} at most, and join them before others.",
        )
    return found


def returned(child: Seq) -> Words:
    """Return what a child that has ended wrote behind its `join`; one that was cut returns nothing."""
    completion = child.completion
    if not child.finished or JOIN not in completion:
        return ()
    return completion[completion.index(JOIN) + 1 : -1]


def grow(
    writer: Writer,
    parents: Sequence[Seq],
    *,
    temperature: float | None = None,
    width: Width | None = None,
) -> list[Tree]:
    """Let parents write, spawn, join and go on, until each has ended or its thread is full."""
    trees = open_ = [Tree(parent) for parent in parents]
    for turn in range(MOST_SPAWNS + 1):
        begins = [len(tree.parent.ids) for tree in open_]
        spawns = turn < MOST_SPAWNS
        _write(writer, [tree.parent for tree in open_], temperature, width if spawns else None)
        for tree, begin in zip(open_, begins, strict=True):
            tree.segments.append((begin, len(tree.parent.ids)))
        joined = [tree for tree in open_ if spawns and tree.parent.ids[-1] == JOIN]
        open_ = [tree for tree in _join(writer, joined, temperature) if _left(tree.parent) > 0]
        if not open_:
            break
    return trees


def shares_of(task: QuestionTask, recipe: str) -> tuple[float, ...]:
    """Return which shares of a policy's spawns had 0, 1, ... children on `dev` questions, as its card says."""
    name = task.models.successors[recipe].names[0]
    return _shares(checkpoints.home(name, FOLDER) / f"{name}.json")


@lru_cache(maxsize=16)
def _shares(card: Path) -> tuple[float, ...]:
    found = json.loads(card.read_text(encoding="utf-8"))["dev"]
    return (0.0, *(float(found[f"width_{many}"]) for many in range(1, MOST_CHILDREN + 1)))


def searches(session: Session, count: int) -> list[Seq]:
    """Return so many searches of a question, each in one thread."""
    leaves = session.fork(session.open(), count)
    session.decode(leaves, max_new=list(map(_left, leaves)))
    return leaves


def _left(seq: Seq) -> int:
    return THREAD - len(seq.ids)


def _write(
    writer: Writer, parents: Sequence[Seq], temperature: float | None, width: Width | None
) -> None:
    """Let parents write up to a `join`, or their ends; with `width`, as many messages as it says."""
    rooms = list(map(_left, parents))
    until = frozenset({JOIN if width is None else SPAWN})
    writer.decode(parents, max_new=rooms, temperature=temperature, stop=until)
    if width is None:
        return
    widths = {seq: width(seq) for seq in parents if seq.ids[-1] == SPAWN and _left(seq) > 0}
    allow = np.ones(VOCABULARY, np.bool_)
    allow[[JOIN, EOS]] = False
    for done in range(MOST_CHILDREN):
        wider = [seq for seq, most in widths.items() if done < most and _left(seq) > MESSAGE]
        if wider:
            rooms = [min(2 * MESSAGE, _left(seq) - 1) for seq in wider]
            stop = frozenset({STEP_END})
            writer.decode(wider, max_new=rooms, temperature=temperature, stop=stop, allow=allow)
    if widths:
        writer.append(list(widths), [[JOIN]] * len(widths))


def _join(writer: Writer, trees: Sequence[Tree], temperature: float | None) -> list[Tree]:
    """Decode the children of all trees together, and put what they return onto their parents."""
    found: list[tuple[Tree, list[Seq]]] = []
    for tree in trees:
        try:
            read = messages(tree.parent.completion)
        except SpawnError as error:
            tree.refusal = str(error)
            continue
        prompt = tree.parent.ids[: tree.parent.start]
        own = writer.spawn(tree.parent, [(*prompt, CALL, *message) for message in read])
        tree.children += own
        tree.widths.append(len(own))
        found.append((tree, own))
    every = [child for _, own in found for child in own]
    if every:
        writer.decode(every, max_new=[_left(seq) for seq in every], temperature=temperature)
    returns = {tree.parent: [words for words in map(returned, own) if words] for tree, own in found}
    for turn in zip_longest(*returns.values()):
        fits = [
            (parent, words)
            for parent, words in zip(returns, turn, strict=True)
            if words is not None and _left(parent) > len(words) + 1
        ]
        behind = [parent for parent, _ in fits if parent.ids[-1] != JOIN]
        if behind:
            writer.append(behind, [[BACK]] * len(behind))
        if fits:
            writer.append([seq for seq, _ in fits], [words for _, words in fits], as_="child")
    return [tree for tree, _ in found]
