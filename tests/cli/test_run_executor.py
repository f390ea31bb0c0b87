"""`run --executor` from the outside, on a real Ray cluster; submitit has `test_run_workers.py`."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from adabench.harness.contract.record import Record
from adabench.harness.distributed.merge import counts_of
from adabench.harness.store import run_folder
from tests.cli.program import PROGRAM, adabench
from tests.suite.waits import OtherProcess, wait_until

pytestmark = pytest.mark.xdist_group("cluster")

CLUSTER = """
import json, os, sys
from ray.cluster_utils import Cluster
nodes = json.loads(sys.argv[1])
os.makedirs(os.environ["TMPDIR"] + "/ray", exist_ok=True)
cluster = Cluster()
for place, (cores, variables) in enumerate(nodes):
    cluster.add_node(
        num_cpus=cores, num_gpus=0, node_ip_address="127.0.0.1", include_dashboard=False,
        object_store_memory=80 * 2**20, env_vars=variables, node_name=f"node{place}",
        no_monitor=True, include_log_monitor=False,
        **({} if place else {"temp_dir": sys.argv[2]}),
    )
print("address", cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""
RAY = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # no cluster of several machines: listen on 127.0.0.1
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": secrets.token_hex(32),  # else Ray writes one into the home folder
}
Command = Callable[..., subprocess.CompletedProcess[str]]
HOLD = "ADABENCH_TOY_HOLD"
WORK = ("roots/fixed", "roots/residual", "--alone", "--no-report", "--json")
SEVERAL = ("--seeds", "0..1", "--repeats", "2")
LONG = (*WORK, "--seeds", "0", "--repeats", "12")
"""What is killed while it goes on."""


@dataclass(frozen=True)
class Done:
    """A run that has ended: how, and where it is."""

    process: subprocess.CompletedProcess[str]
    folder: Path


def variables(folder: Path, plugin_paths: list[str], hold: Path) -> dict[str, str]:
    """No Ray cluster but the one a test asks for, and core claims in a folder of its own."""
    (folder / "tmp").mkdir()
    names = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    paths = [*plugin_paths, *filter(None, [names.get("PYTHONPATH")])]
    own = {"ADABENCH_CACHE": str(folder / "cache"), "TMPDIR": str(folder / "tmp"), HOLD: str(hold)}
    return {**names, "PYTHONPATH": os.pathsep.join(paths), **own, **RAY}


@pytest.fixture
def env(plugin_paths: list[str], hold: Path, tmp_path: Path) -> dict[str, str]:
    hold.with_suffix(".held").unlink(missing_ok=True)
    return variables(tmp_path, plugin_paths, hold)


@pytest.fixture(scope="module")
def hold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file by which a test asks a worker to wait; see the toy task."""
    return tmp_path_factory.mktemp("hold") / "hold.json"


@pytest.fixture(scope="module")
def local(
    command: Command, plugin_paths: list[str], hold: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Done]:
    """The run of these words on this machine, made once."""

    @cache
    def run(*words: str) -> Done:
        folder = tmp_path_factory.mktemp("here")
        env = variables(folder, plugin_paths, hold)
        return Done(command("run", *words, "--out", folder / "r", env=env), folder / "r")

    return run


def other_installation(env: dict[str, str], folder: Path) -> dict[str, str]:
    """Return variables of a machine on which another numpy is installed, by its metadata."""
    info = folder / "numpy-0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 0.1\n")
    return {"PYTHONPATH": os.pathsep.join((str(folder), env["PYTHONPATH"]))}


@pytest.fixture(scope="module")
def cluster(
    plugin_paths: list[str], hold: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a cluster in a process of ours: a machine of two workers, and one unlike it."""
    folder = Path(
        tempfile.mkdtemp(prefix="ray")
    )  # sockets lie deep in there, and paths must be short
    own = tmp_path_factory.mktemp("claims")
    env = variables(own, plugin_paths, hold)
    nodes = json.dumps([(2, {}), (1, other_installation(env, own / "site"))])
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", CLUSTER, nodes, str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = next((x for x in process.stdout if x.startswith("address")), "no address")
        assert line.startswith("address 127.0.0.1:"), line
        yield line.split()[1]
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def over_ray(
    cluster: str, plugin_paths: list[str], hold: Path, tmp_path_factory: pytest.TempPathFactory
) -> Done:
    """A run over the cluster, for all that is asked of it."""
    folder = tmp_path_factory.mktemp("there")
    env = variables(folder, plugin_paths, hold) | {"RAY_ADDRESS": cluster}
    spread = ("--executor", "ray", "--workers", 2)
    done = adabench("run", *WORK, *SEVERAL, "--out", folder / "r", *spread, env=env)
    return Done(done, folder / "r")


def facts(folder: Path) -> list[object]:
    return [(r.unit, r.status, r.group, counts_of(r)) for r in run_folder.records(folder)]


def judged(done: subprocess.CompletedProcess[str]) -> list[tuple[object, ...]]:
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return [(row["id"], row["verdict"], row["estimate"]) for row in found["claims"]]


