"""lm-eval both ways: our methods as its model, our tasks as its tasks; nothing touches a network.

lm-eval runs in a process of its own: it configures logging, and its imports warn.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adabench.harness.contract import registry
from adabench.harness.contract.protocols import account
from adabench.harness.distributed.merge import counts_of
from adabench.harness.errors import MethodContractError
from adabench.harness.store import run_folder
from adabench.workloads.depth_width.ledger.task import Batch
from adabench.workloads.shared.lm_eval_bridge import tasks
from adabench.workloads.shared.lm_eval_bridge.subject import subject
from tests.workloads.shared.lm_eval_bridge.lm_eval_process import OFFLINE, LmEval

READS = ("<all recipes>", "pretrained")
"""For tests/suite/dependencies.py."""

pytestmark = pytest.mark.xdist_group("lm_eval")  # one set-up for all of them

SEED, PROBLEMS = 1, 8
GSM = """
task: local_gsm
dataset_path: json
dataset_kwargs: {{data_files: {{test: {file}}}}}
output_type: generate_until
test_split: test
doc_to_text: "Question: {{{{question}}}}\\nAnswer:"
doc_to_target: "{{{{answer}}}}"
metric_list:
  - metric: exact_match
    aggregation: mean
    higher_is_better: true
    ignore_case: true
    regexes_to_ignore: [",", "\\\\$", "(?s).*#### ", "\\\\.$"]
generation_kwargs: {{until: ["Question:", "</s>"], do_sample: false}}
filter_list:
  - name: strict-match
    filter:
      - function: regex
        regex_pattern: "#### (\\\\-?[0-9\\\\.\\\\,]+)"
      - function: take_first
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lm_eval")


@pytest.fixture(scope="module")
def ours(folder: Path, command: Any) -> dict[str, list[Any]]:
    """What `adabench run` recorded, by method."""
    words = ("--seeds", SEED, "--set", f"problems={PROBLEMS}", "--no-sweep", "--no-report")
    done = command("run", "chain/ets", "chain/greedy", *words, "--out", folder / "ours")
    assert done.returncode == 0, done.stderr
    records = run_folder.records(folder / "ours")
    return {name: [r for r in records if r.cell.method == name] for name in ("ets", "greedy")}


@pytest.fixture(scope="module")
def found(folder: Path, lm_eval: LmEval) -> dict[str, dict[str, Any]]:
    """What lm-eval says, of everything that these tests ask."""
    (folder / "gsm").mkdir()
    lines = [json.dumps(item) for item in tasks.chain_items(SEED, PROBLEMS)]
    (folder / "gsm" / "test.jsonl").write_text("\n".join(lines) + "\n")
    text = GSM.format(file=folder / "gsm" / "test.jsonl")
    (folder / "gsm" / "local_gsm.yaml").write_text(text)
    chain = {"task": "adabench_chain", "metadata": {"seed": SEED, "problems": PROBLEMS}}
    local = {"task": "local_gsm", "paths": [str(folder / "gsm")]}
    ledger = {"task": "adabench_ledger", "metadata": {"sequences": 2}}
    same = f"seed={SEED},problems={PROBLEMS}"
    asked = {
        "ets": {**local, "args": f"method=chain/ets,{same},out={folder / 'out'}"},
        "greedy": {**chain, "args": f"method=chain/greedy,{same}"},
        "shots": {**chain, "args": f"method=chain/greedy,{same}", "shots": 3},
        "foreign": {**chain, "args": "method=chain/greedy,seed=5", "limit": 3},
        "oracle": {**chain, "args": "method=chain/pass_at_n,seed=5", "limit": 1},
        "vanilla": {**ledger, "args": f"method=ledger/vanilla,out={folder / 'read'}"},
        "exit": {**ledger, "args": "method=ledger/early_exit,confidence=0.5"},
        "dummy-chain": {**chain, "model": "dummy", "args": ""},
        "dummy-ledger": {**ledger, "model": "dummy", "args": ""},
        "reads": {**chain, "args": "method=ledger/vanilla"},
        "searches": {**ledger, "args": "method=chain/ets"},
        "unknown": {**chain, "args": "method=chain/etz"},
        "knob": {**chain, "args": "method=chain/ets,lamda_c=1"},
        "pages": {**chain, "args": "method=paging/lru"},
    }
    return {
        name: lm_eval.run(one, tasks.FOLDER, *one.get("paths", ())) for name, one in asked.items()
    }


