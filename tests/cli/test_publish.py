"""`adabench publish` from the outside: idempotent, incremental, whole, and harmless."""

import json
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from adabench.harness.store.manifest import read_manifest, write_manifest
from tests.cli.program import adabench

# One set-up for all of them.
pytestmark = [pytest.mark.xdist_group("site"), pytest.mark.usefixtures("here")]

State = dict[str, tuple[int, bytes]]


@pytest.fixture(scope="module")
def runs(env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two runs of the toy task, and a copy of the second that calls the machine another one."""
    base = tmp_path_factory.mktemp("runs")
    made = [base / name for name in ("one", "two", "three")]
    for folder in made[:2]:
        done = adabench("run", "roots", "--counts", "--out", folder, "--no-report", env=env)
        assert done.returncode == 0, done.stderr
    shutil.copytree(made[1], made[2])
    _dated(made[0], 1)
    _dated(made[1], 2)
    _dated(made[2], 3, cpu_model="Another <b>machine</b>")
    return made


def _dated(run: Path, day: int, **environment: str) -> None:
    data = read_manifest(run)
    data["started"] = f"2026-01-{day:02}T00:00:00+00:00"
    data["environment"] |= environment
    write_manifest(run, data)


@pytest.fixture(scope="module")
def site(runs: list[Path], env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published") / "site"
    publish(folder, *runs, env=env)
    return folder


def publish(folder: Path, *words: object, env: dict[str, str]) -> dict[str, object]:
    done = adabench("publish", folder, *words, "--json", env=env)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def state(folder: Path) -> State:
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class Links(HTMLParser):
    """Every reference of a page, and every place in it that can be referred to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.ids |= {found[name] for name in ("id", "name") if name in found}
        self.links += [found[name] for name in ("href", "src") if name in found]


def test_the_same_runs_again_change_nothing(
    site: Path, runs: list[Path], env: dict[str, str]
) -> None:
    before = state(site)
    told = publish(site, *runs, env=env)
    assert told["changed"] == []
    assert state(site) == before
    assert publish(site, env=env)["changed"] == []
    assert state(site) == before


def test_runs_one_by_one_make_the_same_site_as_all_at_once(
    site: Path, runs: list[Path], env: dict[str, str], tmp_path: Path
) -> None:
    for run in reversed(runs):  # an older run may come later
        publish(tmp_path / "site", run, env=env)
    together = {name: content for name, (_, content) in state(site).items()}
    apart = {name: content for name, (_, content) in state(tmp_path / "site").items()}
    assert apart.keys() >= together.keys()
    assert {name: apart[name] for name in together} == together


def test_adding_a_run_touches_what_it_must(
    runs: list[Path], env: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "site"
    publish(folder, *runs[:2], env=env)
    before = state(folder)
    told = publish(folder, runs[2], env=env)
    after = state(folder)
    changed = {name for name in after if after.get(name) != before.get(name)}
    assert changed == set(told["changed"])  # type: ignore[call-overload]
    kept = {name for name in before if name.startswith(("runs/", "data/runs/", "data/links/"))}
    assert len(kept) > 8
    assert not kept & changed
    assert {"index.html", "data/index.json"} <= changed


def test_every_link_leads_somewhere_and_none_leaves(site: Path) -> None:
    pages = {path: Links(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    assert len(pages) > 5
    checked = 0
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme == "data":
                continue
            assert not parts.scheme, f"{path}: {link}"
            assert not parts.netloc, f"{path}: {link}"
            assert not parts.path.startswith("/"), f"{path}: {link}"
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.is_file(), f"{path}: {link}"
            if parts.fragment and target.suffix == ".html":
                assert parts.fragment in pages[target].ids, f"{path}: {link}"
            checked += 1
    assert checked > 40


def test_the_index_says_what_the_latest_findings_say(site: Path) -> None:
    [latest] = (site / "data" / "runs").glob("20260103*")
    rows = json.loads((latest / "findings.json").read_text())["gap"]
    [gap] = [row for row in rows if row["method"] == "residual"]
    index = json.loads((site / "data" / "index.json").read_text())
    assert index["methods"]["roots/residual"]["gap"] == gap


def test_unlike_machines_have_histories_of_their_own(site: Path) -> None:
    found = json.loads((site / "data" / "history.json").read_text())["series"]
    assert found
    assert {item["hardware"] for item in found} == {0}
    assert {len(item["points"]) for item in found} == {2}
    steps = [item for item in found if item["metric"] == "steps"]
    assert all(item["points"][0]["level"] == item["points"][1]["level"] for item in steps)
    assert not any(item["changes"] for item in steps)


def test_a_hostile_machine_is_inert(site: Path) -> None:
    text = (site / "index.html").read_text(encoding="utf-8")
    assert "Another &lt;b&gt;machine" in text
    assert "<b>machine" not in text


def test_no_path_of_this_machine_is_published(site: Path, runs: list[Path]) -> None:
    own = str(runs[0].parent).encode()
    for path in site.rglob("*"):
        if path.is_file() and path.suffix == ".html":
            text = path.read_bytes()
            # The command line a run was started with is the user's own word, and stays.
            assert own not in text.replace(b"--out " + own, b""), path


def test_the_title_is_kept_and_what_earlier_versions_wrote_goes(
    runs: list[Path], env: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "site"
    (folder / "badges").mkdir(parents=True)
    (folder / "data").mkdir()
    stale = [folder / "feed.xml", folder / "badges" / "claims.svg"]
    for path in stale:
        path.write_text("stale")
    (folder / "data" / "site.json").write_text('{"title": "Ours", "url": "https://example.org/"}')
    done = adabench("publish", folder, runs[0], "--url", "https://example.org/", env=env)
    assert "--url changes nothing" in done.stderr
    assert not any(path.exists() for path in stale)
    assert "<title>Ours</title>" in (folder / "index.html").read_text(encoding="utf-8")


def test_parquet_holds_the_cases(site: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    [path] = (site / "data" / "runs").glob("20260101*/cases.parquet")
    table = parquet.read_table(path)
    rows = table.to_pydict()
    assert {"task", "method", "seed", "case", "point.tolerance", "values.steps"} <= rows.keys()
    assert set(rows["task"]) == {"roots"}
    assert None in rows["point.tolerance"]  # a method without the knob has none
    assert min(rows["values.steps"]) > 0


def test_what_cannot_be_published_is_said(
    runs: list[Path], env: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "index.html").write_text("somebody's")
    for words, code, said in (
        ([tmp_path / "other", runs[0]], 2, "did not write"),
        ([tmp_path / "new"], 2, "no run was named"),
        ([tmp_path / "new", tmp_path / "other"], 3, "not a run"),
    ):
        done = adabench("publish", *words, env=env)
        assert (done.returncode, said in done.stderr) == (code, True), done.stderr


def test_the_site_opens_from_a_disk_without_errors(site: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on PATH")
    sync_api = pytest.importorskip("playwright.sync_api")
    flags = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    problems: list[str] = []
    requests: list[str] = []
    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=flags)
        page = browser.new_page(viewport={"width": 390, "height": 800})
        page.on("console", lambda message: problems.append(message.text))
        page.on("requestfailed", lambda request: problems.append(request.url))
        page.on("request", lambda request: requests.append(request.url))
        for name in ("index.html", "methods/roots-residual.html"):
            page.goto((site / name).as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
            broken = "[...document.images].filter(i => !i.naturalWidth).map(i => i.src)"
            assert page.evaluate(broken) == []
        browser.close()
    assert problems == []
    assert all(url.startswith("file:") for url in requests)