def waiting(folder: Path, size_bytes: int, env: dict[str, str], run: subprocess.Popen[Any]) -> int:
    """Let the process that fills a shard of a run wait there, and return its id."""
    asked = Path(env[HOLD])
    asked.write_text(json.dumps([str(folder / run_folder.RECORDS), size_bytes]))
    held = asked.with_suffix(".held")
    wait_until(held.exists, run)
    return int(held.read_text())


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def test_ray_records_and_judges_what_the_local_run_does(over_ray: Done, local: Callable[..., Done]):
    here = local(*WORK, *SEVERAL)
    assert judged(over_ray.process) == judged(here.process)
    assert facts(over_ray.folder) == facts(here.folder)
    lines = [
        [json.dumps([r.unit, counts_of(r)]) for r in run_folder.records(folder)]
        for folder in (over_ray.folder, here.folder)
    ]
    assert lines[0] == lines[1]  # to the last digit
    assert len(list((over_ray.folder / "shards").iterdir())) == 4  # 2 seeds x 2 spreads


def test_an_unlike_node_of_a_ray_cluster_is_left_out_and_named(over_ray: Done):
    talk = over_ray.process.stderr
    assert "node1" in talk
    assert "is left out: it is not like the others: numpy" in " ".join(talk.split())


def kill_mid_run(
    words: Sequence[object], out: Path, env: dict[str, str], *, scheduler: bool
) -> tuple[list[Record], subprocess.CompletedProcess[str]]:
    """Kill -9 a worker of a running run; return what its shard held, and how the run ended."""
    command = [PROGRAM, "run", *map(str, words), "--out", str(out)]
    with subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        pid = waiting(out / "shards" / "0000", 10_000, env, process)
        worker = OtherProcess(pid)
        os.kill(parent_of(pid) if scheduler else pid, signal.SIGKILL)
        worker.wait_for_end()  # the kernel ends the child of a killed Ray worker
        held = run_folder.records(out / "shards" / "0000")
        said, talk = process.communicate()
    return held, subprocess.CompletedProcess(command, process.returncode, said, talk)


@pytest.mark.parametrize(
    "scheduler",
    [
        pytest.param(False, id="shard"),
        pytest.param(True, id="ray-worker", marks=[pytest.mark.slow, pytest.mark.cold]),
    ],
)
def test_killing_a_worker_of_a_cluster_loses_no_finished_unit(
    scheduler: bool,
    cluster: str,
    env: dict[str, str],
    local: Callable[..., Done],
    tmp_path: Path,
):
    spread = ("--executor", "ray", "--workers", 2)
    held, done = kill_mid_run(
        (*LONG, *spread), tmp_path / "r", env | {"RAY_ADDRESS": cluster}, scheduler=scheduler
    )
    assert done.returncode == 0, done.stderr
    assert "was lost" in done.stderr
    found = {record.unit: record for record in run_folder.records(tmp_path / "r")}
    assert len(held) >= 20
    assert all(found[record.unit] == record for record in held)  # timings too: not run again
    assert facts(tmp_path / "r") == facts(local(*LONG).folder)


@pytest.mark.cold
def test_a_run_whose_parent_was_killed_goes_on_from_its_shards(
    env: dict[str, str], command: Command, local: Callable[..., Done], tmp_path: Path
):
    with subprocess.Popen(
        [PROGRAM, "run", *LONG, "--out", str(tmp_path / "r"), "--workers", "2"],
        env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        worker = OtherProcess(waiting(tmp_path / "r" / "shards" / "0000", 10_000, env, process))
        process.kill()
    worker.wait_for_end()  # workers end with their parent
    # The other worker may have been killed before its shard was a run.
    begun = [path.parent for path in (tmp_path / "r" / "shards").glob(f"*/{run_folder.MANIFEST}")]
    held = [record for shard in begun for record in run_folder.records(shard)]
    assert held
    done = command("run", "--resume", tmp_path / "r", "--no-report", env=env)
    assert done.returncode == 0, done.stderr
    found = {record.unit: record for record in run_folder.records(tmp_path / "r")}
    assert all(found[record.unit] == record for record in held)
    assert facts(tmp_path / "r") == facts(local(*LONG).folder)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--executor", "rai"], 2, "ray"),
        (["--executor", "ray", "--slurm", "partition=x"], 2, "--executor slurm alone"),
        (["--executor", "slurm", "--slurm", "partition"], 2, "key=value"),
        (["--workers", "2", "--cores", "9999"], 2, "do not fit"),
        (["--executor", "slurm", "--slurm", "cluster=local", "--slurm", "no=1"], 2, "no"),
        (["--executor", "slurm"], 3, "There is no Slurm here"),
        (["--executor", "ray"], 3, "ray start --head"),
    ],
)
def test_what_cannot_be_is_said(
    words: list[str], code: int, says: str, env: dict[str, str], tmp_path: Path, command: Command
):
    nowhere = {"RAY_ADDRESS": "127.0.0.1:9"}
    nowhere["PYTHONSAFEPATH"] = "1"  # who hands out work to Slurm sets it for good
    asked = command if code == 2 else adabench  # who looks for a cluster loads what stays loaded
    done = asked("run", *WORK, "--out", tmp_path / "r", *words, env=env | nowhere)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_of_a_cluster_is_loaded_for_a_local_run(env: dict[str, str], tmp_path: Path):
    code = (
        "import sys; sys.argv = ['adabench', 'run', 'roots/fixed', '--no-report', '--seeds', '0', "
        f"'--no-sweep', '--out', {str(tmp_path / 'r')!r}]\n"
        "from adabench.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(sorted({'ray', 'submitit'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], env=env, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
    with closing(run_folder.resume(tmp_path / "r")) as run:
        assert run.remaining == ()
