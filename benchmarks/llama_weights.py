"""Our models as Hugging Face's: what the engines are held against.

`to_llama` exports: RMSNorm with epsilon 1e-6, rotary base 10,000, tied embeddings, no biases; the
fused matrices are cut into those that Llama has. Logits agree to rounding (a test says 1e-4).
"""

from typing import Any

from torch import Tensor

from adabench.harness.errors import require
from adabench.workloads.shared.language_model.model import EPSILON, ROPE_BASE, LanguageModel
from adabench.workloads.shared.language_model.vocabulary import BOS, EOS, PAD


def to_llama(model: LanguageModel) -> Any:
    """Return a `LlamaForCausalLM` with our weights."""
    transformers = require("transformers", extra="models")
    shape = model.shape
    config = transformers.LlamaConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.width,
        intermediate_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        max_position_embeddings=shape.context,
        rms_norm_eps=EPSILON,
        rope_parameters={"rope_type": "default", "rope_theta": ROPE_BASE},
        tie_word_embeddings=True,
        attention_bias=False,
        mlp_bias=False,
        bos_token_id=BOS,
        eos_token_id=EOS,
        pad_token_id=PAD,
    )
    llama = transformers.LlamaForCausalLM(config)
    llama.load_state_dict(_llama_weights(model))
    return llama.eval()


def _llama_weights(model: LanguageModel) -> dict[str, Tensor]:
    """Return our weights under Llama's names, the fused matrices cut."""
    names = {"norm_attention": "input_layernorm", "norm_mlp": "post_attention_layernorm"}
    names |= {"out": "self_attn.o_proj", "down": "mlp.down_proj"}
    cuts = {"qkv": ("self_attn.q", "self_attn.k", "self_attn.v"), "gate_up": ("mlp.gate", "mlp.up")}
    embedding = model.embedding.weight.detach()
    weights = {"lm_head.weight": embedding, "model.embed_tokens.weight": embedding}
    weights["model.norm.weight"] = model.norm.weight.detach()
    for index, block in enumerate(model.blocks):
        for ours, theirs in names.items():
            weight = block.get_parameter(f"{ours}.weight").detach()
            weights[f"model.layers.{index}.{theirs}.weight"] = weight
        for ours, parts in cuts.items():
            rows = block.get_parameter(f"{ours}.weight").detach().chunk(len(parts))
            for part, weight in zip(parts, rows, strict=True):
                weights[f"model.layers.{index}.{part}_proj.weight"] = weight
    return weights
