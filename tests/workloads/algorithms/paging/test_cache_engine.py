"""The engine on sequences worked out by hand."""

from types import ModuleType

import numpy as np
import pytest

from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.paging.substrate.cache_engine import engine
from adabench.workloads.algorithms.paging.substrate.replay import Paging
from adabench.workloads.algorithms.paging.truth.hindsight import scored_task
from adabench.workloads.shared.compiled.kernels import keyed
from adabench.workloads.shared.counting.counted_task import Transcript

# The reference string of the textbooks: with 3 frames FIFO faults 15 times, LRU 12, OPT 9.
TEXTBOOK = [7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1]
# Belady's anomaly: FIFO faults 9 times with 3 frames and 10 times with 4.
ANOMALY = [1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5]


def log_of(method: ModuleType, task: Paging) -> list[int]:
    (case,) = task.cases()
    transcript = Transcript()
    method.solve(scored_task([task.of(case)], transcript), case, method.CARD.defaults)
    return transcript.heard[case.instance].log.tolist()


@pytest.mark.parametrize(("name", "expected"), [("fifo", 15), ("lru", 12), ("belady", 9)])
def test_the_textbook_string(name, expected, methods, of_pages) -> None:
    assert sum(log_of(methods[name], of_pages(TEXTBOOK, 3))) == expected


@pytest.mark.parametrize(("slots", "expected"), [(3, 9), (4, 10)])
def test_fifo_has_belady_s_anomaly(slots, expected, methods, of_pages) -> None:
    assert sum(log_of(methods["fifo"], of_pages(ANOMALY, slots))) == expected


def test_lru_to_the_request(methods, of_pages) -> None:
    # After 0 1 2 the cache is full; 0 is used, so 3 pushes 1 out and 1 then pushes 2 out.
    pages = [0, 1, 2, 0, 3, 0, 1, 3, 2]
    assert log_of(methods["lru"], of_pages(pages, 3)) == [1, 1, 1, 0, 1, 0, 1, 0, 1]


def test_fifo_to_the_request(methods, of_pages) -> None:
    # As above, but a use does not save 0: 3 pushes 0 out, 0 pushes 1 out, 1 pushes 2 out.
    pages = [0, 1, 2, 0, 3, 0, 1, 3, 2]
    assert log_of(methods["fifo"], of_pages(pages, 3)) == [1, 1, 1, 0, 1, 1, 1, 0, 1]


@pytest.mark.parametrize("name", ["marker", "mark_and_predict"])
def test_markers_fault_at_most_once_a_page_and_phase(name, methods, of_pages) -> None:
    # A k-phase begins where the (k+1)-th distinct page is requested. A marking policy holds
    # exactly the pages of the phase at its end, so it faults there, and keeps marked pages.
    pages = np.random.default_rng(3).integers(12, size=400).tolist()
    log = log_of(methods[name], of_pages(pages, 5, noise=0.5))
    seen: set[int] = set()
    for page, faulted in zip(pages, log, strict=True):
        if page not in seen and len(seen) == 5:
            seen = set()
            assert faulted
        if page in seen:
            assert not faulted
        seen.add(page)


def test_the_flush_rule_flushes(methods, of_pages) -> None:
    # Noise 1 with `fall` makes every bit 0: on a full cache all pages go.
    pages = [0, 1, 2, 3, 1, 2, 3, 1]
    log = log_of(methods["flush"], of_pages(pages, 3, noise=1.0, kind="fall"))
    assert log == [1, 1, 1, 1, 1, 1, 0, 0]


def test_mark0_lets_a_page_leave_at_once(methods, of_pages) -> None:
    # Noise 1 with `rise` makes every bit 1: no page stays, every request faults.
    log = log_of(methods["mark0"], of_pages([0, 0, 1, 0, 1, 1], 3, noise=1.0, kind="rise"))
    assert log == [1] * 6


def test_coins_repeat_and_differ_between_streams_and_methods(methods, of_pages) -> None:
    pages = np.random.default_rng(0).integers(40, size=3000).tolist()

    def faults(name: str) -> list[int]:
        task = of_pages(pages, 10)
        return methods[name].solve(task, task.cases()[0], {}).faults.tolist()

    assert faults("random_eviction") == faults("random_eviction")
    assert len(set(faults("random_eviction"))) > 1
    assert faults("random_eviction") != faults("marker")


def test_draws_are_uniform(methods, of_pages) -> None:
    # On the circle of k + 1 pages random eviction hits with probability (1 - 1/k)^(k-1) at
    # most; a biased draw (always the last slot) would give Belady's or LRU's count.
    task = of_pages(list(range(11)) * 400, 10)
    answer = methods["random_eviction"].solve(task, task.cases()[0], {})
    share = answer.faults.mean() / 4400
    assert 0.15 < share < 0.25


def test_a_policy_in_plain_python_is_refused(of_pages) -> None:
    task = of_pages([0, 1, 2], 2)
    with pytest.raises(MethodContractError, match="not compiled"):
        task.replay(task.cases()[0], lambda *_: None, lambda *_: None)


def test_an_answer_written_to_afterwards_is_refused(methods, of_pages) -> None:
    task = of_pages(TEXTBOOK, 3)
    (case,) = task.cases()
    answer = methods["lru"].solve(task, case, {})
    with pytest.raises(ValueError, match="WRITEABLE"):
        answer.faults.flags.writeable = True
    object.__setattr__(answer, "faults", answer.faults - 3)
    with pytest.raises(MethodContractError, match="not the task's own"):
        task.score(case, answer)


def test_the_compiled_key_covers_the_shared_sources() -> None:
    def add(a, b):
        return a + b

    cells = keyed(add).__closure__
    assert cells
    assert keyed(add).__code__.co_freevars == ("source_digest",)
    assert len(cells[-1].cell_contents) == 64
    assert keyed(add)(2, 3) == 5


def test_an_engine_is_keyed_by_the_policy_s_own_source(methods) -> None:
    def digest(name: str) -> str:
        compiled = engine(methods[name].fault, methods[name].serve)
        return compiled.py_func.__closure__[-1].cell_contents

    assert digest("lru") != digest("fifo")
    assert engine(methods["lru"].fault, methods["lru"].serve) is engine(
        methods["lru"].fault, methods["lru"].serve
    )
