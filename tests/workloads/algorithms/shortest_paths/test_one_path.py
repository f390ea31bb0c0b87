"""What a method's process holds of this task, and that its counts are those of the task itself."""

import pickle
from pathlib import Path

import pytest

from adabench.harness.contract.record import Cell, Turn
from adabench.harness.errors import MethodContractError
from adabench.harness.run.execute import execute
from adabench.harness.run.settings import Settings
from adabench.workloads.algorithms.shortest_paths.substrate.replay import ShortestPaths
from adabench.workloads.algorithms.shortest_paths.task import CHECK_CONDITIONS, load

SMALL = {"vertices": 300, "pairs": 100, "graph": "power_2.5"}


def entered(task: ShortestPaths) -> ShortestPaths:
    """Return the substrate of a task with its first case entered."""
    substrate = pickle.loads(pickle.dumps(task.substrate(), protocol=5))
    case = task.cases()[0]
    substrate.enter(case, task.environment(case))
    return substrate


def test_a_method_gets_graphs_and_no_pairs(lives_alone) -> None:
    lives_alone("shortest_paths")
    task = load("embedded", 0, **CHECK_CONDITIONS)
    graphs = pickle.loads(pickle.dumps(task.substrate(), protocol=5)).training()
    for case, graph in zip(task.cases(), graphs, strict=True):
        assert len(graph.pairs) == 0
        assert (graph.instance, graph.group, graph.seed) == (case.instance, case.group, case.seed)
        assert (graph.graph.heads == case.graph.heads).all()


def test_a_case_that_was_not_entered_is_refused() -> None:
    task = load("embedded", 0, **CHECK_CONDITIONS)
    substrate = entered(task)
    with pytest.raises(MethodContractError, match="not a case of this task"):
        substrate.ask(task.cases()[1], lambda *_: 0)


@pytest.mark.parametrize(
    ("name", "knobs"),
    [
        ("bibfs", {"rows": "hubs_first"}),
        ("bibfs", {"rows": "given"}),
        ("landmarks", {}),
        ("pll", {}),
        ("random_ring", {}),
        ("wormhole", {"inside": "bibfs"}),
        ("wormhole", {"inside": "labels"}),
        ("hindsight", {}),
    ],
)
def test_a_stored_index_answers_like_the_one_that_was_stored(methods, name, knobs) -> None:
    task = load("embedded", 0, **SMALL)
    (case,) = task.cases()
    method = methods[name]
    point = {**method.CARD.defaults, **knobs}
    state = method.prepare(task, point, 0)
    data = pickle.loads(pickle.dumps(method.pack(state)))
    restored = method.unpack(task, point, data)
    outcomes = []
    for one in (state, restored):
        task.meter.clear()
        outcomes.append(task.score(case, method.solve(one, case, point)))
    assert outcomes[0] == outcomes[1]


def test_a_state_from_the_disk_costs_what_it_did(tmp_path: Path) -> None:
    turn = Turn(Cell("shortest_paths", "pll", {"largest": 70000}, SMALL, "embedded", 0), 0)
    first, second = (
        list(execute([turn], Settings(window_s=0.0, cache_folder=tmp_path))) for _ in range(2)
    )
    assert len(list(tmp_path.iterdir())) == 1
    assert [record.phase for record in first] == [record.phase for record in second]
    for name in ("prep_cpu_s", "prep_reads", "reads", "index_bytes"):
        assert first[1].values[name] == second[1].values[name] > 0
