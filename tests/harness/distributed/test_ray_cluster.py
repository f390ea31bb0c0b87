"""Which machines of a cluster work together; what Ray does with them is tested through the command."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from adabench.harness.distributed.ray_cluster import Node, _in_turn, alike
from adabench.harness.distributed.shard import Job
from adabench.harness.errors import EnvironmentProblem
from adabench.harness.provenance import environment, worker_environment

OWN = environment.fingerprint()


def told(cpu_model: str = "Abacus", problem: str = "", **more: Any) -> dict[str, Any]:
    return {"environment": OWN | {"cpu_model": cpu_model} | more, "problem": problem}


def cluster(*machines: Mapping[str, Any]) -> dict[Node, Mapping[str, Any]]:
    return {Node(str(place), f"node{place}", 1): told for place, told in enumerate(machines)}


def job(run: Path, gpus: int = 0) -> Job:
    return Job(run / "shards" / "0000", (), {}, {}, gpus=gpus)


def names(nodes: list[Node]) -> list[str]:
    return [node.name for node in nodes]


def test_the_largest_group_works_and_the_others_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    found = alike(cluster(told(), told("Slide rule"), told()), job(tmp_path))
    assert names(found) == ["node0", "node2"]
    assert "node1 of the Ray cluster is left out" in caplog.text
    assert "cpu_model (Abacus there, Slide rule here)" in caplog.text


def test_a_machine_with_other_code_is_left_out_whatever_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    found = alike(cluster(told(problem="its code is not that of the run"), told()), job(tmp_path))
    assert names(found) == ["node1"]
    assert "its code" in caplog.text


def test_of_groups_of_one_size_the_one_like_this_machine_works(tmp_path: Path):
    here = told(OWN["cpu_model"])
    assert names(alike(cluster(told(), here), job(tmp_path))) == ["node1"]


def test_of_machines_of_which_no_two_are_alike_none_is_taken(tmp_path: Path):
    with pytest.raises(EnvironmentProblem, match=r"cpu_model \(Slide rule there, Abacus here\)"):
        alike(cluster(told(), told("Slide rule")), job(tmp_path))
    with pytest.raises(EnvironmentProblem, match="other code"):
        alike(cluster(told(problem="other code"), told(problem="other code")), job(tmp_path))


def test_a_run_goes_on_where_it_began(tmp_path: Path):
    began = {"environment": told("Slide rule")["environment"]}
    worker_environment.agree(tmp_path, began)
    machines = cluster(told(), told(), told("Slide rule"))
    assert names(alike(machines, job(tmp_path))) == ["node2"]
    with pytest.raises(EnvironmentProblem, match="Slide rule there, Abacus here"):
        alike(cluster(told(), told()), job(tmp_path))


def test_boards_count_by_kind_and_only_for_who_uses_them(tmp_path: Path):
    one = told(gpus=["Quill"], driver="1", visible_gpus=["Quill"])
    many = told(gpus=["Quill"] * 8, driver="1", visible_gpus=None)
    none = told(gpus=[], driver=None, visible_gpus=[])
    assert len(alike(cluster(one, many, none), job(tmp_path))) == 3
    assert names(alike(cluster(none, one, many), job(tmp_path, gpus=1))) == ["node1", "node2"]


def test_workers_are_spread_over_the_machines():
    nodes = [Node("a", "a", 3), Node("b", "b", 1)]
    assert names(_in_turn(nodes)) == ["a", "b", "a", "a"]
