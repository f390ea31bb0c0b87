"""The real level: gradients that are computed, encoded, sent and decoded are the full ones."""

import math

import numpy as np
import pytest
import torch.distributed as dist

from adabench.harness.errors import EnvironmentProblem
from adabench.workloads.algorithms.stragglers.methods.gradient_code import coded_scheme
from adabench.workloads.algorithms.stragglers.methods.multiplexed_gc import Multiplexed
from adabench.workloads.algorithms.stragglers.methods.sequential_gc import SelectiveRepeat
from adabench.workloads.algorithms.stragglers.substrate.delay_models import generate
from adabench.workloads.algorithms.stragglers.substrate.master_loop import schedule
from adabench.workloads.algorithms.stragglers.substrate.real import workers
from adabench.workloads.algorithms.stragglers.substrate.real.models import (
    CLASSES,
    DIM,
    decoded,
    gradient,
    make_data,
    parts,
    start,
)
from adabench.workloads.algorithms.stragglers.substrate.real.train import (
    RealWorkers,
    TrainingResult,
    train,
)
from adabench.workloads.algorithms.stragglers.substrate.real.workers import (
    WorkerResult,
    work,
    worker_processes,
)
from adabench.workloads.algorithms.stragglers.substrate.scheme import IDLE, Group, Layout
from adabench.workloads.algorithms.stragglers.task import load

SAMPLES, EXACT = 448, 1e-5
SCHEMES = {
    "cyclic": coded_scheme(8, 2, 2),
    "fractional": coded_scheme(8, 3, 3),
    "repeated": SelectiveRepeat(Layout((Group(1.0, 8, 2),)), 1, 2, 3, 2),
    "multiplexed": Multiplexed(8, 2, 3, 2),
    "uncoded d2": Multiplexed(8, 1, 3, 8),
}


class Desk:
    """Eight workers without processes: the same work, done here."""

    n = 8

    def __init__(self, layout, data):
        self.data, self.own, self.known = data, parts(layout, len(data.classes)), {}

    def publish(self, job, parameters):
        self.known[job] = parameters

    def round(self, orders, times) -> dict[int, WorkerResult]:
        busy = np.flatnonzero((orders.piece != IDLE).any(axis=1)).tolist()
        found = {}
        for i in busy:
            there = orders.piece[i] != IDLE
            asked = np.stack([orders.job[i][there], orders.piece[i][there]])
            done = work(asked, self.known, self.data, self.own, 1)
            found[i] = WorkerResult(float(times[i]), 0.0, done.vectors)  # late as the chain says
        return found


@pytest.mark.parametrize("name", SCHEMES)
def test_each_job_decodes_to_the_full_batch_gradient(name: str) -> None:
    scheme, data = SCHEMES[name], make_data(0, SAMPLES)
    profile = generate("independent", 8, 10, 20, 6.0, 1.0, 5)
    models = [start(0, model) for model in range(max(4, scheme.delay + 1))]
    trained = TrainingResult(models)
    worker_group = RealWorkers(
        profile, scheme.layout, True, Desk(scheme.layout, data), data, trained
    )
    books = schedule(profile, scheme, worker_group)
    assert trained.gradient_error < EXACT
    assert books.stopped + books.wait_outs > 0
    assert not worker_group.at
    assert not worker_group.held


def test_fewer_results_than_needed_do_not_decode_to_anything() -> None:
    data, layout = make_data(0, SAMPLES), SCHEMES["cyclic"].layout
    own = parts(layout, SAMPLES)
    done = work(np.array([[0] * 8, range(8)]), {0: start(0, 0)}, data, own, 1)
    full = gradient(start(0, 0), data, 0, SAMPLES)
    held = dict(enumerate(done.vectors))
    some = {i: held[i] for i in (0, 1, 3, 4, 6, 7)}
    assert np.linalg.norm(decoded(layout, some, True) - full) < EXACT * np.linalg.norm(full)
    del some[3]
    with pytest.raises(Exception, match="do not give the sum"):
        decoded(layout, some, True)


def test_what_is_left_out_makes_the_gradient_wrong() -> None:
    data, layout = make_data(0, SAMPLES), Layout((Group(1.0, 8),))
    own = parts(layout, SAMPLES)
    done = work(np.array([[0] * 7, range(7)]), {0: start(0, 0)}, data, own, 1)
    full = gradient(start(0, 0), data, 0, SAMPLES)
    off = np.linalg.norm(decoded(layout, dict(enumerate(done.vectors)), False) - full)
    assert off > 0.005 * np.linalg.norm(full)


