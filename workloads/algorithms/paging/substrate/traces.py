"""A trace is a case of the paging task, from one of five families; predictions are data beside it.

| family | what it is | why it is here |
|---|---|---|
| zipf   | 1,000 pages, independent draws, popularity rank^-0.8 | control of phase bits |
| scan   | Zipf(0.9), interrupted by scans of 2k new pages | friendly: pollutes recency |
| cyclic | k + 1 pages in a circle | hostile: LRU faults on every request, wrong bits cost most |
| markov | 1,000 pages with 4 successors each, 2 % jumps | friendly: successors are learnt |
| docs   | the words of a programming language's manual, as rows of an embedding table | real |

| hints    | a request is told                                                 | bits |
|----------|-------------------------------------------------------------------|------|
| none     | nothing                                                           |    0 |
| discard  | 1 iff Belady evicts this page before it is requested again        |    1 |
| phase    | 1 iff the page is not requested in the following k-phase          |    1 |
| shuffled | the spoilt discard bits in random order: right rate, no content   |    1 |
| arrival  | the next use; at the noise rate with another request's gap        |   64 |
| next     | the true next use: the whole future, for the oracle               |   64 |

Generators are pure functions of (family, requests, slots, seed). Instances, prediction noise and coins draw from
children of their own of `SeedSequence(seed)`. Two windows of the docs stream share at least a third of it.
"""

import lzma
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from adabench.workloads.algorithms.paging.substrate.cache_engine import Pages, compiled
from adabench.workloads.shared.counting.frozen_arrays import FrozenArrays, content_number
from adabench.workloads.shared.counting.random_streams import child, read_only

PAGES = 1000
SCAN_PERIOD = 2000
"""Requests from the start of one scan to the start of the next."""
INSTANCE, NOISE, COINS = 0, 1, 2
DOCS = Path(__file__).parents[1] / "data" / "traces" / "python_docs.xz"
PREFIX = 0.2
"""The share of each trace that may be learned from before it is replayed."""


@dataclass(frozen=True)
class Trace(FrozenArrays):
    """One case: a sequence of page requests and the cache size it meets."""

    group: str
    """The family, or the file name of a user's trace."""
    pages: Pages
    """(T,) read-only."""
    n_pages: int
    slots: int
    seed: int
    instance: float
    """The first 52 bits of a SHA-256 over pages and slots: equal traces, equal numbers."""


def make_trace(group: str, pages: Pages, n_pages: int, slots: int, seed: int) -> Trace:
    """Freeze `pages` and give the trace its content hash."""
    pages = read_only(np.asarray(pages, np.int32))
    instance = content_number(pages, np.int64(slots).tobytes())
    return Trace(group, pages, n_pages, slots, seed, instance)


def prefix(trace: Trace) -> Trace:
    """Return the first requests of a trace, under its own name and number: to learn from."""
    return replace(trace, pages=trace.pages[: int(PREFIX * len(trace.pages))])


def generate(family: str, requests: int, slots: int, seed: int) -> Trace:
    """Return the trace of one of the five families. Pure."""
    rng = np.random.default_rng(child(seed, INSTANCE, family))
    pages, n_pages = FAMILIES[family](rng, requests, slots)
    return make_trace(family, pages, n_pages, slots, seed)


def _zipf(rng: np.random.Generator, requests: int, exponent: float) -> Pages:
    """Draw (requests,) pages with popularity rank^-exponent; which page has which rank is drawn."""
    weight = np.cumsum(np.arange(1, PAGES + 1) ** -exponent)
    ranks = np.searchsorted(weight, rng.random(requests) * weight[-1])
    page_of: Pages = rng.permutation(PAGES).astype(np.int32)
    pages: Pages = page_of[ranks]
    return pages


def _plain(rng: np.random.Generator, requests: int, slots: int) -> tuple[Pages, int]:
    return _zipf(rng, requests, 0.8), PAGES


def _scan(rng: np.random.Generator, requests: int, slots: int) -> tuple[Pages, int]:
    """Zipf(0.9); every `SCAN_PERIOD` requests, 2 * slots pages that nobody has seen."""
    pages = _zipf(rng, requests, 0.9)
    since = (np.arange(requests) + rng.integers(SCAN_PERIOD)) % SCAN_PERIOD
    scanned = since < 2 * slots
    fresh = int(np.count_nonzero(scanned))
    pages[scanned] = PAGES + np.arange(fresh)
    return pages, PAGES + fresh


def _cyclic(rng: np.random.Generator, requests: int, slots: int) -> tuple[Pages, int]:
    circle = rng.permutation(slots + 1).astype(np.int32)
    return np.resize(circle, requests), slots + 1


def _markov(rng: np.random.Generator, requests: int, slots: int) -> tuple[Pages, int]:
    successors = rng.integers(PAGES, size=(PAGES, 4), dtype=np.int32)
    edges = rng.integers(4, size=requests, dtype=np.int32)
    jumps = rng.integers(PAGES, size=requests, dtype=np.int32)
    jumps[rng.random(requests) >= 0.02] = -1
    return walk(successors, edges, jumps), PAGES


@compiled
def walk(successors: Pages, edges: Pages, jumps: Pages) -> Pages:
    """Follow `edges` through the graph from page 0, or jump where `jumps` is not -1."""
    pages = np.empty(len(edges), np.int32)
    page = 0
    for i in range(len(edges)):
        page = jumps[i] if jumps[i] >= 0 else successors[page, edges[i]]
        pages[i] = page
    return pages


@lru_cache(maxsize=1)
def tokens_of_docs() -> NDArray[np.uint16]:
    """Return the shipped token stream; `make_docs_trace.py` says how it was made."""
    return np.frombuffer(lzma.decompress(DOCS.read_bytes()), "<u2")


def _docs(rng: np.random.Generator, requests: int, slots: int) -> tuple[Pages, int]:
    """Take a window at a drawn offset, at most the whole stream; renumber by first appearance."""
    tokens = tokens_of_docs()
    start = rng.integers(max(1, len(tokens) - requests + 1))
    window = tokens[start : start + requests]
    _, first, inverse = np.unique(window, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int32)
    rank[np.argsort(first)] = np.arange(len(first), dtype=np.int32)
    return rank[inverse], len(first)


FAMILIES: dict[str, Callable[[np.random.Generator, int, int], tuple[Pages, int]]] = {
    "zipf": _plain,
    "scan": _scan,
    "cyclic": _cyclic,
    "markov": _markov,
    "docs": _docs,
}
KINDS: dict[str, Literal["friendly", "hostile", "control", "real"]] = {
    "zipf": "control",
    "scan": "friendly",
    "cyclic": "hostile",
    "markov": "friendly",
    "docs": "real",
}


Kind = Literal["none", "discard", "phase", "shuffled", "arrival", "next"]
SECRET: frozenset[Kind] = frozenset(("next",))
"""What oracles alone are told."""
BITS: Mapping[Kind, int] = {
    "none": 0, "discard": 1, "phase": 1, "shuffled": 1, "arrival": 64, "next": 64,
}  # fmt: skip


@dataclass(frozen=True)
class Advice:
    """The hints of one case, fixed before any policy runs."""

    trace: Trace
    """The case."""
    hints: Mapping[Kind, Pages]
    """By kind, (T,) each; `none` is empty."""
