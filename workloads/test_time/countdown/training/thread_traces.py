"""Traces of a search in one thread, and of the same search in threads that a parent spawns and joins.

Both are of the same problems, and both tell success from failure: what ends in an attempt has met the target, what ends in `back` found nothing.

    serial    attempts that miss, each the nearer of two at random, then one that meets the target, if the thread has room for it
    threads   now and then an attempt that misses; then `spawn` with 1 to 6 first steps, each at once searched by a child; the parent
              ends with what a child returned, spawns again, or finds nothing

How many attempts miss, and how many children there are, is drawn alike for easy and hard problems: when to be wide is not taught here. In `SHOWN` of the
parents' spawns a step that leads to the target is among them; a child with one number pair tries all its moves, one with three numbers
makes three attempts at most. Every segment of a parent is a row, and so are two of the children of each problem.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, islice

import numpy as np

from adabench.workloads.shared.language_model.vocabulary import EOS
from adabench.workloads.test_time.countdown.substrate import number_problems as form
from adabench.workloads.test_time.countdown.substrate.thread_trees import MOST_CHILDREN, THREAD
from adabench.workloads.test_time.countdown.training.search_traces import Row, words_of
from adabench.workloads.test_time.countdown.truth.true_steps import moves, stream, wander

SHOWN, TRIES_FIRST, SPAWNS_AGAIN = 0.8, 0.3, 0.7
"""Shares: of spawns that hold a step of a solution, of parents that first try by themselves, of those that spawn again."""
CHILD_TRIES = 3
"""Attempts of a child with three numbers."""
ROWS_OF_CHILDREN = 2
"""Of each problem."""
Attempt = tuple[form.Step, ...]


def serial_rows(seed: int, sizes: Sequence[int], count: int) -> list[Row]:
    """Return prompts and searches in one thread, of so many problems of the `train` split."""
    generator = _generator(seed)
    drawn = islice(stream("train", seed, sizes), count)
    return [(one.prompt, _serial(one, solution, generator)) for one, solution in drawn]


def thread_rows(seed: int, sizes: Sequence[int], count: int) -> list[Row]:
    """Return so many sequences of threads: what each has read, and what it wrote."""
    generator, found = _generator(seed), list[Row]()
    for problem, solution in stream("train", seed, sizes):
        parents, children = _threads(problem, solution, generator)
        some = generator.permutation(len(children))[:ROWS_OF_CHILDREN]
        found += [*parents, *(children[int(k)] for k in some)]
        if len(found) >= count:
            return found[:count]
    raise AssertionError("a stream of problems does not end")


def _generator(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(2,))))


def _serial(
    problem: form.Problem, solution: Attempt, generator: np.random.Generator
) -> tuple[int, ...]:
    length = len(words_of(solution)) + 1
    most = (THREAD - len(problem.prompt) - 1) // length
    wanted = int(generator.integers(most + 1))
    missed = islice(_misses(problem.numbers, problem.target, generator), wanted)
    end = words_of(solution) if wanted < most else ()
    return (*chain.from_iterable((*words_of(one), form.BACK) for one in missed), *end, EOS)


def _threads(
    problem: form.Problem, solution: Attempt, generator: np.random.Generator
) -> tuple[list[Row], list[Row]]:
    """Return the segments of a parent, and its children."""
    parents, children = list[Row](), list[Row]()
    read, own = problem.prompt, tuple[int, ...]()
    attempt, message = len(words_of(solution)) + 1, len(form.step_words(solution[0]))
    if generator.random() < TRIES_FIRST:
        for missed in islice(_misses(problem.numbers, problem.target, generator), 1):
            own = (*words_of(missed), form.BACK)
    again = True
    while again:
        room = (THREAD - len(read) - len(own) - attempt - 2) // message
        if room < 1:
            break
        wide = min(int(generator.integers(1, MOST_CHILDREN + 1)), room)
        spawned = _first_steps(problem, solution, wide, generator)
        own = (*own, form.SPAWN, *words_of(spawned), form.JOIN)
        parents.append((read, own))
        read, own = (*read, *own), ()
        met = False
        for step in spawned:
            row, returns = _child(problem, step, solution, generator)
            children.append(row)
            if returns and len(read) + len(returns) + 1 < THREAD:
                read, met = (*read, *((form.BACK,) if met else ()), *returns), True
        again = not met and bool(generator.random() < SPAWNS_AGAIN)
    end = (EOS,) if parents and read[-1] != form.JOIN else (*own, form.BACK, EOS)
    parents.append((read, end))
    return parents, children


def _first_steps(
    problem: form.Problem, solution: Attempt, wide: int, generator: np.random.Generator
) -> list[form.Step]:
    """Return different first steps in any order."""
    possible = moves(problem.numbers)
    order = [possible[int(k)] for k in generator.permutation(len(possible))]
    if generator.random() < SHOWN:
        order = [solution[0], *(one for one in order if one != solution[0])]
    chosen = order[:wide]
    return [chosen[int(k)] for k in generator.permutation(len(chosen))]


def _child(
    problem: form.Problem, step: form.Step, solution: Attempt, generator: np.random.Generator
) -> tuple[Row, tuple[int, ...]]:
    """Return a child's sequence, and what it returns."""
    pool, target, written = step.left, problem.target, list[Attempt]()
    if len(pool) == 2:
        possible = moves(pool)
        tried: list[Attempt] = [(possible[int(k)],) for k in generator.permutation(len(possible))]
    else:
        tried = list(islice(_misses(pool, target, generator), CHILD_TRIES))
        if step == solution[0]:
            tried[int(generator.integers(CHILD_TRIES)) :] = [solution[1:]]
    for one in tried:
        written.append(one)
        if one[-1].result == target:
            break
    hit = bool(written) and written[-1][-1].result == target
    returns = words_of((step, *written[-1])) if hit else ()
    parts = [words_of(one) for one in written]
    spent = [(*words, form.BACK) for words in (parts[:-1] if hit else parts)]
    last = parts[-1] if hit else ()
    completion = (*chain.from_iterable(spent), *last, form.JOIN, *returns, EOS)
    return ((*problem.prompt, form.CALL, *form.step_words(step)), completion), returns


def _misses(
    pool: tuple[int, ...], target: int, generator: np.random.Generator
) -> Iterator[Attempt]:
    """Yield attempts that miss the target, the nearer of two each."""
    for _ in range(100):
        tried = [wander(pool, generator) for _ in range(2)]
        far = [one for one in tried if one and one[-1].result != target]
        if far:
            yield min(far, key=lambda one: abs(one[-1].result - target))
