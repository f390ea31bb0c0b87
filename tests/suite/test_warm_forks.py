"""What the warm process forks is what a fresh interpreter would have been, and what it cannot fork is one."""

import importlib
import importlib.util
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.suite import warm_forks, warm_process, warm_session
from tests.suite.huge_pages import own_memory
from tests.suite.start_order import NAME, NEEDS_EXTRAS, NEEDS_MODELS, PROGRAM, SERVER

ROOT = Path(__file__).parents[2]
PROBE = [sys.executable, "-P", "-m", "tests.suite.fork_probe"]
Environ = dict[str, str]

pytestmark = pytest.mark.skipif(
    not warm_forks.possible() or os.environ.get(warm_session.COLD) == "1",
    reason="nothing is forked here",
)


@pytest.fixture
def warm() -> Environ:
    """An environment in which the probe is forked."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.fixture
def cold(warm: Environ) -> Environ:
    """An environment in which it starts afresh."""
    return without_forks(warm)


def without_forks(environ: Mapping[str, str]) -> Environ:
    return {name: value for name, value in environ.items() if name != NAME}


def called(words: list[str], env: Environ, **how: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, env=env, capture_output=True, text=True, check=False, **how)


def probe(*words: str, env: Environ, **how: Any) -> subprocess.CompletedProcess[str]:
    return called([*PROBE, *words], env, **how)


def state(env: Environ, **how: Any) -> dict[str, Any]:
    """Return what the probe says of itself, but for the variable that makes it a fork."""
    done = probe("state", "a word", "--flag", "ü\udcff", env=env, **how)
    found: dict[str, Any] = json.loads(done.stdout)
    found["environ"].pop(NAME, None)
    return found


def is_forked(env: Environ, **how: Any) -> bool:
    """Say whether a probe that is started so is a child of another process than this one."""
    return int(probe("parent", env=env, **how).stdout) != os.getpid()


def wait_for_end(pid: int) -> None:
    """Wait for the end of a process that is not our child."""
    try:
        end = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    select.select([end], [], [])
    os.close(end)


SITUATIONS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "as it is": lambda folder: {},
    "input": lambda folder: {"input": "some\nlines"},
    "another folder": lambda folder: {"cwd": folder},
    "a session of its own": lambda folder: {"start_new_session": True},
    "no input": lambda folder: {"stdin": subprocess.DEVNULL},
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_fork_is_what_a_fresh_start_is(
    warm: Environ, cold: Environ, tmp_path: Path, name: str
) -> None:
    how = SITUATIONS[name](tmp_path)
    assert state(warm, **how) == state(cold, **how)


def test_its_environment_is_that_of_the_one_who_starts_it(
    warm: Environ, cold: Environ, tmp_path: Path
) -> None:
    (tmp_path / "beside").mkdir()
    changes = {
        "A_WORD": "ü", "TMPDIR": str(tmp_path), "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "t"),
        "PYTHONPATH": os.pathsep.join(["beside", str(ROOT), "", "nowhere", *sys.path]),
    }  # fmt: skip
    there, here = ({**env, **changes} for env in (warm, cold))
    there.pop("PATH")
    here.pop("PATH")
    assert is_forked(there, cwd=tmp_path)
    assert state(there, cwd=tmp_path) == state(here, cwd=tmp_path)


def test_open_files_that_are_passed_have_their_numbers(warm: Environ, cold: Environ) -> None:
    reading, writing = os.pipe()
    passed = [reading, writing, os.dup(writing)]
    found = state(warm, pass_fds=passed)
    assert found["open"] == sorted([0, 1, 2, *passed])
    assert found == state(cold, pass_fds=passed)
    for file in passed:
        os.close(file)


def test_cores_are_those_of_the_one_who_starts_it(warm: Environ, cold: Environ) -> None:
    given = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(given)})
    try:
        assert is_forked(warm)
        assert state(warm)["cores"] == state(cold)["cores"] == [min(given)]
    finally:
        os.sched_setaffinity(0, given)


@pytest.mark.parametrize("how", ["0", "3", "256", "-1", "sentence", "error", "interrupt", "end"])
def test_it_leaves_as_python_leaves(warm: Environ, cold: Environ, how: str) -> None:
    forked, fresh = probe("leave", how, env=warm), probe("leave", how, env=cold)
    assert (forked.returncode, forked.stdout) == (fresh.returncode, fresh.stdout)
    assert (forked.stdout, fresh.stdout) == ("not flushed", "not flushed")
    said, expected = ([x for x in done.stderr.splitlines() if x[:1].strip()]
                      for done in (forked, fresh))  # fmt: skip
    assert said == expected
    assert "at the end" in said


def test_a_stdout_that_takes_no_more_is_seen(warm: Environ, cold: Environ) -> None:
    codes = []
    with open("/dev/full", "w") as full:
        for env in (warm, cold):
            with subprocess.Popen(
                [*PROBE, "leave", "0"], env=env, stdout=full, stderr=subprocess.DEVNULL
            ) as process:
                codes.append(process.wait())
    assert codes[0] == codes[1] != 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_and_is_said(warm: Environ, number: signal.Signals) -> None:
    with subprocess.Popen(
        [*PROBE, "wait"], env=warm, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert int(process.stdout.readline()) == process.pid
        assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0)
        process.send_signal(number)
        if signal.getsignal(number) is signal.SIG_IGN:  # `nohup make test`: a child ignores it, too
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait() == 0
        else:
            assert process.wait() == -number
    process.send_signal(number)  # to nobody
    assert not Path(f"/proc/{process.pid}").exists()


def test_processes_do_not_share_numbers_that_are_drawn(warm: Environ) -> None:
    drawn = [json.loads(probe("drawn", env=warm).stdout) for _ in range(2)]
    assert all(one != other for one, other in zip(*drawn, strict=True))


def test_what_is_imported_has_computed_nothing(warm: Environ) -> None:
    assert json.loads(probe("caches", env=warm).stdout) == []


REFUSED: dict[str, Callable[[Path], dict[str, Any]]] = {
    "a library reads it at its start": lambda folder: {"env": {"OMP_NUM_THREADS": "3"}},
    "another module of a name": lambda folder: {"env": {"PYTHONPATH": shadow(folder, "numpy")}},
    "another package of a name": lambda folder: {
        "env": {"PYTHONPATH": shadow(folder, "numpy/__init__")}
    },
    "an own start": lambda folder: {"env": {"PYTHONPATH": shadow(folder, "sitecustomize")}},
    "code before the program": lambda folder: {"preexec_fn": os.getpid},
    "another mask": lambda folder: {"umask": 0o77},
    "files left open": lambda folder: {"close_fds": False},
    "no warm process": lambda folder: {"env": {NAME: "no address"}},
}


def shadow(folder: Path, name: str) -> str:
    (folder / f"{name}.py").parent.mkdir(exist_ok=True)
    (folder / f"{name}.py").touch()
    return os.pathsep.join([str(folder), str(ROOT)])


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_fork_could_not_be_starts_afresh(warm: Environ, tmp_path: Path, name: str) -> None:
    how = REFUSED[name](tmp_path)
    assert is_forked(warm)
    assert not is_forked({**warm, **how.pop("env", {})}, **how)


def test_a_folder_of_a_packages_name_is_no_package(warm: Environ, tmp_path: Path) -> None:
    """Python finds the whole package behind it; of a package in parts it would be one more."""
    assert is_forked({**warm, "PYTHONPATH": shadow(tmp_path, "numpy/part")})
    assert warm_process.importable(tmp_path, set()) == set()
    assert warm_process.importable(tmp_path, {"numpy"}) == {"numpy"}


def test_packages_in_parts_are_told_from_whole_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "package_in_parts").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "package_in_parts", raising=False)
    importlib.import_module("package_in_parts")
    names = ["package_in_parts", "sys", "json", "pytest", "not_imported"]
    assert warm_process.namespaces(names) == {"package_in_parts"}


def test_another_program_is_started_as_ever() -> None:
    done = subprocess.run(["cat"], input="x", capture_output=True, text=True, check=True)
    assert done.stdout == "x"
    with pytest.raises(FileNotFoundError):
        subprocess.run(["./no-program"], check=True)
    with pytest.raises(FileNotFoundError):
        subprocess.run([PROGRAM, "--version"], cwd="no-folder", check=True)


def test_a_task_server_is_a_fork_of_less(warm: Environ) -> None:
    """Where a test says so, of what few tasks or models need, too: and all of them fork."""
    held = {}
    for name, env in (
        ("servers", {}), ("extras", {NEEDS_EXTRAS: "1"}), ("models", {NEEDS_MODELS: "1"}),
        ("programs", {}), ("sessions", {NEEDS_MODELS: "1"}),
    ):  # fmt: skip
        given, is_server = {**warm, **env}, name in ("servers", "extras", "models")
        words = [*PROBE[:3], SERVER if is_server else PROBE[3]]
        own, other = socket.socketpair()
        with own, other, subprocess.Popen(
            [*words, str(other.fileno()) if is_server else "parent"],
            env=given, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[other.fileno()],
        ) as process:  # fmt: skip
            held[name] = parent_of(process.pid)
            own.close()
            other.close()
            process.communicate()
    assert os.getpid() not in held.values()
    assert len(set(held.values())) == 5


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_memory_that_no_file_stands_behind_is_told_from_the_rest() -> None:
    maps = (
        "00400000-00500000 r-xp 00000000 fe:00 77 /usr/bin/python\n"
        "00600000-00700000 rw-p 00000000 fe:00 77 /usr/bin/python\n"
        "01000000-02000000 rw-p 00000000 00:00 0  [heap]\n"
        "7f0000000000-7f0000400000 rw-p 00000000 00:00 0 \n"
        "7f0000500000-7f0000600000 rw-s 00000000 00:01 0 \n"
        "7ffc00000000-7ffc00100000 rw-p 00000000 00:00 0  [stack]\n"
    )
    assert list(own_memory(maps)) == [
        (0x1000000, 0x2000000), (0x7F0000000000, 0x7F0000400000),
    ]  # fmt: skip


@pytest.mark.cold
def test_a_cold_test_starts_fresh_interpreters(warm: Environ) -> None:
    assert NAME not in os.environ
    assert not is_forked(warm)


SESSION = """
import os, sys
from tests.suite import warm_forks, warm_process, warm_session
address, process = warm_session.start()
print(process.pid, flush=True)
if sys.argv[1:]:
    warm_forks.install()
    os.environ["{name}"] = os.environ.get("OTHER") or address
    import subprocess
    subprocess.Popen([sys.executable, "-P", "-m", *sys.argv[1:]], stdin=subprocess.PIPE)
