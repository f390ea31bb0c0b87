"""Graphs: pure functions, simple and connected, each of its kind; and the two real ones."""

import numpy as np
import pytest

from adabench.harness.errors import MissingExtra, SelectionError
from adabench.workloads.algorithms.shortest_paths.data.make_debian_graph import dependencies
from adabench.workloads.algorithms.shortest_paths.substrate import real_graphs
from adabench.workloads.algorithms.shortest_paths.substrate.csr_graph import from_edges
from adabench.workloads.algorithms.shortest_paths.substrate.graph_families import (
    GENERATED,
    KINDS,
    draw_pairs,
    generate,
    suite,
    with_pairs,
)
from adabench.workloads.algorithms.shortest_paths.task import load

from .conftest import brute


def test_the_suite_has_friends_foes_and_controls() -> None:
    # Without a losing case a suite shows nothing; the large one is not the default.
    kinds = [{KINDS[name] for name in suite(vertices)} for vertices in (20_000, 100_000)]
    assert kinds == [{"friendly", "hostile", "control", "real"}, {"friendly"}]
    assert {case.group for case in load("embedded", 0, pairs=10).cases()} == set(suite(20_000))
    assert set(GENERATED) < set(KINDS)


@pytest.mark.parametrize("family", list(GENERATED))
def test_a_family_is_a_pure_function_of_its_seed(family: str) -> None:
    one, same, other = (
        with_pairs(family, generate(family, 900, seed), 50, seed) for seed in (3, 3, 4)
    )
    assert one.graph.heads.tobytes() == same.graph.heads.tobytes()
    assert one.instance == same.instance != other.instance
    shorter = with_pairs(family, one.graph, 40, 3)
    assert shorter.instance != one.instance


@pytest.mark.parametrize("family", list(GENERATED))
def test_graphs_are_simple_connected_and_symmetric(family: str) -> None:
    graph = generate(family, 400, 1)
    tails = np.repeat(np.arange(graph.vertices), np.diff(graph.starts))
    assert (tails != graph.heads).all()
    edges = set(zip(tails.tolist(), graph.heads.tolist(), strict=True))
    assert len(edges) == len(tails)
    assert {(b, a) for a, b in edges} == edges
    assert brute(graph).max() < graph.vertices


def test_power_laws_have_hubs_and_controls_have_none() -> None:
    largest = {family: int(np.diff(generate(family, 5000, 0).starts).max()) for family in GENERATED}
    assert largest["power_2.3"] > largest["power_2.5"] > largest["power_2.8"] > 100
    assert largest["grid"] == 4
    assert largest["geometric"] < 40


def test_numbers_say_nothing_about_a_place() -> None:
    graph = generate("grid", 2500, 0)
    tails = np.repeat(np.arange(graph.vertices), np.diff(graph.starts))
    assert np.mean(np.abs(tails - graph.heads) <= 50) < 0.1


def test_pairs_are_drawn_alike_from_all_vertices() -> None:
    graph = generate("grid", 400, 0)
    pairs = draw_pairs(graph, 40_000, "grid", 0)
    assert (pairs[:, 0] != pairs[:, 1]).all()
    for end in (0, 1):
        counts = np.bincount(pairs[:, end], minlength=400)
        assert ((counts - 100) ** 2 / 100).sum() < 500  # chi-square, 399 degrees of freedom
    far = brute(graph)
    assert far[pairs[:, 0], pairs[:, 1]].mean() == pytest.approx(far.sum() / (400 * 399), rel=0.02)


def test_the_real_graph_is_the_one_that_was_frozen() -> None:
    graph = real_graphs.debian()
    assert (graph.vertices, graph.edges) == (61_897, 293_273)
    assert real_graphs.SNAPSHOT.stat().st_size < 1_500_000
    assert real_graphs.pack(graph) == real_graphs.SNAPSHOT.read_bytes()


def test_packing_gives_back_every_row() -> None:
    for family in ("power_2.5", "necklace"):
        graph = generate(family, 700, 5)
        again = real_graphs.unpack(real_graphs.pack(graph))
        assert again.starts.tobytes() == graph.starts.tobytes()
        assert again.heads.tobytes() == graph.heads.tobytes()


def test_dependencies_are_read_from_package_lists() -> None:
    text = (
        "Package: a\nDepends: b (>= 1), c:any | d, missing\nDescription: x\n\n"
        "Package: b\nPre-Depends: a\n\nPackage: c\nSuggests: a\n\nPackage: d\nRecommends: c\n\n"
        "Package: alone\n"
    )
    graph = dependencies(text)
    assert (graph.vertices, graph.edges) == (4, 4)  # a-b, a-c, a-d, c-d


WORDS = (
    "  1 a licence\n"
    "00000001 03 n 01 cat 0 002 @ 00000002 n 0000 ! 00000003 v 0101 | a gloss | with a bar\n"
    "00000002 03 n 02 animal 0 beast 1 001 ~ 00000001 n 0000 | another\n"
)


def test_wordnet_is_read_from_its_files(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data.noun").write_text(WORDS)
    (tmp_path / "data.verb").write_text("00000003 29 v 01 meow 0 000 | a sound\n")
    (tmp_path / "data.adj").write_text("00000004 00 s 01 furry 0 001 & 00000009 a 0000 | x\n")
    (tmp_path / "data.adv").write_text("")
    monkeypatch.setenv("ADABENCH_WORDNET", str(tmp_path))
    graph = real_graphs.wordnet()
    assert (graph.vertices, graph.edges) == (3, 2)
    (tmp_path / "data.adv").write_text("not a synset\n")
    real_graphs._read_wordnet.cache_clear()
    with pytest.raises(SelectionError, match="not a WordNet data file"):
        real_graphs.wordnet()


def test_without_wordnet_a_run_is_told_so(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADABENCH_WORDNET", str(tmp_path))
    with pytest.raises(MissingExtra, match="not installed") as caught:
        load("embedded", 0, graph="wordnet")
    assert "wordnet-base" in caught.value.hint


def test_only_the_largest_component_stays() -> None:
    edges = np.array([(0, 1), (5, 6), (6, 7), (7, 5), (9, 9)])
    graph = from_edges(edges[:, 0], edges[:, 1], 10)
    assert (graph.vertices, graph.edges) == (3, 3)
    with pytest.raises(ValueError, match="no edge"):
        from_edges(np.array([4]), np.array([4]), 5)
