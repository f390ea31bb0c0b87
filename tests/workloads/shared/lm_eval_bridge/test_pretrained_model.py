"""lm-eval and methods of `pretrained` on a tiny random Llama, beside lm-eval's own `hf` model."""

import json
from pathlib import Path
from typing import Any

import pytest

from adabench.harness.store import run_folder
from tests.workloads.depth_width.pretrained import tiny_checkpoints
from tests.workloads.shared.lm_eval_bridge.lm_eval_process import LmEval
from tests.workloads.shared.lm_eval_bridge.test_text_model import WHOLE, evaluate, write_tasks

transformers = pytest.importorskip("transformers", reason="the extra `real` is not installed")
pytestmark = pytest.mark.xdist_group("lm_eval")

ITEMS, WINDOW, OPENING = 3, 256, 64
CHOICES = """
task: local_choices
dataset_path: json
dataset_kwargs: {{data_files: {{test: {file}}}}}
output_type: multiple_choice
test_split: test
doc_to_text: "{{{{question}}}} "
doc_to_choice: ["a", "b", "cd ef", "{{{{answer}}}}"]
target_delimiter: ""
doc_to_target: 0
metric_list: [{{metric: acc, aggregation: mean, higher_is_better: true}}]
"""
WORDS = "abc dng hij klm adg bei cfh nab "


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has a word to begin with, a text, and items longer and shorter than a window."""
    place = tmp_path_factory.mktemp("pretrained")
    tiny_checkpoints.save("Llama", place / "llama")
    tokenizer = transformers.AutoTokenizer.from_pretrained(place / "llama")
    tokenizer.add_special_tokens({"eos_token": "<end>"})
    tokenizer.save_pretrained(place / "llama")
    tiny_checkpoints.write_text(place / "text.txt")
    file = place / "items.jsonl"
    file.write_text(
        "".join(
            json.dumps({"question": (WORDS[i:] * times)[:-1].strip(), "answer": "gh i"}) + "\n"
            for i, times in ((0, 3), (4, 5), (8, 12))
        )
    )
    (place / "tasks").mkdir()
    for name, text in (("choices", CHOICES), ("whole", WHOLE)):
        (place / "tasks" / f"{name}.yaml").write_text(text.format(file=file))
    return place


@pytest.fixture(scope="module")
def found(place: Path, lm_eval: LmEval) -> dict[str, Any]:
    """What lm-eval says of methods, and of its own model."""
    own = f"model=hf:{place / 'llama'},data={place / 'text.txt'},fitting=0.01"
    vanilla = f"method=pretrained/vanilla,depth=all,{own}"
    paths = f"method=pretrained/full_path,prompt={OPENING},{own}"
    exits = f"method=pretrained/early_exit,{own},out={place / 'exits'}"
    hf = f"pretrained={place / 'llama'},dtype=float32,max_length={WINDOW}"
    return evaluate(lm_eval, place, {
            "vanilla": ("adabench", f"{vanilla},out={place / 'whole'}", "local_choices"),
            "paths": ("adabench", paths, "local_choices"),
            "exits": ("adabench", exits, "local_choices"),
            "hf": ("hf", hf, "local_choices"),
            "rolling": ("adabench", f"{vanilla},out={place / 'rolled'}", "local_whole"),
            "rolling-hf": ("hf", hf, "local_whole"),
    })  # fmt: skip


def test_a_reader_does_not_generate(place: Path, tmp_path: Path, lm_eval: LmEval) -> None:
    write_tasks(tmp_path, f"hf:{place / 'llama'}")
    own = f"model=hf:{place / 'llama'},data={place / 'text.txt'},fitting=0.01"
    asked = {"model": "adabench", "args": f"method=pretrained/vanilla,{own}", "task": "local_gsm"}
    said = lm_eval.run(asked, tmp_path / "tasks")["error"]
    assert said.startswith("SelectionError: pretrained/vanilla reads a sequence once")


def nats(said: dict[str, Any]) -> list[tuple[float, bool]]:
    return [
        (float(likelihood), str(flag) == "True")
        for sample in said["samples"]
        for ((likelihood, flag),) in sample["resps"]
    ]


@pytest.mark.parametrize("name", ["vanilla", "paths"])
def test_who_skips_nothing_gives_the_nats_of_lm_evals_own_model(name: str, found: Any):
    ours, theirs = nats(found[name]), nats(found["hf"])
    assert len(ours) == 4 * ITEMS
    assert [likelihood for likelihood, _ in ours] == pytest.approx([w for w, _ in theirs], abs=1e-3)
    assert [flag for _, flag in ours] == [flag for _, flag in theirs]


def test_a_context_that_is_too_long_loses_its_beginning(place: Path, found: Any):
    del found
    lost = [r.values.get("truncated", 0) for r in records(place / "whole" / "local_choices")]
    assert min(lost) == 0 < max(lost)


def test_whole_texts_have_the_nats_of_lm_evals_own_model(place: Path, found: Any):
    ours, theirs = (
        [float(sample["resps"][0][0]) for sample in found[name]["samples"]]
        for name in ("rolling", "rolling-hf")
    )
    assert ours == pytest.approx(theirs, abs=1e-3)
    assert len(records(place / "rolled" / "local_whole")) > ITEMS, "the longest takes two windows"


def test_who_leaves_early_runs_fewer_layers_and_says_so(place: Path, found: Any):
    ours, theirs = nats(found["exits"]), nats(found["hf"])
    assert [w for w, _ in ours] != pytest.approx([w for w, _ in theirs], abs=1e-3)
    ran = [r.values["executions"] for r in records(place / "exits" / "local_choices")]
    whole = [r.values["executions"] for r in records(place / "whole" / "local_choices")]
    assert sum(ran) / len(ran) < sum(whole) / len(whole) == 8
    assert all(r.values["flops_counted"] > 0 for r in records(place / "exits" / "local_choices"))


def records(folder: Path) -> list[Any]:
    return list(run_folder.records(folder))
