"""HyPER: a pool of paths that is expanded, refined or reduced, step by step, by what its draws say.

Four paths are written to their end; they set the scales, vote as all others do, and are paid for. N of their mean lengths are the budget.
Then a pool lives: after each step of its paths the controller chooses

    plain     u = 0.25
    expand    u = (1 - spent) (1 - D)     where there is room: of the paths above the prune line the third with least confidence are doubled
    refine    u = spent h                 the next step's unsure words are drawn from K routed passes (`pooled/routed_engine.py`)
    reduce    u = spent D                 of more than two: the quarter with least confidence ends, and the best path is doubled instead

by the largest u <- 0.4 u + 0.6 u_before. `spent` is the share of the budget, h how unsure the latest words are beside the warm-up's
(90th percentile of its steps), D how much the values disagree that paths state last, and the prune line the 90th percentile of the
warm-up's lowest windows (its top 10 %). Whatever cannot be afforded until all paths are written is no choice. Last comes a vote with

    length x scaled length + (1 - length) x scaled mean confidence

of each path. A refined word is booked as K words, so `generated` are effective words.

**What is simplified.** The paper's text and code could not be read: signals, actions, clean cache and vote are as notes of it say, the
scores u, the windows and the thresholds are ours, fixed before the run. Its interval is 64 tokens, a step here; it refines a token of the
interval, we those whose plain pass is above 0.3 nats. Its models have dozens of experts in dozens of layers, this one eight in two,
and noise in both.

**What to expect.** Written before training (docs/log/hyper.md).

**Ways to fake it.** A refined word booked once; a dense policy with noise in place of experts; passes that write keys; warm-up paths
that cost nothing; coins with other shares than the controller's; weights chosen on test questions.
"""

from dataclasses import dataclass, field

import numpy as np

from adabench.harness.contract.card import Ability, Card, Knob, Point, Variant
from adabench.workloads.shared.language_model.contract import Refinement
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.shared.language_model.random_draws import uniform
from adabench.workloads.shared.language_model.search_session import Session
from adabench.workloads.test_time.substrate.path_confidence import (
    LIKELIEST,
    Path,
    PoolState,
    lowest_window,
    pool_state,
    scaled,
    value_stated,
    window_confidence,
)
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.voting import vote

