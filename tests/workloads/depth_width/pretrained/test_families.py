"""Every family that transformers reads by attention: run by hooks, against transformers' own forward."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from adabench.harness.errors import AdabenchError, MissingAbility
from adabench.workloads.depth_width.pretrained.substrate.early_exits import Lenses, prefill_exits
from adabench.workloads.depth_width.pretrained.substrate.model_and_text import ModelAndText, shape
from adabench.workloads.depth_width.pretrained.substrate.path_reading import read_along
from adabench.workloads.depth_width.pretrained.substrate.width_forward import (
    RealWidened,
    modules_of,
    prefill_real_widths,
)
from adabench.workloads.depth_width.substrate.gathered_forward import Admission
from adabench.workloads.depth_width.substrate.learner_choices import taken
from adabench.workloads.depth_width.substrate.learners import LEARNERS
from adabench.workloads.depth_width.substrate.llama_decoder.decoder_units import Plan, prefill_real
from adabench.workloads.depth_width.substrate.llama_decoder.hooked_decoder import HookedDecoder
from adabench.workloads.depth_width.substrate.llama_decoder.llama_backbone import soft
from adabench.workloads.depth_width.substrate.units.unit_forward import Choice, all_units
from tests.workloads.depth_width.pretrained import tiny_checkpoints

transformers = pytest.importorskip("transformers", reason="the extra `real` is not installed")

TOKENS, LAYERS, GONE = 24, 3, 1
ENDS: dict[str, Any] = {"bos_token_id": None, "eos_token_id": None}
GPT = {"n_embd": 32, "n_layer": LAYERS, "n_head": 4, "n_positions": 64, **ENDS}
FALCON = {"hidden_size": 32, "num_hidden_layers": LAYERS, "num_attention_heads": 4, **ENDS}
EXPERTS = {"num_local_experts": 4, "num_experts": 4, "num_experts_per_tok": 2}
WINDOW = {"head_dim": 8, "sliding_window": 8}
FAMILIES: dict[str, dict[str, Any]] = {
    "Llama": {"mlp_bias": True},
    "Mistral": {"sliding_window": 8},
    "Qwen2": {"hidden_act": "gelu"},
    "Qwen3": {"head_dim": 12},
    "Gemma": {"head_dim": 8},
    "Gemma2": {
        **WINDOW,
        "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
    },
    "Gemma3Text": WINDOW,
    "GPT2": GPT,
    "GPTBigCode": GPT,
    "GPTJ": {**GPT, "rotary_dim": 4},
    "GPTNeoX": {},
    "GPTNeoX, in a row": {"use_parallel_residual": False},
    "Phi": {},
    "Phi3": {},
    "OPT": {"ffn_dim": 48, "word_embed_proj_dim": 16},
    "Falcon": FALCON,
    "Falcon, alibi": {**FALCON, "alibi": True, "parallel_attn": False},
    "Bloom": {"hidden_size": 32, "n_layer": LAYERS, "n_head": 4, **ENDS},
    "Mpt": {"d_model": 32, "n_layers": LAYERS, "n_heads": 4},
    "StableLm": {},
    "Starcoder2": {},
    "Olmo": {},
    "Olmo2": {},
    "Cohere": {},
    "Granite": {"residual_multiplier": 0.5, "logits_scaling": 3.0},
    "Mixtral": EXPERTS,
    "GptOss": {**EXPERTS, **WINDOW},
}
"""By transformers' class, what differs from the common shape."""
EXPERT = ("Mixtral", "GptOss")


def words() -> Tensor:
    draw = torch.Generator().manual_seed(1)
    return torch.randint(tiny_checkpoints.VOCABULARY, (3, TOKENS), generator=draw)


def causal(family: str) -> Any:
    kind = family.partition(",")[0]
    return tiny_checkpoints.model(kind, **{"num_hidden_layers": LAYERS, **FAMILIES[family]})


