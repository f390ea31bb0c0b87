"""What the run's side holds of its processes: no socket outlives the server that it leads to."""

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from adabench.harness.contract.registry import find
from adabench.harness.plan.grid import plan, select_settings
from adabench.harness.run.execute import Bench
from adabench.harness.run.failure import MethodLost
from adabench.harness.run.method_handle import ServerHandle
from adabench.harness.run.settings import Limits, Settings

SETTINGS = Settings(window_s=0.0)


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[socket.socket]]:
    """Every socket that is made here; none is left to be collected."""
    made: list[socket.socket] = []
    pair = socket.socketpair

    def socketpair() -> tuple[socket.socket, socket.socket]:
        made.extend(both := pair())
        return both

    monkeypatch.setattr(socket, "socketpair", socketpair)
    yield made
    assert [end for end in made if end.fileno() != -1] == []


def test_a_server_that_dies_as_a_method_starts_leaves_no_socket(
    sockets: list[socket.socket],
) -> None:
    with closing(ServerHandle.open()) as server:
        server.process.kill()
        server.process.wait()
        with pytest.raises(MethodLost, match="SIGKILL"):
            server.start({}, ())
    assert len(sockets) == 4


@pytest.mark.usefixtures("toy")
def test_a_server_that_died_is_replaced_and_its_socket_closed(
    sockets: list[socket.socket],
) -> None:
    turn, *_ = plan([select_settings(find("roots"), find("roots/fixed"), star=False)])
    with closing(Bench(SETTINGS, Limits())) as bench:
        lost = bench.open(turn).server
        lost.process.kill()
        lost.process.wait()
        assert bench.open(turn).server is not lost
        assert lost.channel.fileno() == -1
    assert len(sockets) == 8
