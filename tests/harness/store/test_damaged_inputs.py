"""Whatever a file that we read holds, what comes of it is a result or a sentence, never a traceback."""

import gzip
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adabench.harness.analysis import findings_file
from adabench.harness.analysis.load_run import find_cards, load_run
from adabench.harness.compare import loaded_run
from adabench.harness.contract.record import Record
from adabench.harness.distributed import merge
from adabench.harness.errors import AdabenchError, StoreError
from adabench.harness.files import json_document
from adabench.harness.plan.grid import plan
from adabench.harness.plan.request import PlanRequest, expand
from adabench.harness.provenance import environment, hardware_profile
from adabench.harness.race import certificate
from adabench.harness.run.run_request import read_request
from adabench.harness.store import checksum, packed_run, run_folder, table
from adabench.harness.store.manifest import write_manifest

RACED = {
    "epsilon": 0.02, "confidence": 0.9, "spent_s": 3.0, "budget_s": 5.0, "ended": "certified",
    "evaluations": 3, "full_grid": 6, "share": 0.5, "not_started": ["u"], "unloaded": {"v": "x"},
    "races": [{
        "race": "t", "ended": "certified", "evaluations": 3, "full_grid": 6, "cost": "work",
        "quality": "right", "test": "bets", "unresolved": [["a", "b"]],
        "points": [{"label": "a", "place": "on", "because_of": None, "reason": None, "cases": 3}],
    }],
}  # fmt: skip
EVIL = (
    None, True, -1, 0.5, 10**400, 2**64, "", "x", "\ud800", "9" * 5000, [], [[]], {}, {"x": 1},
    float("inf"), float("nan"),
)  # fmt: skip
FEW = settings(
    max_examples=40, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
MANY = settings(FEW, max_examples=1500)


@pytest.fixture
def run(toy: None, tmp_path: Path) -> Path:
    """A run of the toy task that was raced, and that a site can keep."""
    turns = plan(expand([PlanRequest(("roots/fixed", "roots/residual"), star=False)]), seeds=[0, 1])
    words = {
        "adabench": "0.1.0", "command": ["adabench", "run"], "started": "2026-01-02T03:04:05+00:00",
        "asked": {"select": ["roots"], "seeds": "0..1", "race_s": 5.0}, "sources": {"roots": "1"},
        "environment": environment.fingerprint(), "unwatched": {"x": "Not told."},
        "instruments": [{"name": "wall clock", "keys": ["latency_s"], "available": True,
                         "label": "measured", "reason": "", "remedy": ""}],
    }  # fmt: skip
    with run_folder.create(tmp_path / "r", turns, words) as journal:
        for turn in turns:
            for case in range(3):
                values = {"work": 3.0 + case, "right": 1.0, "latency_s": 0.1 * (1 + case)}
                journal.append(Record(turn.cell, "solve", case, 0, "ok", values, group="odd"))
            journal.append(Record(turn.cell, "solve", 3, 0, "error", {}, "ValueError: x"))
    certificate.write(tmp_path / "r", RACED)
    return tmp_path / "r"


def read_all(folder: Path) -> None:
    """Read a run as the verbs do."""
    for read in (load_run, loaded_run.load_run, run_folder.records, merge.read, read_request):
        with suppress(AdabenchError):
            found = read(folder)
            if read is load_run:
                json.dumps(found.to_json())
    with suppress(AdabenchError):
        found = certificate.read(folder)
        certificate.page(found or RACED)
        certificate.marks(found)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where every value of a document is."""
    yield path
    if isinstance(value, dict):
        for name in value:
            yield from leaves(value[name], (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))


def changed(document: Any, place: tuple[Any, ...], value: Any) -> Any:
    """Return a document with another value at a place."""
    if not place:
        return value
    copy = document.copy()
    copy[place[0]] = changed(document[place[0]], place[1:], value)
    return copy


def spoil(draw: st.DataObject, data: bytes) -> bytes:
    """Return a file's bytes, damaged in one of the ways that disks, editors and people have."""
    at = draw.draw(st.integers(0, max(len(data) - 1, 0)), "where")
    way = draw.draw(st.sampled_from(("flip", "cut", "zeros", "bytes", "deep", "value")), "how")
    if way == "flip":
        bit = 1 << draw.draw(st.integers(0, 7))
        return data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :] if data else b"\x00"
    if way == "cut":
        return data[:at]
    if way == "zeros":
        return data[:at] + bytes(len(data) - at)
    if way == "bytes":
        return data[:at] + draw.draw(st.binary(min_size=1, max_size=8)) + data[at:]
    if way == "deep":
        return data[:at] + b"[" * 200_000 + data[at:]
    try:
        document = json.loads(data)
    except ValueError:
        return data
    document.pop(json_document.SEAL, None)  # as whoever knows of it would
    place = draw.draw(st.sampled_from(list(leaves(document))), "place")
    return json.dumps(changed(document, place, draw.draw(st.sampled_from(EVIL)))).encode()