def right(said: dict[str, Any], metric: str = "exact_match") -> list[float]:
    assert "error" not in said, said["error"]
    samples = sorted(said["samples"], key=lambda sample: sample["doc_id"])
    return [float(sample[metric]) for sample in samples]


@pytest.mark.parametrize("method", ["ets", "greedy"])
def test_lm_eval_scores_a_method_as_we_do(
    method: str, found: dict[str, dict[str, Any]], ours: dict[str, list[Any]]
):
    accuracy = [record.values["accuracy"] for record in ours[method]]
    assert right(found[method]) == accuracy
    assert found[method]["results"]["exact_match,strict-match"] == pytest.approx(
        np.mean(accuracy), abs=1e-12
    )


def test_the_questions_of_these_tests_are_not_all_answered(ours: dict[str, list[Any]]):
    assert 0 < sum(record.values["accuracy"] for record in ours["greedy"]) < PROBLEMS


def test_its_costs_are_those_of_a_run_and_stand_beside_the_accuracy(
    folder: Path, found: dict[str, dict[str, Any]], ours: dict[str, list[Any]]
):
    records = run_folder.records(folder / "out" / "local_gsm")
    assert [counts_of(record) for record in records] == [
        counts_of(record) for record in ours["ets"]
    ]
    assert all(record.values["latency_s"] > 0 for record in records)
    means = found["ets"]["config"]["per_case"]["local_gsm"]
    assert means["generated"] == np.mean([r.values["generated"] for r in ours["ets"]])
    assert means["latency_s"] == pytest.approx(np.mean([r.values["latency_s"] for r in records]))
    energies = {name for name in records[0].values if name.endswith("_j")}
    assert energies == {name for name in means if name.endswith("_j")}
    assert energies == {name for name in ours["ets"][0].values if name.endswith("_j")}


def test_its_journal_is_a_run_that_claims_reads(folder: Path, found: Any, command: Any):
    del found
    done = command("claims", folder / "out" / "local_gsm")
    assert done.returncode == 0, done.stderr


def test_of_few_shots_the_last_question_is_answered(found: dict[str, dict[str, Any]]):
    first = found["shots"]["samples"][0]["arguments"][0][0]
    assert first.count("Question:") == 4
    assert first.count("####") == 3
    assert right(found["shots"]) == right(found["greedy"])


def test_a_question_that_the_task_does_not_have_is_solved_too(found: dict[str, dict[str, Any]]):
    assert len(right(found["foreign"])) == 3
    assert "accuracy" not in found["foreign"]["config"]["per_case"]["adabench_chain"]


@pytest.mark.parametrize(("asked", "confidence"), [("vanilla", None), ("exit", 0.5)])
def test_the_value_that_a_reader_prefers_is_the_one_lm_eval_sees(
    asked: str, confidence: float | None, found: dict[str, dict[str, Any]]
):
    name = "vanilla" if confidence is None else "early_exit"
    task = registry.load(registry.find("ledger")).load("embedded", 0, sequences=2, batches=1)
    method = registry.load(registry.find(f"ledger/{name}"))
    entry = registry.find(f"ledger/{name}")
    point = entry.card.defaults | ({"confidence": confidence} if confidence else {})
    answer = method.solve(method.prepare(task, point, 0), next(task.cases()), point)
    equal = task.corpora[0].labels.of("equal")
    preferred = answer.logits[..., 3:10].argmax(-1).numpy() + 3 == task.corpora[0].targets
    assert right(found[asked], "acc") == [float(x) for x in preferred[equal]]
    assert isinstance(next(task.cases()), Batch)


def test_early_exit_runs_fewer_layers_and_that_is_recorded(
    folder: Path, found: dict[str, dict[str, Any]]
):
    layers = {
        name: found[name]["config"]["per_case"]["adabench_ledger"]["executions"]
        for name in ("vanilla", "exit")
    }
    assert layers["exit"] < layers["vanilla"] == 6
    records = run_folder.records(folder / "read" / "adabench_ledger")
    assert len(records) == len(right(found["vanilla"], "acc"))  # seven choices, one reading


