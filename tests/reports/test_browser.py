"""The page in a real browser: it opens fast, loads nothing, and does what its controls say.

Runs where Chromium is on the PATH and playwright is installed; skips elsewhere, with the reason.
"""

import json
import math
import re
import shutil
import time
from pathlib import Path

import pytest

from adabench.harness.analysis.findings import Findings
from adabench.reports.figures import pareto
from adabench.reports.number_format import interval, quantity
from adabench.reports.report import drill_down
from adabench.reports.report.page import SCRIPTS, _read, render

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update"]  # fmt: skip
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
AXE = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]}
JOULE = re.compile(r"~?\d[\d.,]*(?:e[+-]?\d+)? ?[nµmkM]?J\b")
LABELLED = re.compile(r"\s*\(?(?:counter|measured|est\.|label unknown|unknown)")

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH"),
    pytest.mark.xdist_group("browser"),
]


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory, findings, crowd, odd):
    """Pages on disk: both small tasks, the crowd with its drill-down, the odd one, two runs."""
    made = tmp_path_factory.mktemp("pages")
    pages = {
        "findings": render(findings, insides=[_insides(findings)]),
        "crowd": render(crowd, insides=[_insides(crowd)]),
        "odd": render(odd, insides=[_insides(odd)]),
        "two": render(findings, crowd),
    }
    for name, text in pages.items():
        (made / f"{name}.html").write_text(text, encoding="utf-8")
    return made


def _insides(run: Findings):
    """Make up what lies behind each point: work that differs by group, and a heavy tail."""
    found = {}
    for i, row in enumerate(run.summary):
        names = [
            n for n in row.metrics if n in drill_down.watched_metrics(run.task_cards[row.task])
        ][:6]
        means = {n: drill_down.brief(_number(row.metrics[n].estimate)) for n in names}
        groups = {g: (100, {n: v * (k + 1) for n, v in means.items()})
                  for k, g in enumerate(("easy", "hard <b>", ""))}  # fmt: skip
        rising = {n: tuple(v * (1 + k / 10) ** 2 for k in range(21)) for n, v in means.items()}
        found[i] = drill_down.PointDetails(groups, rising, 300)
    return found


def _number(value: float) -> float:
    return value if math.isfinite(value) else 1.0


@pytest.fixture
def visit(browser, folder):
    """Open a page and collect what it asks for and complains of; at the end both must be none."""
    opened = []

    def go(name: str, width: int = 1440, height: int = 1000, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        page = context.new_page()
        page.set_default_timeout(120_000)  # a busy machine is no failure
        page.asked, page.said = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.goto((folder / f"{name}.html").as_uri())
        opened.append((page, context))
        return page

    yield go
    for page, context in opened:
        assert [url for url in page.asked if not url.startswith("file://")] == []
        assert len(page.asked) == 1
        assert page.said == []
        context.close()


def settle(page) -> None:
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 30)))")


def open_part(page, name: str) -> None:
    """Open a tab of every run that is shown."""
    for tab in page.get_by_role("tab", name=name).all():
        tab.click()


def open_points(page) -> None:
    """Open the tables of all operating points."""
    open_part(page, "Cases")
    for points in page.locator("details.points > summary").all():
        points.click()


def see_all(page) -> None:
    """Scroll through the page so that every chart is drawn."""
    for stage in page.locator(".stage").all():
        if stage.is_visible():
            stage.scroll_into_view_if_needed()
            settle(page)
    page.evaluate("scrollTo(0, 0)")


# Opening


@pytest.mark.slow
def test_it_opens_within_a_second(visit):
    """From the start of navigation to the charts in sight being drawn; the best of three."""
    spent = []
    for _ in range(3):
        page = visit("crowd")
        page.wait_for_function("document.documentElement.dataset.ready !== undefined")
        page.evaluate("document.querySelector('.stage').scrollIntoView()")
        page.wait_for_selector(".quality-cost svg[role=img]")
        timing = page.evaluate("performance.getEntriesByType('navigation')[0].toJSON()")
        spent.append(timing["loadEventEnd"])
    assert min(spent) < 1000, spent


def plots(page):
    """Draw the crowd's plot against three metrics, one by one; yield the seconds of each."""
    page.locator(".quality-cost .stage").scroll_into_view_if_needed()
    page.wait_for_selector(".quality-cost svg[role=img]")
    for name in ("latency_s", "generated (tokens)", "energy_j (counter)"):
        began = time.perf_counter()
        page.locator(".quality-cost select").first.select_option(label=name)
        page.wait_for_function(
            f"document.querySelector('.quality-cost figcaption').textContent.includes('against {name} of')"
        )
        yield time.perf_counter() - began


