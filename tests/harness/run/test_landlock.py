"""What a confined process can still do; skipped, with the reason, where the kernel confines nobody."""

import errno
import functools
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from adabench.harness.run.guards.landlock import SWITCH, Domain, confinement, enter

HELD = confinement()
pytestmark = pytest.mark.skipif(not HELD.files, reason=HELD.reason or "confined")


def confined(domain: Domain, work: Callable[[], object]) -> int:
    """Return what work came to in a confined child: 0, or the number of the error that it met."""
    pid = os.fork()
    if pid == 0:
        code = 0
        try:
            enter(domain)
            work()
        except OSError as refused:
            code = refused.errno or 255
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_only_what_a_domain_names_is_read_and_written(tmp_path: Path) -> None:
    for name in ("read", "write", "closed"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x")
    domain = Domain(read=(str(tmp_path / "read"),), write=(str(tmp_path / "write"),))
    assert confined(domain, lambda: (tmp_path / "read" / "file").read_text()) == 0
    assert confined(domain, lambda: (tmp_path / "write" / "new").write_text("y")) == 0
    assert (tmp_path / "write" / "new").read_text() == "y"
    assert confined(domain, lambda: (tmp_path / "read" / "new").write_text("y")) != 0
    assert confined(domain, lambda: (tmp_path / "closed" / "file").read_text()) != 0


def test_another_name_of_a_closed_file_is_closed(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "closed").write_text("x")
    (tmp_path / "open" / "link").symlink_to(tmp_path / "closed")
    domain = Domain(read=(str(tmp_path / "open"),))
    assert confined(domain, lambda: (tmp_path / "open" / "link").read_text()) != 0


def test_the_memory_of_a_parent_is_closed() -> None:
    memory = f"/proc/{os.getpid()}/mem"
    assert confined(Domain(read=("/proc",)), lambda: os.open(memory, os.O_RDONLY)) != 0


@pytest.mark.skipif(not HELD.signals, reason="this kernel holds no signals back")
def test_a_parent_gets_no_signal() -> None:
    assert confined(Domain(), lambda: os.kill(os.getppid(), signal.SIGCONT)) == errno.EPERM


@pytest.mark.skipif(not HELD.network, reason="this kernel holds no TCP back")
def test_tcp_is_closed_unless_it_is_allowed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = server.getsockname()  # a number: a name would be looked for in files
        for network, code in ((False, errno.EACCES), (True, 0)):
            with socket.socket() as client:
                assert (
                    confined(Domain(network=network), functools.partial(client.connect, place))
                    == code
                )


def test_the_switch_leaves_a_process_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SWITCH, "0")
    assert str(confinement()) == f"not confined: {SWITCH} is 0"
    assert confined(Domain(), lambda: (tmp_path / "file").write_text("x")) == 0
