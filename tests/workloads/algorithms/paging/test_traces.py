"""Traces: pure, different by seed, and the shipped one is what its card says."""

import hashlib
import json

import numpy as np
import pytest

from adabench.workloads.algorithms.paging.data import make_docs_trace
from adabench.workloads.algorithms.paging.substrate.traces import (
    DOCS,
    FAMILIES,
    generate,
    tokens_of_docs,
)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_trace_is_a_function_of_its_seed(family: str) -> None:
    first, again, other = (generate(family, 5000, 30, seed) for seed in (4, 4, 5))
    assert (first.pages == again.pages).all()
    assert first.instance == again.instance
    assert first.instance != other.instance
    assert first.instance == float(int(first.instance))
    assert first.pages.dtype == np.int32
    assert not first.pages.flags.writeable
    assert first.pages.min() >= 0
    assert first.pages.max() < first.n_pages
    assert len(first.pages) == 5000


def test_the_circle_has_one_page_more_than_slots() -> None:
    assert len(np.unique(generate("cyclic", 5000, 30, 0).pages)) == 31


def test_scans_are_of_pages_never_seen_before() -> None:
    trace = generate("scan", 10000, 30, 0)
    scanned = trace.pages[trace.pages >= 1000]
    assert len(np.unique(scanned)) == len(scanned)
    assert len(scanned) == pytest.approx(10000 / 2000 * 2 * 30, abs=60)


def test_a_markov_page_has_four_successors_but_for_jumps() -> None:
    pages = generate("markov", 50000, 30, 0).pages
    page = np.bincount(pages).argmax()
    following = pages[1:][pages[:-1] == page]
    _, counts = np.unique(following, return_counts=True)
    assert np.sort(counts)[-4:].sum() / len(following) > 0.9


def test_the_shipped_trace_matches_its_card() -> None:
    card = json.loads(DOCS.with_suffix(".json").read_text())
    assert hashlib.sha256(DOCS.read_bytes()).hexdigest() == card["sha256"]
    assert DOCS.stat().st_size == card["bytes"] <= 500_000
    tokens = tokens_of_docs()
    assert len(tokens) == card["tokens"]
    assert tokens.max() + 1 == card["vocabulary"] == len(np.unique(tokens))
    first = np.unique(tokens, return_index=True)[1]
    assert (np.diff(first) > 0).all()


def test_the_script_makes_ids_by_first_appearance() -> None:
    ids = make_docs_trace.token_ids(2000)
    assert len(ids) == 2000
    assert ids[0] == 0
    assert (ids <= np.maximum.accumulate(np.append(0, ids[:-1])) + 1).all()


def test_a_window_of_the_docs_is_at_most_the_whole() -> None:
    assert len(generate("docs", 10**6, 30, 0).pages) == len(tokens_of_docs())