def test_any_model_can_be_scored_on_our_tasks(found: dict[str, dict[str, Any]]):
    assert right(found["dummy-chain"]) == [0.0] * PROBLEMS  # it says lol
    assert set(right(found["dummy-ledger"], "acc")) <= {0.0, 1.0}
    assert found["dummy-ledger"]["config"] is None


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("reads", "NotImplementedError: ledger/vanilla reads a sequence once"),
        ("searches", "NotImplementedError: chain/ets searches for an answer"),
        ("oracle", "NotImplementedError: chain/pass_at_n is an oracle"),
        ("unknown", "SelectionError"),
        ("knob", "SelectionError: Nothing that was selected has a knob"),
        ("pages", "SelectionError: lm-eval's tasks are text"),
    ],
)
def test_what_makes_no_sense_is_said(asked: str, says: str, found: dict[str, dict[str, Any]]):
    assert found[asked]["error"].startswith(says)


@pytest.mark.slow
def test_the_command_takes_what_lm_eval_takes(folder: Path):
    done = subprocess.run(
        [sys.executable, "-P", "-m", "adabench.workloads.shared.lm_eval_bridge.model", "run", "--model",
         "adabench", "--model_args", "method=chain/greedy,problems=4", "--tasks", "adabench_chain",
         "--metadata", '{"problems": 4}', "--output_path", str(folder / "cli")],
        env={**os.environ, **OFFLINE, "HF_HOME": str(folder / "hf")}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (results,) = (folder / "cli").rglob("results_*.json")
    saved = json.loads(results.read_text())
    assert saved["config"]["adabench"]["per_case"]["adabench_chain"]["generated"] > 0
    assert "exact_match,strict-match" in saved["results"]["adabench_chain"]


def test_a_method_is_given_its_substrate_and_an_oracle_the_answers():
    plain, oracle = (
        subject(f"chain/{name}", SEED, "embedded", {"problems": 2})
        for name in ("greedy", "pass_at_n")
    )
    case = next(iter(plain.task.cases()))
    assert plain.state is plain.substrate is not plain.task
    assert not {"cases", "grader", "credit"} & {*dir(plain.substrate)}
    assert oracle.substrate.credit(case, ()) is False


def test_an_answer_that_was_not_decoded_is_refused_here_too():
    made = subject("chain/greedy", SEED, "embedded", {"problems": 2})
    case = next(iter(made.task.cases()))
    answer, record = made.solve(case, own=True)
    assert account(made.substrate, case, answer) == answer
    assert record.values["generated"] == len(answer)
    with pytest.raises(MethodContractError, match="No engine decoded"):
        account(made.substrate, case, (*answer[:-1], *answer))


def test_a_prompt_comes_back_from_its_text():
    module = registry.load(registry.find("chain"))
    task = module.load("embedded", SEED, problems=20)
    for case, item in zip(task.cases(), tasks.chain_items(SEED, 20), strict=True):
        assert tasks.chain_prompt(f"Question: 1 + 1\nAnswer: 02\nQuestion: {item['question']}") == (
            case.prompt
        )
    with pytest.raises(ValueError, match="there is none in"):
        tasks.chain_prompt("How many eggs are left?")


def test_a_completion_states_its_answer_and_a_malformed_one_none():
    words = tasks.encode("4 7 + 3 8 = 8 5 ; 8 5 * 1 2 = 0 5 ;")
    assert tasks.chain_text((*words, tasks.EOS)) == "47 + 38 = 85 ; 85 * 12 = 05 ; #### 5"
    assert "####" not in tasks.chain_text(words)


def test_worked_examples_are_right():
    for item in tasks._examples():
        steps = [step.split() for step in item["answer"].split(" ####")[0].split(" ;") if step]
        module = registry.load(registry.find("chain"))
        for left, sign, number, _, result in steps:
            assert module.apply(int(left), sign, int(number)) == int(result)
        assert item["answer"].endswith(f"#### {int(steps[-1][-1])}")


def test_ledger_words_come_back_and_strange_ones_are_refused():
    ids = tuple(range(64))
    assert tasks.ledger_ids(tasks.ledger_text(ids)) == ids
    assert tasks.ledger_text((1, 3, 14, 19, 2)) == "<bos> 0 add4 mul2 ="
    with pytest.raises(ValueError, match="no word 'eggs'"):
        tasks.ledger_ids("<bos> 3 eggs")