def attends_for_all(model: Any) -> bool:
    """Say whether its attention is written out in transformers, and cannot be told which rows to run for.

    So it is in BLOOM and MPT, and was in Falcon before transformers 5.25.
    """
    return not hasattr(sys.modules[type(model).__module__], "ALL_ATTENTION_FUNCTIONS")


@torch.no_grad()
def logits(model: Any) -> Tensor:
    """transformers' own, by the attention that the family defines itself."""
    made: Tensor = model(words(), use_cache=False).logits
    return made


def without(model: Any, *layers: int) -> Any:
    """The same model without some of its layers."""
    every = next(
        child for child in model.modules()
        if isinstance(child, torch.nn.ModuleList) and len(child) == LAYERS
    )  # fmt: skip
    types = getattr(model.config, "layer_types", None)
    for index in sorted(layers, reverse=True):
        del every[index]
        if types:
            del types[index]
    model.config.num_hidden_layers = len(every)
    return model


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_reading_is_that_of_transformers_and_counts_what_torch_counts(family: str):
    plain, hooked = causal(family), HookedDecoder(causal(family), TOKENS)
    if family in EXPERT:
        plain.set_experts_implementation("eager")  # torch counts no grouped products
    if not attends_for_all(plain):
        plain.set_attn_implementation("eager")
    with FlopCounterMode(display=False) as counter:
        theirs = logits(plain)
    ours = prefill_real(hooked, words(), all_units, Plan(), tile=3)
    assert theirs.std() > 0.1
    torch.testing.assert_close(ours.logits, theirs, atol=1e-4, rtol=1e-4)
    assert ours.executions().eq(LAYERS).all()
    counted = sum(work.flops for _, work in ours.works)
    assert counted == pytest.approx(counter.get_total_flops(), rel=0.02)


def test_a_layer_that_nobody_runs_is_one_that_is_not_there(family: str):
    """Neither its modules nor its operations: along a path, and unit by unit."""
    theirs, model = logits(without(causal(family), GONE)), HookedDecoder(causal(family), TOKENS)
    passes = torch.ones(3, LAYERS, dtype=torch.long)
    whole = read_along(model, words(), 8, passes)
    passes[:, GONE] = 0
    path = read_along(model, words(), 8, passes)
    torch.testing.assert_close(path.logits, theirs[:, 7:], atol=1e-4, rtol=1e-4)
    both, nobody = (2 * GONE, 2 * GONE + 1), torch.empty(0, dtype=torch.long)
    skipped = prefill_real(
        model, words(), lambda unit, rows, work: Choice(nobody), Plan(both, both), tile=2
    )
    torch.testing.assert_close(skipped.logits, theirs, atol=1e-4, rtol=1e-4)
    assert skipped.executions().eq(LAYERS - 1).all()
    flops = [sum(work.flops for _, work in one.works) for one in (path, whole)]
    head = 2 * 3 * (TOKENS - 7) * (model.head.weight.numel() + model.norm.matrices)
    assert flops[0] - head == pytest.approx((LAYERS - 1) / LAYERS * (flops[1] - head))
    entries = [sum(work.kv_entries for _, work in one.works) for one in (path, skipped)]
    assert entries == [(LAYERS - 1) * words().numel()] * 2


def test_an_exit_is_the_head_on_that_layers_states(family: str):
    theirs, model = logits(without(causal(family), 2)), HookedDecoder(causal(family), TOKENS)
    lenses = Lenses((2,), model.shape.width, 1).requires_grad_(False)
    for weight in lenses.parameters():
        weight.zero_()
    nobody = Admission(torch.empty(0, dtype=torch.long))
    left = prefill_exits(model, lenses, words(), lambda: lambda exit_, rows, who, work: nobody)
    torch.testing.assert_close(left.logits, theirs, atol=1e-4, rtol=1e-4)
    assert left.executions().eq(2).all()


