"""A run recorded before `ledger` was split reads as it did, under the addresses of today.

`before_the_split/` was recorded at the last commit before the move (three seeds, two batches of eight
sequences). Its claims are judged by the cards of today.
"""

import json
from pathlib import Path

import pytest

from adabench.harness.analysis.load_run import load_run
from adabench.harness.contract import earlier_addresses, registry
from adabench.harness.contract.record import Cell, Record, Turn
from adabench.harness.store import run_folder, table

READS = ("<all cards>",)
"""For tests/suite/dependencies.py."""

RUN = Path(__file__).with_name("before_the_split")
TODAY = {
    "ledger/vanilla", "ledger_qa/full_path", "ledger_qa/dr_llm", "ledger_affine/dense_ffn",
    "ledger_affine/versatile_ffn", "ledger_affine/fixed_loops", "ledger_cot/cot",
    "ledger_cot/latent_cot", "ledger_cot/prepared_shortcuts",
}  # fmt: skip


def cell(method: str, scale: str = "embedded", **conditions: str | int) -> Cell:
    return Cell("ledger", method, {}, {"mode": "prefill", "width": 64, **conditions}, scale, 0)


def test_every_claim_of_todays_cards_is_judged_on_it() -> None:
    rows = load_run(RUN).claims
    expected = {
        (address, claim.id) for address in TODAY for claim in registry.find(address).card.claims
    }
    assert {(f"{row.task}/{row.method}", row.id) for row in rows} == expected
    assert any(row.n for row in rows)
    assert all(row.reason for row in rows if row.verdict in ("undecided", "not run"))


def test_a_table_has_todays_addresses_and_every_row() -> None:
    found = table.read(RUN)
    assert {one.address for one in found.cells} == TODAY
    assert not any("layout" in one.conditions for one in found.cells)
    assert [one.key for one in found.cells] == sorted(one.key for one in found.cells)
    lines = (RUN / "records.jsonl").read_text().splitlines()
    solved = [json.loads(line) for line in lines if '"v"' in line and '"p"' not in line]
    assert len(found) == len(solved)


def test_a_run_that_holds_failures_alone_has_todays_addresses_too(tmp_path: Path) -> None:
    old = cell("dr_llm", layout="qa")
    failed = Record(old, "solve", 0, 0, "error", {}, "ValueError: x")
    with run_folder.create(tmp_path / "r", [Turn(old, 0)], {}) as run:
        run.append(failed)
    (found,) = table.read(tmp_path / "r").others
    assert (found.cell.task, found.note) == ("ledger_qa", failed.note)
    run_folder.amend_manifest(tmp_path / "r", unwatched={"x": "no meter"})
    manifest = run_folder.read_manifest(tmp_path / "r")
    assert manifest["unwatched"] == {"x": "no meter"}
    assert len(manifest["plan"]["turns"]) == 1


@pytest.mark.parametrize(
    ("recorded", "task", "conditions"),
    [
        (cell("vanilla", layout="stream"), "ledger", {"mode": "prefill", "width": 64}),
        (cell("dr_llm", layout="qa"), "ledger_qa", {"mode": "prefill"}),
        (cell("moe_ffn", layout="c2"), "ledger_affine", {"mode": "prefill"}),
        (cell("cot", layout="cot"), "ledger_cot", {"mode": "prefill"}),
        (cell("acm", "real", layout="stream"), "pretrained", {"prompt": 0}),
        (cell("dr_llm", "real", layout="qa"), "pretrained", {"prompt": 64}),
    ],
)
def test_records_of_each_layout_go_to_their_task(
    recorded: Cell, task: str, conditions: dict[str, str | int]
) -> None:
    (found,) = earlier_addresses.cells([recorded])
    assert (found.task, dict(found.conditions)) == (task, conditions)
    assert found.scale == "embedded"


def test_records_of_a_method_that_was_renamed_are_not_those_of_its_heir() -> None:
    card = registry.find("ledger_cot/system_1_5").card
    assert card.slug == "system-1.5"
    before = Cell("ledger_cot", "system_1_5", {"lambda_depth": 0.5}, {}, "embedded", 0)
    today = Cell("ledger_cot", "system_1_5", dict(card.defaults), {}, "embedded", 0)
    first, second = earlier_addresses.cells([before, today])
    assert first.address == "ledger_cot/prepared_shortcuts"
    assert registry.find(first.address).card.slug == ""
    assert second == today


def test_what_nobody_took_over_stays_as_it_is() -> None:
    kept = [
        cell("vanilla", mode="decode1"),
        cell("vanilla", layout="qa"),
        Cell("paging", "lru", {}, {"layout": "qa"}, "embedded", 0),
    ]
    assert earlier_addresses.cells(kept) == tuple(kept)
    (gpu,) = earlier_addresses.cells([cell("vanilla", "gpu", layout="stream")])
    assert (gpu.task, gpu.scale) == ("ledger", "gpu")


def test_addresses_of_before_are_found() -> None:
    before = []
    for task in ("ledger_qa", "ledger_affine", "ledger_cot"):
        for entry in registry.methods(task).values():
            before_that = entry.card.moved_from
            if before_that and before_that not in registry.methods(task):
                assert registry.find(before_that).address == entry.address
                before.append(before_that)
    assert {"ledger/full_path", "ledger/dense_ffn", "ledger/cot"} < set(before)
    assert registry.find("ledger/acm").address == "ledger/acm"


def test_a_family_s_method_reads_its_card_by_task() -> None:
    here, there = registry.find("ledger/acm").card, registry.find("pretrained/acm").card
    assert not {claim.id for claim in here.claims} & {claim.id for claim in there.claims}
    assert here.claims
    assert there.claims
    assert (here.defaults["budget"], there.defaults["budget"]) == (0.4, 0.75)
    assert registry.load(registry.find("pretrained/acm")) is registry.load(
        registry.find("ledger/acm")
    )