def fuzz(path: Path, draw: st.DataObject, read: Callable[[], None]) -> None:
    good = path.read_bytes()
    try:
        path.write_bytes(spoil(draw, good))
        read()
    finally:
        path.write_bytes(good)


@pytest.mark.parametrize("name", ["run.json", "records.jsonl", "certificate.json"])
@given(draw=st.data())
@FEW
def test_a_damaged_run_is_read_or_refused(run: Path, name: str, draw: st.DataObject) -> None:
    fuzz(run / name, draw, lambda: read_all(run))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["run.json", "records.jsonl", "certificate.json"])
@given(draw=st.data())
@MANY
def test_a_run_damaged_in_many_ways_is_read_or_refused(
    run: Path, name: str, draw: st.DataObject
) -> None:
    fuzz(run / name, draw, lambda: read_all(run))


def line_of(run: Path, draw: st.DataObject) -> bytes:
    """Return a line of the journal with another value somewhere, and a right checksum."""
    lines = (run / run_folder.RECORDS).read_bytes().splitlines()
    line = json.loads(draw.draw(st.sampled_from(lines)))
    del line["x"]
    place = draw.draw(st.sampled_from([place for place in leaves(line) if place]))
    value = draw.draw(st.sampled_from(EVIL[:-2]))
    return checksum.sealed(changed(line, place, value)) + b"\n"


@pytest.mark.parametrize("schema", [2, 3])
@given(draw=st.data())
@FEW
def test_a_forged_line_is_read_or_refused(run: Path, schema: int, draw: st.DataObject) -> None:
    path = run / run_folder.RECORDS
    manifest, good = run_folder.read_manifest(run), path.read_bytes()
    try:
        path.write_bytes(good + line_of(run, draw))
        write_manifest(run, manifest | {"schema": schema})
        read_all(run)
    finally:
        path.write_bytes(good)
        write_manifest(run, manifest)


@pytest.mark.parametrize("key", ["t", "g"])
@pytest.mark.parametrize("status", ["ok", "error"])
def test_a_line_without_a_text_where_one_belongs_is_refused(
    run: Path, key: str, status: str
) -> None:
    path = run / run_folder.RECORDS
    good = path.read_bytes()
    lines = [json.loads(line) for line in good.splitlines()]
    record = next(line for line in lines if "v" in line and line.get("s", "ok") == status)
    del record["x"]
    try:
        path.write_bytes(good + checksum.sealed({**record, key: None}) + b"\n")
        with pytest.raises(StoreError, match="is not a record"):
            load_run(run)
    finally:
        path.write_bytes(good)


def test_a_speedup_of_no_metric_is_refused(run: Path, tmp_path: Path) -> None:
    findings_file.write(load_run(run), run, tmp_path)
    path = packed_run.packed(tmp_path / run_folder.FINDINGS)
    document = json.loads(gzip.decompress(path.read_bytes()))
    del document["sha256"]
    assert document["speedups"]
    document["speedups"][0]["metric"] = None
    path.write_bytes(gzip.compress(json.dumps(document).encode()))
    with pytest.raises(StoreError, match="metric"):
        findings_file.read(tmp_path, find_cards)


@given(draw=st.data())
@FEW
def test_damaged_findings_are_read_or_refused(run: Path, draw: st.DataObject) -> None:
    kept = run.with_name("kept")
    if not kept.exists():
        findings_file.write(load_run(run), run, kept)
    path = packed_run.packed(kept / run_folder.FINDINGS)
    good = path.read_bytes()
    try:
        if draw.draw(st.booleans()):
            path.write_bytes(spoil(draw, good))
        else:
            path.write_bytes(gzip.compress(spoil(draw, gzip.decompress(good))))
        with suppress(StoreError):
            json.dumps(findings_file.read(kept, find_cards).to_json())
    finally:
        path.write_bytes(good)