CARD = Card(
    title="HyPER",
    paper="HyPER: Hypothesis Path Expansion and Reduction, arXiv 2602.06527, ICML 2026",
    slug="hyper",
    adapts="whether a pool of paths is expanded, refined or reduced, on its entropies, confidences and disagreement, step by step",
    signal=(
        "test_time.substrate.path_confidence:pool_state",
        "test_time.substrate.path_confidence:window_confidence",
    ),
    fidelity="reconstructed",
    conditions={"format": "splits", "policy": "moe-s"},
    abilities=(Ability("samples"), Ability("experts", unless={"refine": "never"})),
    fixed={"control": "scores", "refine": "unsure", "vote": "both"},
    knobs=(
        Knob("N", (8, 16), 16, open=True, low=6),
        Knob("passes", (2,), 2, open=True, low=2),
        Knob("length", (0.6,), 0.6, also=(0.4,)),
    ),
    variants=(
        Variant(
            "hyper_coins",
            "HyPER with actions by coins",
            {"control": "coins"},
            control_of=("hyper",),
            essay="""Actions are drawn, with the shares that the controller's had in each third of the budget on `dev` questions, among those that can be afforded.

            **What to expect.** Written before measuring: within two points of HyPER.

            **Ways to fake it.** Shares that are not the controller's.
            """,
        ),
        Variant(
            "hyper_no_refine",
            "HyPER without refinement",
            {"refine": "never"},
            control_of=("hyper",),
            essay="""Where refinement has the largest u the step is drawn plainly: what it saves buys nothing else, so costs are to be read beside it.

            **What to expect.** Written before measuring: no less right.

            **Ways to fake it.** None: it is the method less a part.
            """,
        ),
        Variant(
            "hyper_majority",
            "HyPER with a plain vote",
            {"vote": "majority", "length": 0.6},
            control_of=("hyper",),
            knobs=(Knob("N", (16,), 16, open=True, low=6), Knob("passes", (2,), 2, open=True, low=2)),
            essay="""The same pool, each path with one vote.

            **What to expect.** Written before measuring: one to three points less than HyPER.

            **Ways to fake it.** Another pool.
            """,
        ),
        Variant(
            "hyper_confidence",
            "HyPER with a vote by confidence",
            {"vote": "confidence", "length": 0.6},
            control_of=("hyper",),
            knobs=(
                Knob("N", (16,), 16, open=True, low=6),
                Knob("passes", (2,), 2, open=True, low=2),
            ),
            essay="""The same pool, each path with its scaled confidence.

            **What to expect.** Written before measuring: within a point of HyPER.

            **Ways to fake it.** Another pool.
            """,
        ),
        Variant(
            "roe",
            "Every word refined (RoE)",
            {"control": "none", "refine": "every", "vote": "majority", "length": 0.6},
            role="static",
            paper="Roster of Experts, arXiv 2509.17238",
            knobs=(
                Knob("N", (2, 8), 8, open=True, low=1),
                Knob("passes", (2,), 2, open=True, low=2),
            ),
            essay="""N paths side by side, each word of them drawn from K routed passes, and their majority.

            **What is simplified.** RoE refines one path of a large model by dozens of passes; noise is one number for both layers, and the reuse penalty is HyPER's.

            **What to expect.** Written before measuring: at equal effective words below a majority of K N plain paths.

            **Ways to fake it.** Booking a refined word once.
            """,
        ),
    ),
)  # fmt: skip
PLAIN, EXPAND, REFINE, REDUCE = ACTIONS = range(4)
WARM_UP, TOP, SMOOTHING, PLAIN_SCORE = 4, 0.9, 0.4, 0.25
UNSURE, NOISE = 0.3, 0.3
"""Nats from which a word is refined; of the routers."""
SHARES = {
    8: ((0.52, 0.48, 0.0, 0.0), (0.52, 0.22, 0.25, 0.01), (0.36, 0.06, 0.45, 0.13)),
    16: ((0.52, 0.48, 0.0, 0.0), (0.25, 0.30, 0.03, 0.42), (0.18, 0.03, 0.11, 0.68)),
}
"""By N: of the controller's actions, by third of the budget, on 60 `dev` questions of training 0."""


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return a completion that states the winning answer.

    Raises:
        CapabilityMissing: if words are to be refined and the policy is dense.
    """
    with task.session(question) as session:
        if point["control"] == "none":
            paths = _side_by_side(session, point)
        else:
            pool = Pool(session, point)
            _offer(session, pool.over, point)
            pool.run()
            paths = pool.over
        _offer(session, paths, point)
    return session.best


def _side_by_side(session: Session, point: Point) -> list[Path]:
    """Return N paths every word of which is refined."""
    leaves = session.fork(session.open(), int(point["N"]))
    with session.refining(Refinement(int(point["passes"]), 0.0, NOISE)):
        session.decode(leaves)
    return [Path(leaf) for leaf in leaves]


def _offer(session: Session, paths: list[Path], point: Point) -> None:
    """Offer what paths vote for."""
    with session.aside():
        lengths = scaled([path.length for path in paths])
        sure = scaled([path.confidence for path in paths])
        part = {"both": float(point["length"]), "confidence": 0.0}.get(str(point["vote"]))
        weights = [
            1.0 if part is None else part * words + (1 - part) * confidence
            for words, confidence in zip(lengths, sure, strict=True)
        ]
        session.offer(vote([path.seq.completion for path in paths], weights, session.answer))


@dataclass
class Pool:
    """The paths of a question: those that live, and those that are written to their end."""

    session: Session
    point: Point
    over: list[Path] = field(init=False)
    living: list[Path] = field(init=False)
    spent: int = field(init=False)
    """Effective words."""
    scores: list[float] = field(init=False)
    """Of the actions, smoothed."""

    def __post_init__(self) -> None:
        """Write the paths of the warm-up, which set the scales, and begin the pool."""
        session, most = self.session, int(self.point["N"])
        self.root = session.open()
        refines = self.point["refine"] != "never"
        self.how = Refinement(int(self.point["passes"]), UNSURE, NOISE) if refines else None
        if self.how is not None:
            session.refining(self.how)  # refuses a dense policy before any word is paid for
        self.over = [Path(leaf) for leaf in session.fork(self.root, WARM_UP)]
        chunks = session.decode([path.seq for path in self.over], watch=LIKELIEST)
        for path, chunk in zip(self.over, chunks, strict=True):
            path.add(chunk)
        self.spent = sum(path.length for path in self.over)
        self.usual = self.spent / WARM_UP
        self.budget = most * self.usual
        self.line = float(np.quantile([lowest_window(one.confidences) for one in self.over], TOP))
        step = session.step_room // 2
        steps = [
            float(np.mean(path.entropies[begin : begin + step]))
            for path in self.over
            for begin in range(0, path.length, step)
        ]
        self.much = float(np.quantile(steps, TOP))
        begun = max(2, (most - WARM_UP) // 2)
        self.living = [Path(leaf) for leaf in session.fork(self.root, begun)]
        self.scores = [PLAIN_SCORE, 0.0, 0.0, 0.0]

    @property
    def phase(self) -> float:
        """Return the share of the budget that is spent; at most 1."""
        return min(1.0, self.spent / self.budget)

    def run(self) -> None:
        """Write all paths to their end."""
        action = PLAIN
        while self.living:
            latest = self._step(action)
            if not self.living:
                return
            with self.session.aside():
                values = [value_stated(path.seq.completion) for path in self.living]
                state = pool_state(latest, self.much, values)
                action = self.choose(state)
            if action == EXPAND:
                self._expand()
            elif action == REDUCE:
                self._reduce()

    def _step(self, action: int) -> list[float]:
        """Write a step of each path; return the mean entropies of those that go on."""
        seqs = [path.seq for path in self.living]
        if action == REFINE and self.how is not None:
            with self.session.refining(self.how):
                chunks = self.session.step(seqs, watch=LIKELIEST)
        else:
            chunks = self.session.step(seqs, watch=LIKELIEST)
        going, latest = [], []
        for path, chunk in zip(self.living, chunks, strict=True):
            path.add(chunk)
            self.spent += len(chunk.ids) + chunk.refined * (int(self.point["passes"]) - 1)
            if self.session.ended(path.seq) or path.length >= self.session.room:
                self.over.append(path)
            else:
                going.append(path)
                latest.append(float(np.mean(chunk.entropies)))
        self.living = going
        return latest

    def choose(self, state: PoolState) -> int:
        """Return the next action, of those that are open."""
        spent = self.phase
        new = (
            PLAIN_SCORE,
            (1 - spent) * (1 - state.disagreement),
            spent * state.doubt,
            spent * state.disagreement,
        )
        self.scores = [
            SMOOTHING * latest + (1 - SMOOTHING) * before
            for latest, before in zip(new, self.scores, strict=True)
        ]
        is_open = self._open()
        if self.point["control"] == "coins":
            return self._by_coin(is_open)
        return max(ACTIONS, key=lambda action: (is_open[action], self.scores[action], -action))

    def _by_coin(self, is_open: list[bool]) -> int:
        """Draw an open action by the shares of this third of the budget, at the N nearest to this one."""
        nearest = min(SHARES, key=lambda most: abs(most - int(self.point["N"])))
        shares = SHARES[nearest][min(2, int(3 * self.phase))]
        weights = [share * own for share, own in zip(shares, is_open, strict=True)]
        sums = np.cumsum(weights)
        if not sums[-1]:
            return PLAIN
        drawn = uniform(self.root.key, self.spent) * sums[-1]
        return int(np.searchsorted(sums, drawn, side="right"))

    def _open(self) -> list[bool]:
        """Return which actions can be taken, and afforded until all paths are written."""
        count, most = len(self.living), int(self.point["N"])
        left = self.budget - self.spent - sum(self._rest(path) for path in self.living)
        shortest = min(self._rest(path) for path in self.living)
        return [
            True,
            count < most and left >= shortest,
            left >= count * (int(self.point["passes"]) - 1),
            count > 2,
        ]

    def _rest(self, path: Path) -> float:
        """Return the words that a path will still take: a step at least."""
        return max(self.session.step_room / 2, self.usual - path.length)

    def _expand(self) -> None:
        """Double the third of the paths above the line that is least sure; the surest path if none is above it."""
        ranked = sorted(self.living, key=_sureness)
        above = [path for path in ranked if _sureness(path) >= self.line] or ranked[-1:]
        for path in above[: max(1, len(self.living) // 3)]:
            self._double(path)

    def _reduce(self) -> None:
        """End the least sure quarter, and double the surest path for each of them."""
        ranked = sorted(self.living, key=_sureness)
        dropped = ranked[: min(max(1, len(ranked) // 4), len(ranked) - 2)]
        self.session.close([path.seq for path in dropped])
        self.living = [path for path in self.living if path not in dropped]
        for _ in dropped:
            self._double(max(self.living, key=_sureness))

    def _double(self, path: Path) -> None:
        """Let two children take the place of a path, if that can be afforded."""
        needed = sum(self._rest(one) for one in (*self.living, path))
        if len(self.living) >= int(self.point["N"]) or self.spent + needed > self.budget:
            return
        children = self.session.fork(path.seq, 2)
        self.session.close([path.seq])
        self.living.remove(path)
        self.living += [path.of(child) for child in children]


def _sureness(path: Path) -> float:
    return window_confidence(path.confidences)