sys.stdin.read()
"""


def session(warm: Environ, *words: str, **more: str) -> "subprocess.Popen[str]":
    """Start a process with a warm one of its own, as a session of tests has it."""
    return subprocess.Popen(
        [sys.executable, "-P", "-c", SESSION.format(name=NAME), *words], env={**warm, **more},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_a_warm_process_ends_with_its_session_however_that_ends(warm: Environ) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with session(warm) as controller:
            assert controller.stdout is not None
            pid = int(controller.stdout.readline())
            controller.send_signal(number)
            wait_for_end(pid)


def test_a_module_ends_with_the_one_who_ordered_it(warm: Environ) -> None:
    """As a task server and a worker do, which ask the kernel for it."""
    words = ("tests.suite.fork_probe", "wait")
    with session(warm, *words, OTHER=os.environ[NAME]) as owner:
        assert owner.stdout is not None
        owner.stdout.readline()
        pid = int(owner.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        owner.kill()
        wait_for_end(pid)


def test_who_orders_and_is_gone_before_the_answer_harms_nobody(warm: Environ) -> None:
    given = {
        "env": warm,
        "args": [*PROBE, "wait"],
        "cwd": None,
        "pass_fds": (),
        "start_new_session": 0,
    }
    order = warm_forks.order_of(given)
    assert order is not None
    with open(os.devnull) as null:
        for _ in range(3):
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
                connection.connect(f"\0{os.environ[NAME]}")
                socket.send_fds(connection, [order.to_json()], [null.fileno()] * 3)
    assert is_forked(warm)


def test_a_plug_in_is_seen_by_whom_it_was_given(toy_env: Environ) -> None:
    env = {name: value for name, value in toy_env.items() if name != "PYTHONPATH"}
    for given, tasks in ((env, False), (toy_env, True), (env, False)):
        done = called([PROGRAM, "list", "--json"], given)
        assert done.returncode == 0, done.stderr
        assert ("roots" in done.stdout) == tasks
    assert os.environ[NAME] in toy_env.values()


def test_a_fork_that_reads_the_plug_in_anew_counts_and_leaves_out_as_its_parent_did(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Tests run in forks: there the module is read again, on top of the class that is installed."""
    monkeypatch.setattr(subprocess, "Popen", warm_forks.WarmPopen)
    spec = importlib.util.spec_from_file_location("read_anew", warm_forks.__file__)
    assert spec is not None
    assert spec.loader is not None
    anew = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "read_anew", anew)
    spec.loader.exec_module(anew)
    assert anew.possible()
    assert anew.PLAIN is warm_forks.PLAIN is not warm_forks.WarmPopen