def test_the_plot_of_the_crowd_is_drawn_against_each_metric(visit):
    page = visit("crowd")
    assert len(list(plots(page))) == 3
    assert int(page.locator(".quality-cost .stage").get_attribute("data-points")) == 470


@pytest.mark.slow
def test_the_plot_of_the_crowd_is_drawn_fast(visit):
    assert min(plots(visit("crowd"))) < 1


# Accessibility


@pytest.mark.parametrize(
    ("name", "scheme"),
    [
        ("odd", "light"),
        pytest.param("findings", "dark", marks=pytest.mark.slow),
        pytest.param("findings", "light", marks=pytest.mark.slow),
        pytest.param("odd", "dark", marks=pytest.mark.slow),
    ],
)
def test_axe_finds_nothing(visit, name, scheme):
    axe = pytest.importorskip("axe_core_python.sync_playwright").Axe()
    page = visit(name, color_scheme=scheme)
    see_all(page)
    for part in ("Paper claims", "Machine", "Cases"):
        open_part(page, part)
        check_axe(axe, page)
    open_points(page)
    check_axe(axe, page)
    look = page.get_by_role("button", name="Look inside")
    if look.count():
        look.first.click()
        check_axe(axe, page, "#drill")


@pytest.mark.slow  # half a minute: axe compares the colours of 11,000 elements
def test_axe_finds_nothing_in_a_crowd(visit):
    axe = pytest.importorskip("axe_core_python.sync_playwright").Axe()
    page = visit("crowd", width=390)
    see_all(page)
    check_axe(axe, page)


def check_axe(axe, page, within: str | None = None) -> None:
    found = axe.run(page, context=within, options=AXE)
    told = [(v["id"], v["impact"], [n["html"][:160] for n in v["nodes"][:3]])
            for v in found["violations"]]  # fmt: skip
    assert told == []


def test_arrow_keys_walk_over_the_points(visit):
    page = visit("findings")
    stage = page.locator(".quality-cost .stage").first
    stage.scroll_into_view_if_needed()
    page.wait_for_selector(".quality-cost svg[role=img]")
    stage.focus()
    said = set()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
        said.add(page.locator(".quality-cost .readout").first.text_content())
    assert len(said) == 4
    assert all("n " in text and "[" in text for text in said)
    page.keyboard.press("Enter")
    assert page.locator("#task-chain .legend [aria-pressed=true]").count() == 1
    page.keyboard.press("Escape")
    assert page.locator("#task-chain .legend [aria-pressed=true]").count() == 0


def test_without_script_the_answer_is_there(visit):
    page = visit("findings", java_script_enabled=False)
    assert page.locator("table").count() > 8
    assert page.locator("noscript p").first.is_visible()
    assert page.locator(".answer .small").count() == 2
    assert page.locator(".panel:visible").count() == 5  # it has no checks of our own


# Controls


def test_the_axes_are_switched(visit):
    page = visit("findings")
    plot = page.locator("#task-paging .quality-cost")
    plot.scroll_into_view_if_needed()
    page.wait_for_selector("#task-paging .quality-cost svg[role=img]")
    caption = plot.locator("figcaption")
    assert caption.text_content().startswith("hit_rate against slots_held (slots)")
    across = plot.get_by_label("Across", exact=True)
    across.select_option(label="latency_s")
    assert caption.text_content().startswith("hit_rate against latency_s")
    assert "latency_s ↓" in plot.locator("svg[role=img]").text_content()
    across.select_option(label="energy_est_j (est.)")
    assert "energy_est_j (est.)" in plot.locator("svg[role=img]").text_content()
    before = plot.locator("svg[role=img]").inner_html()
    plot.get_by_label("log across").check()
    assert plot.locator("svg[role=img]").inner_html() != before


def test_a_method_is_isolated_in_all_charts_of_its_task(visit):
    page = visit("findings")
    task = page.locator("#task-paging")
    see_all(page)
    button = task.locator(".legend button", has_text="mark0")
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    for kind in ("quality-cost", "curves"):
        lines = task.locator(
            f".{kind} svg[role=img] path[stroke-opacity], .{kind} svg[role=img] g[stroke-opacity]"
        )
        faint = [lines.nth(i).get_attribute("stroke-opacity") for i in range(lines.count())]
        assert "0.12" in faint
    assert page.locator("#task-chain .legend [aria-pressed=true]").count() == 0
    task.get_by_role("button", name="Show all methods").click()
    assert button.get_attribute("aria-pressed") == "false"


