"""`run --executor` with workers that were given less than the machine has, or are not alike."""

import json
import os
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adabench.harness.provenance import worker_environment
from adabench.harness.store import run_folder
from tests.cli.test_run_executor import RAY, Command, adabench, facts

pytestmark = pytest.mark.xdist_group("cluster")

WORK = ("roots/fixed", "roots/residual", "--alone", "--no-report", "--json", "--seeds", "0")
LOCAL = ("--executor", "slurm", "--slurm", "cluster=local", "--slurm", "timeout_min=60")
ONE_CORE = min(os.sched_getaffinity(0))
NODES = """
import json, os, sys
from ray.cluster_utils import Cluster
names = json.loads(sys.argv[1])
os.makedirs(os.environ["TMPDIR"] + "/ray", exist_ok=True)
cluster = Cluster()
for place, variables in enumerate(names):
    cluster.add_node(
        num_cpus=1, num_gpus=0, node_ip_address="127.0.0.1", include_dashboard=False,
        object_store_memory=80 * 2**20, env_vars=variables, node_name=f"node{place}",
        **({} if place else {"temp_dir": sys.argv[2]}),
    )
print("address", cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""
NVML = '''
"""Two boards of a node that has them."""
class NVMLError(Exception): pass
NVML_CLOCK_SM, NVML_CLOCK_MEM = 1, 2
def nvmlInit(): pass
def nvmlShutdown(): pass
def nvmlDeviceGetCount(): return 2
def nvmlDeviceGetHandleByIndex(index): return index
def nvmlDeviceGetName(handle): return "Quill 9"
def nvmlSystemGetDriverVersion(): return "1.2"
def nvmlDeviceGetUUID(handle): return f"GPU-{handle}"
def _refuse(*_): raise NVMLError("not supported")
def __getattr__(name):
    if name.startswith("nvml"): return _refuse
    raise AttributeError(name)
'''
SBATCH = '''
"""Slurm, as far as submitit asks for it: runs each task of an array on its own, on one core."""
import os, re, subprocess, sys
calls = {calls!r}
text = open(sys.argv[-1]).read()
with open(calls, "a") as file:
    file.write(" ".join(re.findall(r"^#SBATCH (.*)$", text, re.M)) + chr(10))
found = re.search(r"--array=0-(\\d+)", text)
children = []
for task in range(int(found[1]) + 1 if found else 1):
    place = {{"SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": str(task)}} if found else {{}}
    names = {{"SLURM_JOB_ID": str(70 + task) if found else "7", "SLURM_NTASKS": "1", "SLURM_JOB_NUM_NODES": "1",
              "SLURM_NODEID": "0", "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_JOB_NODELIST": "n1"}}
    subprocess.Popen(["taskset", "-c", "{core}", "bash", sys.argv[-1]], env={{**os.environ, **names, **place}},
                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                     start_new_session=True)
print("Submitted batch job 7")
'''
SRUN = """
import os, sys
words = sys.argv[1:]
while words[0].startswith("-"):
    words = words[1 if words[0] == "--unbuffered" else 2 :]
