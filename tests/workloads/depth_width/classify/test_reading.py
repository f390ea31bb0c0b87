"""The engine: one expert a query and no other, counted as torch counts, whatever is read together."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from adabench.workloads.depth_width.classify.substrate.encoder import Encoder
from adabench.workloads.depth_width.classify.substrate.experts import (
    FFNN,
    GRU,
    GRU_HIDDEN,
    Arm,
    Gru,
    GruStep,
    Mixture,
    preset_gate,
    soft_gate,
    top_1_gate,
)
from adabench.workloads.depth_width.classify.substrate.queries import CLASSES, draw_seeded
from adabench.workloads.depth_width.classify.substrate.reading import (
    QuerySet,
    Reader,
    groups,
    tally,
)
from adabench.workloads.depth_width.classify.substrate.train_experts import GROUPS
from adabench.workloads.depth_width.classify.truth.choice_scoring import (
    mutual_information,
    quality_by_kind,
    shares,
    specialisation,
)
from adabench.workloads.depth_width.substrate.work_counter import Work

QUERIES, FEW = 40, 6
INPUTS = ("sequence", "sequence-statics", "isolated", "isolated-statics")
ARMS = {(group, arm.name): arm for group in INPUTS for arm in GROUPS[group]}


def reader_of(arm: Arm) -> Reader:
    """A reader whose gate takes either expert for about half of the queries."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        encoder = Encoder().eval().requires_grad_(False)
        mixture = Mixture(arm, 64, CLASSES).eval().requires_grad_(False)
        if mixture.gate is not None:
            nn.init.normal_(mixture.gate.weight, std=0.5)
    reader = Reader(encoder, mixture)
    if mixture.gate is not None:
        mixture.gate.bias -= logits_of(reader).mean(0)
    return reader


def logits_of(reader: Reader) -> Tensor:
    seen = []

    def gate(summaries: Tensor, rows: Tensor, work: Work) -> Tensor:
        seen.append(reader.mixture.gate(summaries))
        return torch.ones(len(summaries), len(reader.mixture.experts))

    reader.read(case(), gate)
    return torch.cat(seen)


def case(queries: int = QUERIES) -> QuerySet:
    return QuerySet(0, draw_seeded(queries, 3).questions)


def gate_of(reader: Reader) -> Any:
    return {"top-1": top_1_gate, "soft": soft_gate, "none": lambda mixture: None}[
        reader.mixture.arm.gate
    ](reader.mixture)


HECTO = ARMS["sequence", "hecto"]


def test_one_expert_a_query_answers_as_if_all_had_been_computed() -> None:
    reader = reader_of(HECTO)
    found = tally(reader.read(case(), top_1_gate(reader.mixture)))
    every = torch.stack([
        reader.read(case(), preset_gate(torch.full((QUERIES,), expert), 2)).logits for expert in (0, 1)
    ])  # fmt: skip
    chosen = found.runs.int().argmax(1)
    assert (found.runs.sum(1) == 1).all()
    assert 0 < chosen.sum() < QUERIES
    masked = every[chosen, torch.arange(QUERIES)]
    assert torch.equal(found.answers, masked.argmax(-1))


def test_an_expert_that_is_not_chosen_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, called = reader_of(HECTO), [0, 0]
    for place, expert in enumerate(reader.mixture.experts):

        def forward(
            tokens: Tensor, lengths: Any, work: Work, place: int = place, own: Any = expert.forward
        ) -> Tensor:
            called[place] += len(tokens)
            return own(tokens, lengths, work)

        monkeypatch.setattr(expert, "forward", forward)
    found = tally(reader.read(case(), top_1_gate(reader.mixture)))
    assert called == found.runs.sum(0).tolist()
    assert sum(called) == QUERIES
    called[:] = [0, 0]
    reader.read(case(), preset_gate(torch.ones(QUERIES, dtype=torch.long), 2))
    assert called == [0, QUERIES]


@pytest.mark.parametrize("together", [1, 16])
@pytest.mark.parametrize("name", ARMS, ids=lambda name: "-".join(name))
def test_operations_are_those_that_torch_counts(name: tuple[str, str], together: int) -> None:
    reader = reader_of(ARMS[name])
    reader = Reader(reader.encoder, reader.mixture, together)
    gate = gate_of(reader)
    with FlopCounterMode(display=False) as counter:
        found = tally(reader.read(case(FEW), gate))
    assert found.counted["flops_counted"] * FEW == counter.get_total_flops()
    assert 0 < found.counted["expert_flops"] < found.counted["flops_counted"]


@pytest.mark.parametrize("name", ["hecto", "both", "gru"])
def test_what_is_read_together_changes_nothing(name: str) -> None:
    reader = reader_of(ARMS["sequence" if name == "hecto" else "sequence-statics", name])
    gate = gate_of(reader)
    one = reader.read(case(), gate)
    other = Reader(reader.encoder, reader.mixture, 16).read(case(), gate)
    torch.testing.assert_close(one.logits, other.logits, atol=1e-5, rtol=0)
    assert torch.equal(one.runs(), other.runs())


