"""Questions of two natures in one stream: which expert answers which, and what that is worth.

    adabench run 'classify/*'                           generated queries, tokens in their order
    adabench run 'classify/*' --set input=isolated      no expert sees more than the mean of the tokens
    adabench run 'classify/*' --data spam               real text (also sentiment, genre)

**The queries** (`queries.py`) are half about a value that a ledger has come to, where order matters, and
half about its most frequent phrase, where it does not; each is 24..48 tokens. One frozen encoder reads
them for everybody (`encoder.py`). A gate sees its summary, the state of <cls>, and never the kind of a
question; which experts there are, and how one is chosen, is what methods differ in (`experts.py`).

**What is scored.** `accuracy` of a set of 1,000 queries (a case), by kind of question, and of the kind
answered worse; `mi_bits`, what the experts that *ran* say of the kind (1 at most, 0 for chance),
`kind_bits_left`, what they leave open of it; `share_gru`, the queries on which a GRU ran; `alignment`,
that share where order matters less that where it does not.

**What is counted.** Work of gate and experts, FLOP a query (`expert_flops`), and with the encoder's
(`flops_counted`). Queries are read one by one (`together=1`) and experts that were not chosen are not
run, so `latency_s` of a case is that of its queries in turn: a thousandth of it is one query's.

**Trainings.** Five of each mixture, of a gate and its experts, and one of what chooses nothing; the encoder
is one for all, as a pretrained one is, so what is found holds for it. Run seeds, five where none are named, take
trainings in turn and draw other queries. `adabench train 'classify/sequence-s*' --missing` makes forty.

**Real text** has no kinds of questions, so there is no mutual information; texts are states of a frozen
MiniLM that lie in the cache, and its work is in nobody's count. `adabench train 'classify/spam-*-s0'` makes
what a run on spam needs; packages that are missing are named with what brings them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType

import numpy as np

from adabench.harness.contract.card import Card, Gap, Gates, Knob, Metric, Scalar
from adabench.harness.errors import SelectionError
from adabench.workloads.depth_width.classify import conformance
from adabench.workloads.depth_width.classify.models import Models
from adabench.workloads.depth_width.classify.recipes import GENERATED, base_name, recipes
from adabench.workloads.depth_width.classify.substrate import text_states
from adabench.workloads.depth_width.classify.substrate.experts import Input
from adabench.workloads.depth_width.classify.substrate.queries import (
    KeyedQueries,
    Keys,
    draw_seeded,
    sibling,
)
from adabench.workloads.depth_width.classify.substrate.reading import ChoiceTally, QuerySet, Reading
from adabench.workloads.depth_width.classify.truth.choice_scoring import (
    quality,
    quality_by_kind,
    shares,
    specialisation,
)
from adabench.workloads.depth_width.substrate.checkpoints import weights
from adabench.workloads.depth_width.substrate.keyed_draws import keyed
from adabench.workloads.depth_width.substrate.stream import Bools
from adabench.workloads.depth_width.truth.drawn_tasks import Scored, check_condition
from adabench.workloads.shared.sources.labelled_texts import TEXTS

CARD = Card(
    title="Queries of two natures: experts that differ",
    seeds=5,
    recipes=40,
    paper="our own substrate; Hecto, arXiv 2506.22919, is its first method",
    adapts="which expert answers a query",
    gaps=(
        Gap(
            mixture=("ffnn", "gru", "both"),
            methods=("hecto", "random_gate"),
            oracle="right_expert",
            coin="random_gate",
        ),
        Gap(mixture=("ffnn", "gru", "both"), methods=("ffnn_ffnn", "gru_gru")),
    ),
    gates=(
        Gates(
            default="gru",
            cases={"together": 64, "sets": 2},
            groups=("accuracy_free", "accuracy_order"),
            count="queries",
            without={
                "failures": "a choice of experts repairs what another expert answers, and room counts it"
            },
        ),
    ),
    speedup_work="flops_counted",
    knobs=(
        Knob("input", ("sequence", "isolated"), "sequence"),
        Knob("data", ("generated",), "generated", also=("spam", "sentiment", "genre")),
        Knob("together", (1,), 1, open=True, low=1, high=4096),
        Knob("sets", (1,), 1, open=True, low=1, high=1000),
        Knob("queries", (1000,), 1000, open=True, low=8, high=100000),
    ),
    cases="exchangeable",
    metrics=(
        Metric("accuracy", "", "higher", "quality", primary=True),
        Metric("accuracy_order accuracy_free accuracy_worse", "", "higher", "quality"),
        Metric("expert_flops", "FLOP/query", "lower", "work", primary=True),
        Metric("flops_counted", "FLOP/query", "lower", "cost"),
        Metric("executions", "experts/query", "lower", "cost"),
        Metric("parameters_bytes", "B", "lower", "cost"),
        Metric("mi_bits", "bit", "higher", "info"),
        Metric("kind_bits_left", "bit", "lower", "info"),
        Metric("alignment", "", "higher", "info", low=-1.0, high=1.0),
        Metric("share_gru share_first", "", "lower", "info"),
        Metric("share_gru_order", "", "higher", "info"),
        Metric("share_gru_free", "", "lower", "info"),
        Metric("queries", "queries", "higher", "info"),
        Metric("passes", "passes", "lower", "info"),
    ),
    allocation=("share_gru_order", "share_gru_free"),
)
CHECK_CONDITIONS = {"queries": 48, "together": 16}

OUTCOMES = (ChoiceTally,)

_EVALUATION = 1_000_151
_TEXTS = 1_000_153


@dataclass(frozen=True)
class Classify(Models, Scored):
    """The task: sets of queries, trained mixtures, and a score that knows the keys."""

    sets: tuple[KeyedQueries, ...] = field(default=(), kw_only=True)

    def cases(self) -> Iterator[QuerySet]:
        """Yield the sets without their keys."""
        for index, asked in enumerate(self.sets):
            yield QuerySet(index, asked.questions)

    def substrate(self) -> Models:
        """Return the mixtures, without queries that a score is taken on."""
        return Models(self.seed, self.input, self.data, self.together)

    def credit(self, case: QuerySet, reading: Reading, *, wrong: int | None = None) -> Bools:
        """Return which answers are right, [queries]. For oracles alone.

        With `wrong`, a seed, every key is another answer to the same question: what a search still
        gains then, it gains by luck.
        """
        return self._hits(self.sets[case.index].keys, reading, wrong)

    def sibling(self, case: QuerySet) -> QuerySet:
        """Return the same questions of ledgers whose answers all differ. For oracles alone.

        A text has none, so it is its own: an oracle on real text wins by luck too.
        """
        return QuerySet(case.index, self._sibling(case).questions)

    def credit_of_both(
        self, case: QuerySet, reading: Reading, again: Reading, *, wrong: int | None = None
    ) -> Bools:
        """Return which answers are right in the set and in its sibling. For oracles alone."""
        second = None if wrong is None else wrong + 1
        here = self.credit(case, reading, wrong=wrong)
        return here & self._hits(self._sibling(case).keys, again, second)

    def _sibling(self, case: QuerySet) -> KeyedQueries:
        own = self.sets[case.index]
        return sibling(own) if self.data == GENERATED else own

    def _hits(self, keys: Keys, reading: Reading, wrong: int | None) -> Bools:
        answers = keys.answers
        if wrong is not None:
            generator = np.random.Generator(np.random.PCG64(wrong))
            answers = keys.others(generator)
        return np.asarray(reading.logits.argmax(-1).numpy() == answers, np.bool_)

    def judge(self, case: QuerySet, tally: ChoiceTally) -> Mapping[str, float]:
        """Return quality, counted work, and what the experts that ran say of the questions."""
        keys, answers, runs = self.sets[case.index].keys, tally.answers.numpy(), tally.runs.numpy()
        found = {**tally.counted, **quality(keys, answers), **shares(runs, tally.experts)}
        if self.data == GENERATED:
            found |= quality_by_kind(keys, answers) | specialisation(keys, runs, tally.experts)
        return found


def load(
    scale: str,
    seed: int,
    *,
    input: Input = "sequence",
    data: str = GENERATED,
    together: int = 1,
    sets: int = 1,
    queries: int = 1000,
) -> Classify:
    """Return the task under the given conditions.

    Raises:
        EnvironmentProblem: if a package, a collection or its states are missing.
        SelectionError: for a scale or data that it does not have, or more queries than a collection has texts.
    """
    check_condition("classify", "scale", scale, CARD.scales)
    check_condition("classify", "data", data, (GENERATED, *TEXTS))
    if data == GENERATED:
        found = tuple(draw_seeded(queries, seed, _EVALUATION, index) for index in range(sets))
    else:
        found = _texts(data, seed, sets, queries)
    return Classify(seed, input, data, together, sets=found)


def _texts(data: str, seed: int, sets: int, queries: int) -> tuple[KeyedQueries, ...]:
    """Draw sets of texts that nothing was trained on, without repetition."""
    text_states.check_text(data)
    states = text_states.states_of(data)
    labels = text_states.labels_of(data, states)
    rows = states.split["test"]
    if sets * queries > len(rows):
        raise SelectionError(
            f"data={data} has {len(rows)} texts to ask about, and {sets * queries} were asked for.",
            f"Ask for fewer: --set queries={len(rows) // sets}.",
        )
    order = keyed(_TEXTS, seed).permutation(len(rows))
    found = []
    for part in np.split(order[: sets * queries], sets):
        keys = Keys(np.zeros(queries, np.int64), labels[rows[part]], len(TEXTS[data].classes))
        found.append(KeyedQueries(states.questions("test", part), keys))
    return tuple(found)


def check_conditions(conditions: Mapping[str, Scalar]) -> None:
    """Refuse, before a run begins, text whose package, states or trained mixtures are not there.

    Raises:
        EnvironmentProblem: if one of them is missing.
    """
    data, reads = str(conditions.get("data", GENERATED)), str(conditions.get("input", "sequence"))
    if data != GENERATED:
        text_states.check_text(data)
        for group in dict.fromkeys(("sequence", "sequence-statics", reads, f"{reads}-statics")):
            weights(recipes()[f"{base_name(data, group)}-s0"])


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Try a method by the rules of this task."""
    yield from conformance.problems(load("embedded", 0, queries=200, together=16), method, card)
