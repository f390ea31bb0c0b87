"""One process that runs lm-eval for all tests of this folder: importing it takes most of ten seconds.

It is a process of its own, since lm-eval configures logging and its imports warn; nothing in it touches
a network, and tasks of lm-eval's own, which nobody asks for, are not read.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_EVALUATE_OFFLINE": "1"}
PROGRAM = """
import contextlib, functools, importlib.metadata, io, json, os, socket, sys
answers, sys.stdout = sys.stdout, sys.stderr
def refuse(*_, **__):
    raise AssertionError("the network was asked for")
socket.socket.connect = refuse
socket.getaddrinfo = refuse
import lm_eval, lm_eval.evaluator, transformers
from lm_eval.tasks import TaskManager
from adabench.workloads.shared.lm_eval_bridge import model
lm_eval.evaluator.add_env_info = lambda results: None  # it asks pip for a list of packages each time
read_tasks = TaskManager.__init__
TaskManager.__init__ = functools.partialmethod(read_tasks, include_defaults=False)

def run(asked, paths):
    manager = TaskManager(include_path=paths, metadata=asked.get("metadata"))
    task = asked["task"]
    done = lm_eval.simple_evaluate(
        asked.get("model", "adabench"), asked["args"], tasks=[task], task_manager=manager,
        log_samples=True, bootstrap_iters=0, device="cpu", num_fewshot=asked.get("shots"),
        limit=asked.get("limit"),
    )
    samples = sorted(done["samples"][task], key=lambda sample: sample["doc_id"])
    own = done["config"].get("adabench")
    return {"results": done["results"][task], "samples": samples, "config": own}

def make(args):
    load = transformers.AutoModelForCausalLM.from_pretrained
    transformers.AutoModelForCausalLM.from_pretrained = refuse
    try:
        model.AdaptiveModel.create_from_arg_string(args, {"device": "cuda:0"})
    except model.AdabenchError as problem:
        return [problem.exit_code, problem.message, problem.hint]
    finally:
        transformers.AutoModelForCausalLM.from_pretrained = load

def command(words):
    sys.argv, said = ["lm_eval", *words], io.StringIO()
    with contextlib.redirect_stderr(said):
        try:
            model.main()
        except SystemExit as ended:
            return [ended.code, *said.getvalue().splitlines()[-2:]]

def point(asked):
    group, value = asked
    named = importlib.metadata.EntryPoint("adabench", value, group).load()
    return named is (model.main if group == "scripts" else model.AdaptiveModel)

for line in sys.stdin:
    kind, asked, paths, environment = json.loads(line)
    os.environ.update(environment)
    try:
        reply = run(asked, paths) if kind == "run" else globals()[kind](asked)
    except Exception as problem:
        reply = {"error": f"{type(problem).__name__}: {problem}"}
    print(json.dumps(reply, default=str), file=answers, flush=True)
"""


class LmEval:
    """lm-eval in a process of its own, asked line by line."""

    def __init__(self, folder: Path) -> None:
        own = {"HF_HOME": str(folder / "hf"), "OMP_NUM_THREADS": "1", "COLUMNS": "400"}
        self.log = (folder / "log.txt").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", PROGRAM], env={**os.environ, **OFFLINE, **own},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
        )  # fmt: skip

    def run(self, asked: dict[str, Any], *paths: Path, **environment: str) -> dict[str, Any]:
        """Score a model on a task: its results, samples and costs, or an error."""
        return dict(self._reply("run", asked, paths, environment))

    def make(self, args: str) -> Any:
        """Make our model without loading weights: exit code, message and hint of what is wrong."""
        return self._reply("make", args)

    def command(self, *words: str) -> Any:
        """Call our command: its exit code, and the two last lines that it says."""
        return self._reply("command", words)

    def point(self, group: str, value: str) -> Any:
        """Say whether an entry point names our command, or our model."""
        return self._reply("point", (group, value))

    def close(self) -> None:
        """End the process."""
        self.process.communicate()
        self.log.close()

    def _reply(self, kind: str, asked: Any, paths: Any = (), environment: Any = None) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        words = [kind, asked, [*map(str, paths)], environment or {}]
        self.process.stdin.write(f"{json.dumps(words)}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            self.log.seek(0)
            raise AssertionError(self.log.read()[-3000:])
        reply = json.loads(line)
        if kind != "run" and isinstance(reply, dict):
            raise AssertionError(reply["error"])
        return reply