def test_a_click_on_a_point_isolates_and_hovering_tells(visit):
    page = visit("findings")
    stage = page.locator("#task-paging .quality-cost .stage")
    stage.scroll_into_view_if_needed()
    page.wait_for_selector("#task-paging .quality-cost svg[role=img]")
    stage.focus()
    page.keyboard.press("ArrowRight")
    tip = stage.locator(".tip")
    name = tip.locator("b").text_content()
    numbers = tip.locator("[data-value]")
    assert numbers.count() >= 5
    assert tip.bounding_box()["height"] < 140  # five lines, not one a number
    page.keyboard.press("Enter")
    assert page.locator("#task-paging .legend [aria-pressed=true]").text_content() == name


def test_sorting_puts_what_is_missing_last(visit):
    page = visit("findings")
    table = page.locator("#board")
    head = table.get_by_role("button", name="gap closed", exact=True)
    for order in ("ascending", "descending"):
        head.click()
        assert table.locator(f"th[aria-sort={order}]").count() == 1
        for body in table.locator("tbody").all():
            keys = body.locator("tr:not(.group)").evaluate_all(
                "rows => rows.map(row => row.querySelector('.h').dataset.sort ?? null)"
            )
            known = [float(key) for key in keys if key is not None]
            assert keys[: len(known)] == [k for k in keys if k is not None]
            assert known == sorted(known, reverse=order == "descending")
            assert 0 < len(known) < len(keys)


def test_filtering_narrows_both_tables(visit):
    page = visit("crowd")
    few = page.locator("#board tbody tr:visible").count()
    page.get_by_role("button", name="Show all 47 methods").click()
    assert few < page.locator("#board tbody tr:visible").count() == 47
    page.get_by_label("Filter methods").fill("method_1")
    assert page.locator("#board tbody tr:visible").count() == 10
    open_points(page)
    points = page.locator("details.points")
    points.locator("tbody tr").nth(469).wait_for()  # the table is drawn when it is opened
    assert points.locator("tbody tr:visible").count() == 470
    points.get_by_label("Filter", exact=True).fill("method_12 width=3")
    assert points.locator("tbody tr:visible").count() == 1
    assert points.get_by_role("status").text_content() == "1 of 470 shown"
    points.get_by_label("Filter", exact=True).fill("")
    points.get_by_label("Role").select_option("static")
    assert points.locator("tbody tr:visible").count() == 40


def test_a_drill_down_opens_and_closes(visit):
    page = visit("findings")
    open_points(page)
    page.get_by_role("button", name="Look inside").first.click()
    dialog = page.get_by_role("dialog")
    assert dialog.is_visible()
    assert dialog.get_by_role("table", name="Means by group").locator("tbody tr").count() == 3
    assert "hard <b>" in dialog.text_content()
    assert dialog.locator("svg[role=img]").count() == 1
    page.keyboard.press("Escape")
    assert not dialog.is_visible()


def test_the_theme_is_toggled(visit):
    page = visit("findings", color_scheme="light")
    paper = lambda: page.evaluate("getComputedStyle(document.body).backgroundColor")
    light = paper()
    page.get_by_role("button", name="Dark theme").click()
    dark = paper()
    assert light != dark
    page.get_by_role("button", name="Light theme").click()
    assert paper() == light


def test_one_run_of_several_is_chosen(visit):
    page = visit("two")
    assert page.locator("article.run:visible").count() == 2
    page.locator("#run").select_option("1")
    assert page.locator("article.run:visible").count() == 1
    see_all(page)
    assert page.locator("article.run:visible .quality-cost svg[role=img]").count() == 1


# Numbers


SIZED = ["findings", "odd", pytest.param("crowd", marks=pytest.mark.slow)]


@pytest.mark.parametrize("name", SIZED)
def test_every_number_that_is_drawn_is_that_of_run_json(visit, request, name):
    told, page = request.getfixturevalue(name).to_json(), visit(name)
    open_points(page)
    drawn = page.evaluate(
        "[...document.querySelectorAll('main [data-ref]')].map(e => [e.dataset.ref, e.dataset.value])"
    )
    assert len(drawn) > (60 if name == "odd" else 300)
    for ref, value in drawn:
        tree = told
        for part in ref.split("/"):
            key = part.replace("~1", "/").replace("~0", "~")
            tree = tree[int(key)] if isinstance(tree, list | tuple) else tree[key]
        assert float(value) == tree or (math.isnan(float(value)) and math.isnan(tree)), ref