def test_the_gradient_is_that_of_the_loss() -> None:
    data, flat = make_data(1, 60), start(1, 0)
    own = gradient(flat, data, 0, 60)
    assert own.shape == (DIM,)
    summed = sum(gradient(flat, data, a, a + 20) for a in (0, 20, 40))
    assert summed == pytest.approx(own, rel=1e-9, abs=1e-12)
    from adabench.workloads.algorithms.stragglers.substrate.real.models import quality

    for k in (0, 700, DIM - 1):
        step = np.zeros(DIM)
        step[k] = 1e-6
        slope = (quality(flat + step, data)[0] - quality(flat - step, data)[0]) / 2e-6 * 60
        assert slope == pytest.approx(own[k], rel=1e-4, abs=1e-5)


def test_data_are_drawn_by_the_seed_and_have_all_classes() -> None:
    one, same, other = make_data(0, 300), make_data(0, 300), make_data(1, 300)
    assert (one.pictures == same.pictures).all()
    assert not (one.pictures == other.pictures).all()
    assert len(one.classes.unique()) == CLASSES


def test_times_over_are_computed_and_not_slept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gradient takes a second here, whatever it takes."""
    data, own = make_data(0, 400), parts(Layout((Group(1.0, 2),)), 400)
    orders, known = np.array([[0], [0]]), {0: start(0, 0)}
    computed = []
    monkeypatch.setattr(workers, "gradient", lambda *a: computed.append(1) or gradient(*a))
    monkeypatch.setattr(workers, "process_time", lambda: float(len(computed)))
    once = work(orders, known, data, own, 1)
    assert once.compute_s == len(computed) > 0
    five = work(orders, known, data, own, 5)
    assert five.compute_s == len(computed) - once.compute_s == 5 * once.compute_s
    assert np.array_equal(five.vectors, once.vectors)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cyclic", "repeated", "multiplexed"])
def test_processes_decode_the_full_gradient_and_learn(name: str) -> None:
    profile = generate("independent", 8, 24, 20, 6.0, 1.0, 5)
    books, trained = train(profile, SCHEMES[name], foresight=False, exact=True, samples=1344)
    assert trained.gradient_error < EXACT
    assert trained.loss < 0.95 * math.log(CLASSES)
    assert trained.sent_bytes >= 8 * DIM * books.results
    assert trained.encode_cpu_s > 0
    assert trained.decode_cpu_s > 0
    assert not dist.is_initialized()


@pytest.mark.slow
def test_the_real_level_runs_through_every_method(methods, values) -> None:
    task = load("embedded", 0, level="real", delays="independent", jobs=6)
    for name in methods:
        seen = values(name, task)["independent"]
        assert seen["workers"] == 8
        assert 0 < seen["optimality"] <= 1
        if name != "ignore_stragglers":
            assert seen["gradient_error"] < seen["tolerance"] == EXACT
            assert seen["delivered"] == 1


@pytest.mark.slow
def test_real_workers_compute_in_the_process_of_a_method(in_processes) -> None:
    real = {"level": "real", "delays": "independent", "jobs": 6}
    for records in in_processes("stragglers", ("gradient_code", "hindsight"), **real).values():
        (record,) = records
        assert record.values["gradient_error"] < record.values["tolerance"]
        assert record.values["workers"] == 8
        assert math.isfinite(record.values["time"])


@pytest.mark.slow
def test_workers_end_with_the_run_also_when_it_fails() -> None:
    import multiprocessing

    layout = Layout((Group(1.0, 2),))
    with pytest.raises(KeyError), worker_processes(2, layout, 0, 20):
        raise KeyError
    for child in multiprocessing.active_children():
        child.join(20)
    assert not multiprocessing.active_children()
    assert not dist.is_initialized()


@pytest.mark.slow
def test_lost_workers_are_an_error_in_words() -> None:
    layout = Layout((Group(1.0, 2),))
    with pytest.raises(EnvironmentProblem, match="were lost"), worker_processes(2, layout, 0, 20):
        raise RuntimeError("Connection closed by peer")
