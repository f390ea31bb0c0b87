from dataclasses import replace

import pytest

from adabench.harness.analysis.findings import FrontBand
from adabench.harness.contract.card import Metric
from adabench.harness.errors import SelectionError
from adabench.reports.figures import pareto
from adabench.reports.figures.pareto import Spot, front, hull

COST = Metric("tokens", "tokens", "lower", "work", primary=True)
LOSS = Metric("loss", "bits", "lower", "quality", primary=True)
SCORE = Metric("score", "1", "higher", "quality", primary=True)


def at(*pairs):
    return [Spot("m", float(x), float(y)) for x, y in pairs]


def test_the_front_drops_what_is_beaten():
    assert front(at((1, 1), (2, 0.5), (3, 2), (1, 0.2)), COST, SCORE) == at((1, 1), (3, 2))


def test_where_less_is_better_the_front_goes_down():
    assert front(at((1, 1), (2, 0.5), (3, 2)), COST, LOSS) == at((1, 1), (2, 0.5))


def test_the_hull_passes_over_dents():
    assert hull(at((0, 0), (1, 0.1), (2, 1)), COST, SCORE) == at((0, 0), (2, 1))
    assert hull([], COST, SCORE) == []


def test_oracles_do_not_compete_for_the_front(findings):
    shown = pareto.layout(findings, "paging")
    assert pareto.on_front(findings, shown, "paging") == ["mark0"]


def test_the_plot_says_what_is_better_and_names_every_method(findings):
    axes = pareto.plot(findings, "paging").axes[0]
    words = [text.get_text() for text in axes.texts]
    assert axes.get_title(loc="left") == "paging: hit rate against slots held"
    assert "better is up and to the left" in words
    assert {"belady", "mark0 · gap 0.97", "random_eviction · gap -0.31"} <= set(words)
    assert "static mixture" in words


def test_a_figure_says_what_it_holds_fixed(findings):
    foot = [text.get_text() for text in pareto.plot(findings, "paging").texts]
    assert foot == ["held at kind=symmetric, noise=0.0"]


def test_another_cost_can_be_drawn(findings):
    figure = pareto.plot(findings, "chain", "latency_s")
    assert figure.axes[0].get_xlabel() == "latency [s]"
    with pytest.raises(SelectionError, match="tokenz"):
        pareto.plot(findings, "chain", "tokenz")


def test_an_estimated_energy_axis_says_so(findings):
    figure = pareto.plot(findings, "paging", "energy_est_j")
    assert "(est.)" in figure.axes[0].get_xlabel()


@pytest.fixture(scope="module")
def written(findings, tmp_path_factory):
    return pareto.save_figures(findings, tmp_path_factory.mktemp("figures") / "new")


def test_figures_are_written_as_png_and_svg(written):
    stems = {path.stem for path in written}
    assert {
        "quality-cost-paging",
        "quality-cost-chain",
        "curves-paging-noise",
        "curves-chain-width",
    } <= stems
    assert len(written) == 2 * len(stems)
    for path in written:
        head = path.read_bytes()[:100]
        assert head.startswith(b"\x89PNG" if path.suffix == ".png" else b"<?xml")


def test_figures_are_the_same_bytes_each_time(findings, written, tmp_path):
    first, second = (
        {path.name: path.read_bytes() for path in paths}
        for paths in (written, pareto.save_figures(findings, tmp_path))
    )
    assert first == second


def test_the_band_of_the_front_is_drawn_and_changes_nothing_in_view(findings):
    from matplotlib.collections import PolyCollection

    def drawn(run):
        [axes] = pareto.plot(run, "paging").axes
        shades = [one for one in axes.collections if isinstance(one, PolyCollection)]
        return len(shades), axes.get_xlim(), axes.get_ylim()

    steps = ((50.0, 0.4), (200.0, 0.7)), ((25.0, 0.5), (100.0, 0.8))
    band = FrontBand("paging", "slots_held", "hit_rate", 0.95, 40, *steps)
    count, *view = drawn(findings)
    assert drawn(replace(findings, fronts=[band])) == (count + 1, *view)
    other = replace(band, cost="faults")
    assert drawn(replace(findings, fronts=[other])) == (count, *view)
