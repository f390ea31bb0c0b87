"""`run --executor` with workers that were given less than the machine has, or are not alike."""

import os
import shlex
import sys
import textwrap
from pathlib import Path

import pytest

from adabench.harness.provenance import worker_environment
from adabench.harness.store import run_folder
from tests.cli.test_run_executor import RAY, Command, Done, adabench, facts, judged

pytestmark = pytest.mark.xdist_group("cluster")

WORK = ("roots/fixed", "roots/residual", "--alone", "--no-report", "--json", "--seeds", "0")
LOCAL = ("--executor", "slurm", "--slurm", "cluster=local", "--slurm", "timeout_min=60")
ONE_CORE = min(os.sched_getaffinity(0))
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


@pytest.fixture(scope="module")
def here(
    command: Command, plugin_paths: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Done:
    """The same work on this machine, without jobs."""
    folder = tmp_path_factory.mktemp("here")
    own = {"ADABENCH_CACHE": str(folder / "cache"), "TMPDIR": str(folder)}
    env = {"PYTHONPATH": os.pathsep.join(plugin_paths), **own}
    return Done(command("run", *WORK, "--out", folder / "r", env=env), folder / "r")


def told(folder: Path) -> dict[str, object]:
    """Return what a run says of where it was measured."""
    found: dict[str, object] = worker_environment.measured(run_folder.read_manifest(folder))
    return found


def test_a_job_that_is_confined_to_its_cores_works(env: dict[str, str], here: Done, tmp_path: Path):
    done = adabench(
        "run", *WORK, "--out", tmp_path / "there", *LOCAL,
        "--slurm-setup", f"taskset -cp {ONE_CORE} $$", env=env,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert told(tmp_path / "there")["environment"]["cores"] == 1  # type: ignore[index]
    log = (tmp_path / "there" / "shards" / "0000" / "log.txt").read_text()
    assert f"on cores [{ONE_CORE}]" in log
    assert judged(done) == judged(here.process)
    assert facts(tmp_path / "there") == facts(here.folder)


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
    env: dict[str, str], here: Done, tmp_path: Path
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
    slurm = env | {"PATH": os.pathsep.join((str(programs), env["PATH"]))}
    done = adabench(
        "run", *WORK, "--out", tmp_path / "there", "--executor", "slurm", "--workers", 1,
        "--slurm", "partition=quick", env=slurm,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (call,) = calls.read_text().splitlines()
    assert "--partition=quick" in call
    logs = [path.read_text() for path in (tmp_path / "there" / "shards").glob("*/log.txt")]
    assert len(logs) == 2  # one seed and two spreads
    assert sum(text.count("This is process") for text in logs) == 1
    calls.unlink()
    done = adabench(
        "run", *WORK, "--out", tmp_path / "two", "--executor", "slurm", "--workers", 2, env=slurm
    )
    assert done.returncode == 0, done.stderr
    (call,) = calls.read_text().splitlines()
    assert "--array=0-1" in call
    assert facts(tmp_path / "there") == facts(tmp_path / "two") == facts(here.folder)
