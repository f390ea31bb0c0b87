"""Questions in flight together on a server: same answers, seconds of their own, and what is refused by name."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("openai", reason="the extra `serve` is not installed")

from adabench.harness.contract.record import Record
from adabench.harness.store import run_folder
from tests.workloads.slot_server import KEY, SlotServer, slots

ENV = {"OPENAI_API_KEY": KEY}
FEW = ("--alone", "--no-sweep", "--no-report", "--seeds", 0, "--set", "problems=6")
BOTH = ("text/greedy", "text/majority", "--set", "N=4")
COUNTS = ("accuracy", "malformed", "truncated", "generated", "prefilled", "requests", "calls")


@pytest.fixture(scope="module")
def server() -> Iterator[SlotServer]:
    with slots() as found:
        yield found


def solved(folder: Path) -> dict[tuple[str, int], Record]:
    records = list(run_folder.records(folder))
    assert {record.status for record in records} == {"ok"}, [record.note for record in records]
    return {(record.cell.method, record.case): record for record in records}


def test_questions_in_flight_get_the_answers_and_counts_of_questions_alone(
    command, tmp_path: Path
) -> None:
    alone, together = tmp_path / "alone", tmp_path / "together"
    with slots() as server:
        asked = {}
        for folder, words in (
            (alone, ("--price", "in=1000,out=0")),
            (together, ("--concurrency", 4)),
        ):
            begun, echoes = len(server.wire), server.echoes
            server.waits_for = 2 if folder is together else 1
            done = command(
                "run", *BOTH, "--model", server.spec, *FEW, *words, "--out", folder, env=ENV
            )
            assert done.returncode == 0, done.stderr
            assert server.echoes - echoes <= 1, "the server is probed once, if it was not just now"
            wire = [one for one in server.wire[begun:] if "Problem:" in one["body"]["prompt"]]
            asked[folder] = {json.dumps(one["body"], sort_keys=True) for one in wire}
            assert "generated (low)" in done.stdout
            assert "flops" not in done.stdout
            assert "shared the core" not in done.stderr
            if folder is alone:
                lines = [one for one in done.stdout.splitlines() if one.startswith("  greedy ")]
                assert lines[-1].split()[-1] == "9", (
                    "nine tokens read, at a thousandth each, a thousand times"
                )
        assert "Time: under load" in done.stdout
        assert server.most_held == 2
    assert asked[alone] == asked[together], "the same requests with the same seeds"
    assert len(wire) == 12
    one, other = solved(alone), solved(together)
    for key, record in one.items():
        values = other[key].values
        assert {name: values[name] for name in COUNTS} == {n: record.values[n] for n in COUNTS}
        assert {"latency_s", "ttft_s"} <= record.values.keys()
        assert {"load_latency_s", "load_ttft_s", "load_began_s"} <= values.keys()
        assert not [n for n in values if n.endswith("_s") and not n.startswith("load_")]
    assert other["greedy", 0].cell.conditions["concurrency"] == 4
    read_again(command, together, wire, list(other.values()))


def read_again(command, folder: Path, wire: list[dict[str, Any]], records: list[Record]) -> None:
    """Hold what `serve` reads of a run against the wire."""
    done = command("serve", "--run", folder, "--slo", "1h", "--json", env=ENV)
    assert done.returncode == 0, done.stderr
    rows = {row["method"]: row for row in json.loads(done.stdout)["points"]}
    assert rows.keys() == {"greedy", "majority"}
    for method, row in rows.items():
        own = [r.values["load_latency_s"] for r in records if r.cell.method == method]
        sent = [one for one in wire if bool(one["body"]["temperature"]) == (method == "majority")]
        words = sum(r.values["generated"] for r in records if r.cell.method == method)
        assert words == sum(one["words"] for one in sent)
        assert max(own) >= max(one["ended"] - one["begun"] for one in sent)
        assert row["latency_s"]["p90"] == pytest.approx(np.percentile(own, 90))
        assert (row["cases"], row["in_time"], row["note"][:4]) == (6, 1.0, "only")
        assert row["right_qps"] <= row["goodput_qps"] == row["throughput_qps"]
    assert rows["greedy"]["beside_greedy"] == 1.0


@pytest.mark.parametrize("counts", [True, False])
def test_arrivals_are_the_same_for_every_method_and_what_a_server_does_not_say_is_absent(
    command, tmp_path: Path, counts: bool
) -> None:
    with slots(streams=False, counts=counts) as server:
        done = command("serve", *BOTH, "--model", server.spec, "--qps", "40", "--questions", 6,
                       "--out", tmp_path / "s", env=ENV)  # fmt: skip
        assert done.returncode == 0, done.stderr
        singles = sorted(one["words"] for one in server.asked if not one["body"]["temperature"])
    assert "40 questions a second" in done.stdout
    assert "No goodput was asked for" in done.stdout
    assert "No TTFT and ITL: this server does not stream" in done.stdout
    found = solved(tmp_path / "s")
    came: dict[str, list[float]] = {"greedy": [], "majority": []}
    for (method, _), record in sorted(found.items()):
        came[method].append(record.values["load_began_s"])
        assert record.values["load_latency_s"] >= record.values["load_waited_s"] >= 0
        assert "load_ttft_s" not in record.values
    assert np.diff(came["greedy"]) == pytest.approx(np.diff(came["majority"]), abs=1e-4)
    assert min(np.diff(came["greedy"])) > 0
    steps = {key: record.values.get("serial_steps") for key, record in found.items()}
    assert not [value for (name, _), value in steps.items() if name == "majority" and value]
    greedy = sorted(value for (name, _), value in steps.items() if name == "greedy" and value)
    assert greedy == (singles if counts else [])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--concurrency", 4, "--model", "smollm2"), "concurrency puts a server under load, and smollm2 is none"),
        (("--qps", 2), "qps puts a server under load"),
        (("--concurrency", 4, "--qps", 2, "--model", "SERVER"), "Give one of them"),
        (("--concurrency", 4, "--counts", "--model", "SERVER"), "which --counts would change"),
        (("--concurrency", 4, "--energy", "--model", "SERVER"), "which --energy would change"),
        (("--concurrency", 4, "--race", "5m", "--model", "SERVER"), "which --race would change"),
        (("--concurrency", 4, "--workers", 2, "--model", "SERVER"), "which --workers would change"),
        (("--price", "in=a", "--model", "SERVER"), "are no prices"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_before_anything_runs(
    command, server: SlotServer, tmp_path: Path, words: tuple[object, ...], says: str
) -> None:
    given = [server.spec if word == "SERVER" else word for word in words]
    done = command("run", "text/greedy", *FEW, *given, "--out", tmp_path / "r", env=ENV)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert says in done.stderr
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--users", "2", "--qps", "1"), "Give one of them"),
        (("--users", "0"), "0 is no load"),
        (("--run", "nowhere", "--users", "2"), "measures nothing"),
    ],
)
def test_serve_says_what_it_cannot_do(command, words: tuple[object, ...], says: str) -> None:
    done = command("serve", *words, env=ENV)
    assert (done.returncode, says in done.stderr) == (2, True), done.stderr


def test_other_tasks_have_no_concurrency(command) -> None:
    done = command("run", "paging/lru", "--concurrency", 2)
    assert done.returncode == 2
    assert "select what has it: text" in done.stderr


def test_what_was_answered_stays_if_a_server_goes_away(command, tmp_path: Path) -> None:
    with slots() as server:
        answer = server.reply

        def gone(handler: Any, body: Any) -> Any:
            worked = body is not None and "Problem:" in body["prompt"]
            return None if worked and len(server.asked) >= 3 else answer(handler, body)

        from tests.workloads import local_server

        with local_server.serve(gone) as server.url:
            done = command("run", "text/greedy", "--model", server.spec, *FEW, "--concurrency", 1,
                           "--out", tmp_path / "r", env=ENV)  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert "adabench run --resume" in done.stderr
    assert [record.case for record in run_folder.records(tmp_path / "r")] == [0, 1, 2]
