"""What the run's side holds of its processes: no socket outlives the server that it leads to."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from adabench.harness.contract.plain_data import PlainDataError
from adabench.harness.contract.registry import find
from adabench.harness.plan.grid import plan, select_settings
from adabench.harness.run.channel import Channel
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


@pytest.mark.usefixtures("toy")
def test_a_method_that_a_signal_stopped_does_not_hang_the_run() -> None:
    turn, *_ = plan([select_settings(find("roots"), find("roots/fixed"), star=False)])
    with closing(Bench(SETTINGS, Limits(timeout_s=None))) as bench:
        handle = bench.open(turn)
        os.kill(handle.pid, signal.SIGSTOP)
        with pytest.raises(MethodLost, match="stopped by a signal"):
            handle.ask({"do": "end"})
        assert not handle.alive


@pytest.mark.usefixtures("toy")
def test_a_server_that_a_signal_stopped_is_let_go_on() -> None:
    turn, *_ = plan([select_settings(find("roots"), find("roots/fixed"), star=False)])
    with closing(Bench(SETTINGS, Limits())) as bench:
        handle = bench.open(turn)
        handle.server.process.send_signal(signal.SIGSTOP)
        assert handle.server.end(handle.pid)[0] == -signal.SIGKILL


def test_a_message_longer_than_allowed_is_refused_before_it_is_whole() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        Channel(theirs).send({"answer": "x" * 1000})
        channel = Channel(ours, most_bytes=100)
        assert channel.fill()
        with pytest.raises(PlainDataError, match="100 are allowed"):
            channel.take()
