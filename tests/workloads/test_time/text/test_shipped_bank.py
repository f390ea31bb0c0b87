"""The bank that ships: it is what its card says, is read without its model, and a damaged one ends in a sentence."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adabench.harness.contract import registry
from adabench.harness.errors import SelectionError, StoreError
from adabench.harness.plan.grid import select_settings
from adabench.workloads.shared.language_model.bank.packed_bank import (
    CARD,
    QUESTIONS,
    SAMPLES,
    bank_lines,
    open_bank,
    pack,
)
from adabench.workloads.shared.language_model.bank.sample_bank import (
    BankedQuestion,
    BankedSample,
    BankHeader,
    BankWriter,
    read_bank,
)
from adabench.workloads.shared.language_model.contract import CapabilityMissing
from adabench.workloads.shared.sources import model_digest, model_source
from adabench.workloads.test_time.text import task as text
from adabench.workloads.test_time.text.recipes import FOLDER
from adabench.workloads.test_time.text.substrate.banked_models import bank_place, shipped_banks
from adabench.workloads.test_time.text.substrate.text_task import GradedText
from adabench.workloads.test_time.text.training.train_bank import figures, right_answers

PLACE = FOLDER / "bank-smollm2"
SEVEN: dict[str, Any] = {"data": "bank:smollm2", "problems": 7}


@pytest.fixture(autouse=True)
def _no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **given: object) -> None:
        raise AssertionError("a model was looked for")

    monkeypatch.setattr(model_source, "open_model", refuse)
    monkeypatch.setattr(model_digest, "_folder", refuse)


@pytest.fixture(scope="module")
def shipped() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(PLACE.with_name(f"{PLACE.name}{CARD}").read_text())
    return found


def solved(task: GradedText, name: str, **point: Any) -> Iterator[dict[str, float]]:
    method = registry.load(registry.find(f"text/{name}"))
    card = registry.find(f"text/{name}").card
    given = task.oracle_substrate() if card.role == "oracle" else task.substrate()
    vars(given)["models"] = task.models
    for question in task.cases():
        found = given.account(question, method.solve(given, question, card.defaults | point))
        yield dict(task.judge(question, found))


def test_the_counts_of_its_card_are_those_of_its_samples(shipped: dict[str, Any]) -> None:
    bank = open_bank(PLACE)
    assert bank.digest == shipped["bank"]["digest"]
    assert len(bank.questions) == shipped["bank"]["questions"] == len(bank_lines(PLACE))
    assert {len(one.samples) for one in bank.questions.values()} == {shipped["samples"]}
    assert figures(PLACE) == shipped["dev"]
    counts = shipped["dev"]["all"]
    assert 0.3 < counts["greedy"] / counts["questions"] < 0.7
    assert counts["pass@16"] > counts["majority@16"] > counts["samples"] / shipped["samples"]


def test_methods_answer_what_its_samples_say() -> None:
    task = text.load("embedded", 3, **SEVEN)
    counted = [right for _, right in right_answers(PLACE)][21:28]
    for name, rule, n in (("majority", "majority@8", 8), ("pass_at_n", "pass@16", 16)):
        found = [row["accuracy"] for row in solved(task, name, N=n)]
        assert found == [right[rule] for right in counted]


def test_judges_are_the_one_that_scored_it_and_likelihood() -> None:
    for judge in ("trained", "likelihood"):
        task = text.load("embedded", 0, judge=judge, **SEVEN)
        rows = list(solved(task, "best_of_n", N=8))
        assert len(rows) == 7
    with pytest.raises(SelectionError, match="judge=none does not go with"):
        text.load("embedded", 0, judge="none", **SEVEN)


def test_a_pilot_takes_the_last_samples_and_never_those_of_the_answer() -> None:
    task = text.load("embedded", 0, **SEVEN)
    question = next(iter(task.cases()))
    substrate = task.substrate()
    vars(substrate)["models"] = task.models
    known = next(iter(open_bank(PLACE).questions.values()))
    with substrate.session(question) as session:
        pilot = session.fork(session.open(question.prompt), 8)
        session.decode(pilot)
        assert pilot[0].cache.sample is not None
        assert pilot[0].cache.sample.words == known.samples[-1].words
        leaves = session.fork(session.open(), len(known.samples) - 7)
        with pytest.raises(CapabilityMissing, match="samples for two contexts"):
            session.decode(leaves)
        session.decode(leaves[:8])
        session.offer(leaves[0].completion)
    assert len(list(solved(task, "compute_optimal", N=8, pilot=8))) == 7


def test_a_run_that_names_it_asks_all_questions(shipped: dict[str, Any]) -> None:
    task, method = registry.find("text"), registry.find("text/majority")
    own = select_settings(task, method, fixed={"data": "bank:smollm2"})
    each = shipped["bank"]["questions"] // task.card.seeds
    assert {settings[1]["problems"] for settings in own.settings} == {each}
    assert [settings[0]["N"] for settings in own.settings] == [8, 2, 4, 16]
    few = select_settings(task, method, fixed={"data": "bank:smollm2", "problems": 2, "N": 4})
    assert [(p["N"], c["problems"]) for p, c in few.settings] == [(4, 2)]
    live = select_settings(task, method, fixed={"data": "arithmetic"})
    assert [(p["N"], c["problems"]) for p, c in live.settings] == [(8, 2)]


def test_a_name_resolves_and_an_unknown_one_says_which_there_are(tmp_path: Path) -> None:
    assert bank_place("smollm2") == PLACE
    assert bank_place(str(tmp_path)) == tmp_path
    assert shipped_banks() == ["smollm2"]
    with pytest.raises(SelectionError, match="none of that name is shipped") as found:
        text.check_conditions({"data": "bank:smolm"})
    assert "smollm2" in found.value.hint


@pytest.mark.parametrize("suffix", [CARD, SAMPLES, QUESTIONS])
@pytest.mark.parametrize("keep", [0, 200])
def test_a_damaged_file_ends_in_a_sentence(tmp_path: Path, suffix: str, keep: int) -> None:
    for path in FOLDER.glob(f"{PLACE.name}.*"):
        shutil.copy(path, tmp_path)
    damaged = tmp_path / f"{PLACE.name}{suffix}"
    damaged.write_bytes(damaged.read_bytes()[:keep])
    with pytest.raises(StoreError, match="is damaged: a bank of samples cannot be read"):
        open_bank(tmp_path / PLACE.name), bank_lines(tmp_path / PLACE.name)


def test_samples_of_another_bank_are_damage(tmp_path: Path) -> None:
    for path in FOLDER.glob(f"{PLACE.name}.*"):
        shutil.copy(path, tmp_path)
    pack(_drawn(tmp_path / "other"), tmp_path / PLACE.name)
    with pytest.raises(StoreError, match="is damaged"):
        open_bank(tmp_path / PLACE.name)


def test_a_packed_bank_is_the_bank_but_for_half_precision(tmp_path: Path) -> None:
    folder, place = _drawn(tmp_path / "drawn"), tmp_path / "bank-x"
    card = pack(folder, place)
    place.with_name(f"{place.name}{CARD}").write_text(json.dumps({"bank": card}))
    before, after = read_bank(folder), open_bank(place)
    assert after.header == before.header
    assert after.questions.keys() == before.questions.keys()
    known, found = before.questions[0, 0], after.questions[0, 0]
    assert (found.prompt, found.prefilled, found.flops) == ("Problem: 1 + 2\n", 9, 11)
    assert [one.words for one in found.samples] == [one.words for one in known.samples]
    assert found.samples[1].logprobs == pytest.approx(known.samples[1].logprobs, rel=1e-3)
    assert found.samples[1].scores == (0.5, 0.25)
    assert not found.samples[1].entropies
    assert [(one.flops, one.generated, one.ended) for one in found.samples] == [
        (10**12, 1, True),
        (7, 2, False),
    ]
    assert bank_lines(place)[0]["answer"] == "3"


def _drawn(folder: Path) -> Path:
    header = BankHeader("x", "x", "x", "x", "on", 0.7, 9, 9, 9, ("line",), (), sees_flops=True)
    one = BankedSample((" 3",), (-0.1,), (0.2,), (), True, 1, 10**12, 0, 0)
    two = BankedSample((" ä", "\n"), (-1e-3, -4.321), (0.2, 0.1), (0.5, 0.25), False, 2, 7, 5, 6)
    question = BankedQuestion("Problem: 1 + 2\n", 9, 8, 11, one, (one, two))
    row = {"question": "1 + 2", "answer": "3", "level": "a"}
    BankWriter(folder, header).add((0, 0), row, question)
    return folder