@given(draw=st.data())
@FEW
def test_a_damaged_site_is_read_or_refused(
    run: Path, draw: st.DataObject, monkeypatch: pytest.MonkeyPatch
) -> None:
    from adabench.harness.history import archive
    from adabench.harness.history import series as history
    from adabench.reports.site.build import _read, _settings

    site = run.with_name("site")
    if not site.exists():
        folder = site / "data" / "runs" / "20260102-030405-0"
        folder.mkdir(parents=True)
        for name, content in archive.files(load_run(run), table.read(run), "r").items():
            (folder / name).write_bytes(content)
        (site / "data" / "site.json").write_text('{"title": "T", "url": "https://x.org/"}')
        (site / "index.html").touch()

    def read() -> None:
        with suppress(AdabenchError):
            _settings(site, None)
        with suppress(AdabenchError):
            _read(site / "data" / "site.json")
        with suppress(AdabenchError):
            for own in archive.read_archive(site):
                assert (own.name, own.started, own.cells, own.cards, own.findings) is not None
                history.links(own, own)

    fuzz(
        draw.draw(st.sampled_from(sorted(p for p in site.rglob("*.*") if p.is_file()))), draw, read
    )


def test_a_profile_that_is_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text("name = " + "[" * 100_000)
    with pytest.raises(AdabenchError, match="cannot be read as a hardware profile"):
        hardware_profile.read_profile(str(path))


@given(draw=st.data())
@FEW
def test_a_damaged_profile_is_read_or_refused(tmp_path: Path, draw: st.DataObject) -> None:
    shipped = sorted(hardware_profile.pinned_folder().glob("*.toml"))
    path = tmp_path / "p.toml"
    path.write_bytes(spoil(draw, draw.draw(st.sampled_from(shipped)).read_bytes()))
    with suppress(AdabenchError):
        profile = hardware_profile.read_profile(str(path))
        hardware_profile.compare_machine(profile, identity=True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"schema": 3', "Expecting"),
        (b'{"schema": ' + b"9" * 5000 + b', "plan": {}}', "digits"),
        (b'{"schema": "3", "plan": {}}', "schema is '3'"),
        (b'{"schema": 99, "plan": {}}', "schema 99"),
        (b'{"schema": 3, "plan": {"cells": {}}}', "has no 'turns'"),
        (
            b'{"schema": 3, "plan": {"cells": {}, "turns": [["k", 0]]}}',
            "plan of the run is damaged",
        ),
        (
            b'{"schema": 3, "plan": {"cells": {}, "turns": []}, "asked": {"seeds": 3}}',
            "asked.seeds",
        ),
        (
            b'{"schema": 3, "plan": {"cells": {}, "turns": []}, "asked": {"precision": "5 %"}}',
            "asked.precision is '5 %'",
        ),
    ],
)
def test_what_is_wrong_with_a_manifest_is_said(tmp_path: Path, text: bytes, says: str) -> None:
    (tmp_path / run_folder.MANIFEST).write_bytes(text)
    with pytest.raises(StoreError, match=says):
        run_folder.read_plan(run_folder.read_manifest(tmp_path))


def test_a_manifest_that_was_changed_is_refused(run: Path) -> None:
    path = run / run_folder.MANIFEST
    text = path.read_text()
    path.write_text(text.replace('"seeds": "0..1"', '"seeds": "0..9"'))
    with pytest.raises(StoreError, match="damaged, or was changed by hand"):
        run_folder.read_manifest(run)
    path.write_text(json.dumps(json.loads(text)))  # the same in other words
    assert run_folder.read_manifest(run)["asked"]["seeds"] == "0..1"


def test_a_cell_that_is_not_what_its_key_says_is_refused(run: Path) -> None:
    manifest = run_folder.read_manifest(run)
    next(iter(manifest["plan"]["cells"].values()))["seed"] = 7
    write_manifest(run, manifest)
    with pytest.raises(StoreError, match="not what its key says"):
        run_folder.resume(run)


def test_a_certificate_of_other_records_is_left_out_and_the_race_is_said(
    run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert certificate.read(run) is not None
    (run / run_folder.RECORDS).write_bytes((run / run_folder.RECORDS).read_bytes()[:-300])
    assert certificate.read(run) is None
    assert "not of the records beside it" in caplog.text
    said = load_run(run).manifest["warnings"]
    assert any("no certificate" in sentence for sentence in said)


def test_damage_is_a_warning_of_the_report(run: Path) -> None:
    path = run / run_folder.RECORDS
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b"?" + lines[2], *lines[3:]]))
    assert any("Line 3 of" in sentence for sentence in load_run(run).manifest["warnings"])


def test_findings_of_another_manifest_are_refused(run: Path, tmp_path: Path) -> None:
    findings_file.write(load_run(run), run, tmp_path / "kept")
    write_manifest(run, run_folder.read_manifest(run) | {"command": ["else"]})
    packed_run.pack(run, tmp_path / "other", (run_folder.MANIFEST,))
    shutil.copy(tmp_path / "other" / "run.json.gz", tmp_path / "kept")
    with pytest.raises(StoreError, match=r"not of the run\.json beside it"):
        findings_file.read(tmp_path / "kept", find_cards)