def test_numbers_are_written_as_python_writes_them(browser):
    values = [0.0, 1.0, 12.0, -3.5, 0.1, 1 / 3, 0.9996, 999.6, 1234.5678, 1e6 / 7, 3.3e9, 4.7e12,
              5e-4, 5e-8, 7.7e-11, -1e-3, 1023.0, 1048576.0, 2.5e15, 123456789.0, 0.09995]  # fmt: skip
    units = ["", "s", "J", "W", "B", "bytes", "tokens", "share", "FLOP"]
    pairs = [[value, unit] for value in values for unit in units]
    page = browser.new_page()
    script = f"pairs => {{ {_read('page/number.js')} return pairs.map(([v, u]) => [quantity(v, u), ends(v * .9, v * 1.2, v, u)]); }}"
    for (value, unit), (text, ends) in zip(pairs, page.evaluate(script, pairs), strict=True):
        assert text == quantity(value, unit), (value, unit)
        told = interval(value * 0.9, value * 1.2, value, unit)
        assert re.split(r", |; ", told[1:-1]) == ends, (value, unit)
    page.close()


def test_the_hull_is_that_of_the_statistics(visit, findings, crowd):
    for name, run, task, key in (
        ("findings", findings, "paging", "#task-paging"),
        ("crowd", crowd, "crowd", "#task-crowd"),
    ):
        page = visit(name)
        stage = page.locator(f"{key} .quality-cost .stage")
        stage.scroll_into_view_if_needed()
        page.wait_for_selector(f"{key} .quality-cost svg[role=img]")
        shown = pareto.layout(run, task)
        static = [s for s in shown.spots if run.method_cards[f"{task}/{s.method}"].role == "static"]
        wanted = [[spot.x, spot.y] for spot in pareto.hull(static, shown.cost, shown.quality)]
        assert json.loads(stage.get_attribute("data-hull")) == wanted


@pytest.mark.parametrize("name", [SIZED[0], SIZED[2]])
def test_no_drawn_joule_is_without_its_label(visit, name):
    page = visit(name)
    open_points(page)
    for box in page.get_by_label("all that was recorded").all():
        box.check()
    page.get_by_role("button", name="Look inside").first.click()
    text = page.locator("body").inner_text()
    found = list(JOULE.finditer(text))
    assert len(found) > 20
    for one in found:
        near = text[one.start() - 60 : one.end() + 30]
        assert LABELLED.match(text[one.end() : one.end() + 30]), near


# Layout


BOXES = """() => {
  const seen = e => e.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) && !e.closest('.visually-hidden, .skip');
  const flat = [...document.querySelectorAll('h1, h2, h3, h4, p, nav:not(.tabs) li, .trust li, .answer figure, .controls > *, figcaption, .legend button, .scroll, .stage, summary, pre')]
    .filter(seen).map(e => [e, e.getBoundingClientRect()]).filter(([, r]) => r.width > 1 && r.height > 1);
  const clash = [];
  for (let i = 0; i < flat.length; i++) for (let j = i + 1; j < flat.length; j++) {
    const [a, r] = flat[i], [b, q] = flat[j];
    if (a.contains(b) || b.contains(a)) continue;
    if (a.closest('.legend') && b.closest('.legend') !== a.closest('.legend')) continue;  // it scrolls
    if (b.closest('.legend') && a.closest('.legend') !== b.closest('.legend')) continue;
    const across = Math.min(r.right, q.right) - Math.max(r.left, q.left), down = Math.min(r.bottom, q.bottom) - Math.max(r.top, q.top);
    if (across > 1.5 && down > 1.5) clash.push([a.outerHTML.slice(0, 90), b.outerHTML.slice(0, 90)]);
  }
  for (const svg of document.querySelectorAll('svg[role=img]')) {
    const texts = [...svg.querySelectorAll('text')].filter(t => t.textContent.trim()).map(t => [t.textContent, t.getBoundingClientRect()]);
    for (let i = 0; i < texts.length; i++) for (let j = i + 1; j < texts.length; j++) {
      const [r, q] = [texts[i][1], texts[j][1]];
      if (Math.min(r.right, q.right) - Math.max(r.left, q.left) > 1 && Math.min(r.bottom, q.bottom) - Math.max(r.top, q.top) > 2.5) clash.push([texts[i][0], texts[j][0]]);
    }
  }
  return clash;
}"""


