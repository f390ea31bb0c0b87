"""The substrates that a server holds: as many as it is told, and of them the one that was asked for."""

import gc
import pickle
from typing import Any, cast

import pytest

from adabench.harness.run import task_server
from adabench.harness.run.task_server import TaskServer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> TaskServer:
    monkeypatch.setattr(gc, "freeze", lambda: None)
    monkeypatch.setattr(task_server, "give_back", lambda: None)
    return TaskServer(cast(Any, None), 0)


def load(server: TaskServer, block: str, most: int) -> object:
    data = pickle.dumps([block])
    server._load({"block": block, "most": most, "substrate": data, "task": "toy"})
    return server.substrate


def test_a_held_substrate_is_taken_up_again(server: TaskServer) -> None:
    first = load(server, "a", 2)
    assert (first, load(server, "b", 2)) == (["a"], ["b"])
    assert load(server, "a", 2) is first
    assert (load(server, "c", 2), list(server.held)) == (["c"], ["a", "c"])


def test_a_run_holds_one(server: TaskServer) -> None:
    first = load(server, "a", 1)
    load(server, "b", 1)
    assert list(server.held) == ["b"]
    again = load(server, "a", 1)
    assert again == first
    assert again is not first