def test_groups_hold_one_length_and_leave_nobody_out() -> None:
    lengths = np.array([4, 3, 4, 4, 3, 5])
    found = [rows.tolist() for rows in groups(lengths, 2)]
    assert sorted(row for rows in found for row in rows) == list(range(6))
    assert all(len({int(lengths[row]) for row in rows}) == 1 for rows in found)
    assert [rows.tolist() for rows in groups(lengths, 1)] == [[k] for k in range(6)]


def test_a_gru_over_a_sequence_of_one_is_torchs_from_zeros() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        whole, step = Gru(64, 5), GruStep(64, 5)
        tokens = torch.randn(6, 9, 64)
    own = whole.gru
    first = torch.zeros(3 * GRU_HIDDEN)
    first[: 2 * GRU_HIDDEN] = own.bias_hh_l0.data[: 2 * GRU_HIDDEN]
    step.enter.weight.data = own.weight_ih_l0.data
    step.enter.bias.data = own.bias_ih_l0.data + first
    step.state.data = own.bias_hh_l0.data[2 * GRU_HIDDEN :]
    step.out.load_state_dict(whole.out.state_dict())
    said = whole(tokens.mean(1, keepdim=True), None, Work())
    torch.testing.assert_close(step(tokens, None, Work()), said, atol=1e-6, rtol=0)


def test_padding_is_not_read() -> None:
    """In training sequences are padded; what stands behind their ends changes no answer."""
    lengths = torch.tensor([3, 7, 5])
    tokens = torch.randn(3, 7, 64, generator=torch.Generator().manual_seed(0))
    noisy = tokens.clone()
    for row, length in enumerate(lengths.tolist()):
        noisy[row, length:] = 100.0
    for kind in (GRU, FFNN):
        for isolated in (False, True):
            mixture = Mixture(Arm("one", (kind,), isolated=isolated), 64, 5)
            (expert,) = mixture.experts
            said = expert(noisy, lengths, Work())
            torch.testing.assert_close(said, expert(tokens, lengths, Work()))
            alone = expert(tokens[:1, :3], None, Work())
            torch.testing.assert_close(said[:1], alone, atol=1e-6, rtol=0)


def test_isolated_experts_see_no_order() -> None:
    """The same tokens the other way round get the same answer; a GRU over a sequence tells them apart."""
    tokens = torch.randn(4, 9, 64, generator=torch.Generator().manual_seed(0))
    for isolated in (True, False):
        (expert,) = Mixture(Arm("one", (GRU,), isolated=isolated), 64, 5).experts
        same = torch.allclose(
            expert(tokens, None, Work()), expert(tokens.flip(1), None, Work()), atol=1e-5
        )
        assert same == isolated


def test_the_gate_is_given_the_summary_and_nothing_else() -> None:
    """Queries with one summary get one expert, whatever they ask."""

    class Constant(Encoder):
        def states(self, tokens: Tensor, work: Work) -> Tensor:
            states = super().states(tokens, work).clone()
            states[:, 0] = 1.0
            return states

    reader = reader_of(HECTO)
    blind = Reader(Constant(), reader.mixture)
    ran = blind.read(case(), top_1_gate(reader.mixture)).runs()
    assert len(ran.unique(dim=0)) == 1


def test_mutual_information_of_known_tables() -> None:
    half = np.array([0, 0, 1, 1] * 50)
    assert mutual_information(half, half) == pytest.approx(1.0)
    assert mutual_information(half, np.array([0, 1, 0, 1] * 50)) == pytest.approx(0.0)
    assert mutual_information(np.zeros(200, int), half) == 0.0
    quarter = np.array([0, 0, 0, 1] * 50)
    entropy = -(0.75 * np.log2(0.75) + 0.25 * np.log2(0.25))
    assert mutual_information(quarter, quarter) == pytest.approx(entropy)


def test_even_use_by_force_is_no_specialisation() -> None:
    """Half of the queries to each expert, but not by their kind: nothing is told of it."""
    keys = draw_seeded(2000, 9).keys
    runs = np.zeros((2000, 2), bool)
    runs[np.arange(2000), np.arange(2000) % 2] = True
    found = specialisation(keys, runs, (GRU, FFNN))
    assert shares(runs, (GRU, FFNN))["share_gru"] == 0.5
    assert found["mi_bits"] < 0.01
    assert found["kind_bits_left"] > 0.98
    assert abs(found["alignment"]) < 0.1
    both = specialisation(keys, np.ones((2000, 2), bool), (GRU, FFNN))
    assert both["mi_bits"] == 0.0


def test_alignment_says_which_way_the_kinds_go() -> None:
    """Of three divisions that tell everything of the kind, one gives the GRU what needs an order."""
    keys = draw_seeded(2000, 9).keys
    by_kind = np.zeros((2000, 2), bool)
    by_kind[np.arange(2000), keys.kind] = True
    for experts, wanted in (((GRU, FFNN), 1.0), ((FFNN, GRU), -1.0), ((GRU, GRU), 0.0)):
        found = specialisation(keys, by_kind, experts)
        assert found["mi_bits"] > 0.99
        assert found["alignment"] == wanted


def test_quality_is_told_by_kind() -> None:
    keys = draw_seeded(500, 9).keys
    answers = np.where(keys.kind == 0, keys.answers, -1)
    found = quality_by_kind(keys, answers)
    assert (found["accuracy_order"], found["accuracy_free"]) == (1.0, 0.0)
    assert found["accuracy_worse"] == 0.0