CHEAT = """\
import adabench.harness.contract.protocols as p
from adabench.harness.contract.card import Card
CARD = Card(title="bad", role="static")

def solve(task, case, point):
    p.Meter.__setitem__ = lambda self, name, value: None
    return task.step(case, 1.0)
"""


def test_a_method_that_cheats_is_refused_alike(toy_env: Environ, tmp_path: Path) -> None:
    info = tmp_path / "bad-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bad\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[adabench.methods]\nroots/bad = bad_method\n")
    (tmp_path / "bad_method.py").write_text(CHEAT)
    path = os.pathsep.join([toy_env["PYTHONPATH"], str(tmp_path)])
    replies = []
    for env in (toy_env, without_forks(toy_env)):
        done = called([PROGRAM, "check", "roots/bad", "roots/fixed"], {**env, "PYTHONPATH": path})
        replies.append((done.returncode, done.stdout, done.stderr))
    assert replies[0] == replies[1]
    assert replies[0][0] == 4
    assert "changed code that is not its own" in replies[0][1] + replies[0][2]


def test_a_forked_session_forks_and_starts_as_every_session_does(warm, tmp_path) -> None:
    """It has forgotten the module that put its own class in place of `subprocess.Popen`."""
    (tmp_path / "test_it.py").write_text(
        "import subprocess\n"
        "from tests.suite import warm_forks\n"
        "def test_it():\n"
        "    assert subprocess.Popen.plain is warm_forks.PLAIN  # this is a fork\n"
        "    assert warm_forks.PLAIN.__module__ == 'subprocess'\n"
        "    assert warm_forks.possible()\n"
    )
    words = [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"]
    done = called(words, warm, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