CUT = """() => {
  const seen = e => e.checkVisibility() && !e.closest('.visually-hidden, .skip');
  const wide = document.documentElement.clientWidth;
  const front = [...document.querySelectorAll('.front *, header *')].filter(seen);
  const beyond = front.filter(e => !e.closest('.scroll') && e.getBoundingClientRect().right > wide + 1);
  const hidden = front.filter(e => getComputedStyle(e).textOverflow === 'ellipsis' && e.scrollWidth > e.clientWidth + 1);
  const outside = [...document.querySelectorAll('.small text')].filter(seen).filter(text => {
    const [t, f] = [text.getBoundingClientRect(), text.closest('svg').getBoundingClientRect()];
    return t.left < f.left - 1 || t.right > f.right + 1 || t.top < f.top - 1 || t.bottom > f.bottom + 1;
  });
  return [...beyond, ...hidden, ...outside].map(e => e.outerHTML.slice(0, 120));
}"""
GOLDEN = Path(__file__).parent / "golden"
LETTERS = """() => {
  const context = document.createElement('canvas').getContext('2d');
  context.font = `15px ${getComputedStyle(document.body).fontFamily}`;
  return context.measureText('The quick brown fox jumps over 0123456789').width;
}"""
LETTERS_PX = 340.3271484375
"""How wide they are in the golden images."""
GRID, MOST_APART = (24, 36), 0.06
"""Fields of an image that are compared, and how far their mean brightness may be apart: letters differ by machine."""


@pytest.mark.parametrize(
    ("name", "size", "media"),
    [
        ("desk", (1440, 900), "screen"),
        ("phone", (390, 844), "screen"),
        ("print", (794, 1123), "print"),
    ],
)
def test_the_first_screen_answers_and_looks_as_it_was_reviewed(visit, tmp_path, name, size, media):
    """`cp` the image that a failure names over the golden one, once you have looked at it."""
    page = visit("findings", *size, color_scheme="light")
    page.emulate_media(media=media)
    settle(page)
    for what in (".answer .says", ".answer .small"):
        box = page.locator(what).first.bounding_box()
        assert box["y"] + box["height"] <= size[1], what
    assert page.locator(".answer .small").first.locator(".name").count() >= 4
    assert page.locator("#board thead th").count() <= 7
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert page.evaluate(CUT) == []
    if abs(page.evaluate(LETTERS) - LETTERS_PX) > 1:
        return  # the images were made with other letters than this machine has
    image = tmp_path / f"{name}.png"
    page.screenshot(path=image)
    apart = abs(fields(image) - fields(GOLDEN / image.name)).max()
    assert apart < MOST_APART, image


def fields(path):
    """Return the mean brightness of the fields of an image."""
    import numpy as np
    from matplotlib.image import imread

    bright = imread(path)[..., :3].mean(axis=2)
    rows = np.array_split(bright, GRID[0])
    return np.array(
        [[field.mean() for field in np.array_split(row, GRID[1], axis=1)] for row in rows]
    )


def test_a_link_to_a_claim_opens_its_tab(visit):
    page = visit("findings")
    page.locator("#board a.chip").first.click()
    target = page.locator(":target")
    target.wait_for()
    assert target.is_visible()
    assert page.locator("#claims").is_visible()
    assert not page.locator("#tasks").is_visible()
    page.get_by_role("tab", name="Paper claims").press("ArrowLeft")
    assert page.locator("#tasks").is_visible()
    assert page.get_by_role("tab", name="Tasks").get_attribute("aria-selected") == "true"


@pytest.mark.parametrize("width", [1440, 768, 390])
@pytest.mark.parametrize("name", ["findings", "odd", pytest.param("two", marks=pytest.mark.slow)])
def test_nothing_overlaps_and_nothing_scrolls_sideways(visit, name, width):
    page = visit(name, width=width, height=900)
    see_all(page)
    open_points(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(BOXES) == []


def test_an_overlap_would_be_noticed(visit):
    page = visit("findings")
    see_all(page)
    page.evaluate(
        "document.querySelector('.quality-cost h4').style.cssText = 'position: relative; top: 3rem'"
    )
    assert len(page.evaluate(BOXES)) > 0
    page.evaluate("document.querySelector('.quality-cost h4').style.cssText = 'width: 2000px'")
    assert page.evaluate("document.documentElement.scrollWidth") > 1440


def test_hostile_names_do_nothing(visit):
    page = visit("odd")
    see_all(page)
    open_points(page)
    page.get_by_role("button", name="Look inside").first.click()
    assert page.evaluate("window.hacked") is None
    assert page.locator("img").count() == 0


def test_it_prints(visit):
    page = visit("findings", color_scheme="dark")
    page.emulate_media(media="print")
    assert not page.locator("nav").first.is_visible()
    assert not page.locator(".controls").first.is_visible()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    settle(page)
    assert page.locator(".stage svg[role=img]").count() == 4
    assert page.locator(".small").count() == 2
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(27, 29, 32)"
    assert page.pdf()[:5] == b"%PDF-"


def test_the_script_is_one_function():
    assert SCRIPTS[-1] == "main"