os.execvp(words[0], words)
"""


@pytest.fixture
def env(toy_env: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """No cluster but the one a test makes, and core claims of this test alone."""
    (tmp_path / "tmp").mkdir()
    kept = {name: value for name, value in toy_env.items() if name != "RAY_ADDRESS"}
    return {**kept, "TMPDIR": str(tmp_path / "tmp")} | RAY


def told(folder: Path) -> dict[str, object]:
    """Return what a run says of where it was measured."""
    found: dict[str, object] = worker_environment.measured(run_folder.read_manifest(folder))
    return found


def test_a_job_that_is_confined_to_its_cores_works(
    env: dict[str, str], command: Command, tmp_path: Path
):
    done = adabench(
        "run", *WORK, "--out", tmp_path / "there", *LOCAL,
        "--slurm-setup", f"taskset -cp {ONE_CORE} $$", env=env,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert told(tmp_path / "there")["environment"]["cores"] == 1  # type: ignore[index]
    log = (tmp_path / "there" / "shards" / "0000" / "log.txt").read_text()
    assert f"on cores [{ONE_CORE}]" in log
    command("run", *WORK, "--out", tmp_path / "here", env=env)
    assert facts(tmp_path / "there") == facts(tmp_path / "here")


def test_a_job_that_was_given_fewer_cores_than_asked_is_refused(
    env: dict[str, str], tmp_path: Path
):
    done = adabench(
        "run", *WORK, "--out", tmp_path / "r", *LOCAL, "--cores", 2,
        "--slurm-setup", f"taskset -cp {ONE_CORE} $$", env=env,
    )  # fmt: skip
    assert done.returncode == 3
    assert "it may use 1 cores, and a worker needs 2" in done.stderr
    assert "Traceback" not in done.stderr
    assert run_folder.records(tmp_path / "r") == []


def test_a_login_node_without_gpu_hands_out_work_to_nodes_with_some(
    env: dict[str, str], tmp_path: Path
):
    node = tmp_path / "node"
    node.mkdir()
    (node / "pynvml.py").write_text(NVML)
    paths = shlex.quote(os.pathsep.join((str(node), env["PYTHONPATH"])))
    done = adabench(
        "run", *WORK, "--out", tmp_path / "r", *LOCAL, "--gpus", 2,
        "--slurm-setup", f"export PYTHONPATH={paths}", env=env,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert run_folder.read_manifest(tmp_path / "r")["environment"]["gpus"] == []
    found = told(tmp_path / "r")
    assert found["environment"]["gpus"] == ["Quill 9", "Quill 9"]  # type: ignore[index]
    assert found["worker_gpus"] == 2
    assert all(record.status == "ok" for record in run_folder.records(tmp_path / "r"))
    again = adabench("run", "--resume", tmp_path / "r", "--no-report", *LOCAL, env=env)
    assert again.returncode == 0, again.stderr  # the login node is what it was


def test_slurm_gets_one_array_whose_workers_share_the_blocks(
    env: dict[str, str], command: Command, tmp_path: Path
):
    programs, calls = tmp_path / "bin", tmp_path / "calls"
    programs.mkdir()
    quiet = "import sys"
    for name, text in {
        "sbatch": SBATCH.format(calls=str(calls), core=ONE_CORE), "srun": SRUN,
        "sacct": quiet, "scancel": quiet, "scontrol": quiet, "squeue": quiet,
    }.items():  # fmt: skip
        (programs / name).write_text(f"#!{sys.executable}\n{textwrap.dedent(text)}")
        (programs / name).chmod(0o755)
    words = (*WORK[:-1], "0..1")  # two seeds and two spreads: four blocks
    slurm = env | {"PATH": os.pathsep.join((str(programs), env["PATH"]))}
    done = adabench(
        "run", *words, "--out", tmp_path / "there", "--executor", "slurm", "--workers", 1,
        "--slurm", "partition=quick", env=slurm,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (call,) = calls.read_text().splitlines()
    assert "--partition=quick" in call
    logs = [path.read_text() for path in (tmp_path / "there" / "shards").glob("*/log.txt")]
    assert len(logs) == 4
    assert sum(text.count("This is process") for text in logs) == 1
    calls.unlink()
    done = adabench(
        "run", *words, "--out", tmp_path / "two", "--executor", "slurm", "--workers", 2, env=slurm
    )
    assert done.returncode == 0, done.stderr
    (call,) = calls.read_text().splitlines()
    assert "--array=0-1" in call
    command("run", *words, "--out", tmp_path / "here", env=env)
    assert facts(tmp_path / "there") == facts(tmp_path / "two") == facts(tmp_path / "here")


@contextmanager
def nodes(env: dict[str, str], folder: Path, *variables: dict[str, str]) -> Iterator[str]:
    """A Ray cluster of one-core machines with these variables, and its address."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", NODES, json.dumps(variables), str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("address"), line
        yield line.split()[1]
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def other_installation(env: dict[str, str], folder: Path) -> dict[str, str]:
    """Return variables of a machine on which another numpy is installed, by its metadata."""
    info = folder / "numpy-0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 0.1\n")
    return {"PYTHONPATH": os.pathsep.join((str(folder), env["PYTHONPATH"]))}


@pytest.fixture
def short_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ray's sockets lie in there, and their paths must be short."""
    return tmp_path_factory.getbasetemp().parent / f"nodes{os.getpid()}"


def test_an_unlike_node_of_a_ray_cluster_is_left_out_and_named(
    env: dict[str, str], command: Command, short_folder: Path, tmp_path: Path
):
    unlike = other_installation(env, tmp_path / "site")
    with nodes(env, short_folder, {}, unlike) as address:
        done = adabench(
            "run", *WORK, "--out", tmp_path / "there", "--executor", "ray",
            env=env | {"RAY_ADDRESS": address},
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "node1" in done.stderr
    assert "is left out: it is not like the others: numpy" in " ".join(done.stderr.split())
    command("run", *WORK, "--out", tmp_path / "here", env=env)
    assert facts(tmp_path / "there") == facts(tmp_path / "here")