def test_some_rows_are_what_all_of_them_are_under_a_mask(family: str):
    plain, draw = causal(family), torch.Generator().manual_seed(2)
    model = HookedDecoder(plain, TOKENS)
    runs = torch.rand(2 * LAYERS, words().numel(), generator=draw) < 0.5
    rest = torch.randn(model.shape.width, generator=draw) / 10

    def mix(unit: int, x: Tensor, output: Any) -> Tensor:
        return torch.where(runs[unit].view(*x.shape[:-1], 1), output(), rest)

    def rule(unit: int, rows: Tensor, work: Any) -> Choice:
        return Choice(runs[unit].nonzero()[:, 0], rest.expand(int((~runs[unit]).sum()), -1))

    masked = model.head(model.norm(soft(model, words(), mix)))
    ours = prefill_real(model, words(), rule, Plan(asked=range(2 * LAYERS)), tile=3)
    torch.testing.assert_close(ours.logits, masked, atol=1e-4, rtol=1e-4)
    whole = prefill_real(model, words(), all_units, Plan(), tile=3)
    flops = [sum(work.flops for _, work in one.works) for one in (ours, whole)]
    assert flops[0] < flops[1]
    ran = runs.clone()
    if attends_for_all(plain):
        ran[::2] = True  # run for everyone, counted for everyone
    assert ours.executions().sum() == 0.5 * ran.sum()


@pytest.mark.parametrize("family", ["Gemma2", "GPT2", "OPT", "Bloom", "Falcon", "Phi3"])
def test_learners_are_slices_of_any_mlp_of_hidden_units(family: str):
    model, draw = HookedDecoder(causal(family), TOKENS), torch.Generator().manual_seed(3)
    modules = modules_of(model, 2)
    widened = RealWidened(model, modules.requires_grad_(False))
    whole = prefill_real(model, words(), all_units, Plan(), tile=3)
    everyone = lambda index, rows, work: torch.full((len(rows),), LEARNERS)
    ours = prefill_real_widths(widened, words(), everyone, tile=3)
    torch.testing.assert_close(ours.logits, whole.logits, atol=1e-4, rtol=1e-4)
    choice = torch.randint(LEARNERS + 1, (LAYERS, words().numel()), generator=draw)

    def mix(unit: int, x: Tensor, output: Any) -> Tensor:
        if not unit % 2:
            return output()
        picked = torch.nn.functional.one_hot(choice[unit // 2].view(3, -1), LEARNERS + 1)
        return modules.at(unit // 2).mixed(x, picked, taken(picked))

    masked = model.head(model.norm(soft(model, words(), mix)))
    some = prefill_real_widths(widened, words(), lambda index, rows, work: choice[index], tile=3)
    torch.testing.assert_close(some.logits, masked, atol=1e-4, rtol=1e-4)
    flops = [sum(work.flops for _, work in one.works) for one in (some, ours, whole)]
    assert flops[0] < flops[1] == flops[2]


def test_experts_have_no_learners():
    with pytest.raises(MissingAbility, match="MixtralForCausalLM are not made of hidden units"):
        modules_of(HookedDecoder(causal("Mixtral"), TOKENS), 2)


def test_a_model_of_another_kind_is_refused_by_name(tmp_path: Path):
    mamba = transformers.MambaConfig(vocab_size=64, hidden_size=16, num_hidden_layers=2)
    for kind, config, says in (
        ("mamba", mamba, "MambaForCausalLM has layers that are not attention"),
        ("t5", transformers.T5Config(d_model=16), "no causal language model in .*T5Config"),
        ("short", tiny_checkpoints.config("GPT2", max_position_embeddings=64),
         "GPT2LMHeadModel cannot be read layer by layer: it has positions for 64 words alone"),
        ("new", None, "no causal language model in .*something_new"),
    ):  # fmt: skip
        folder = tmp_path / kind
        folder.mkdir()
        written = {"model_type": "something_new"} if config is None else config.to_dict()
        (folder / "config.json").write_text(json.dumps(written))
        for name in ("model.safetensors", "tokenizer.json"):
            (folder / name).touch()
        with pytest.raises(AdabenchError, match=says) as refused:
            shape(ModelAndText(f"hf:{folder}"))
        assert refused.value.hint
