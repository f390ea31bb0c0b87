"""The builtin model: a small Llama with random weights and words of its own. It knows nothing.

It is there to try the whole path in a second: every method runs on it, every count is real, and what it
writes is noise. Its words are signs, digits and the words of the worked examples.
"""

from functools import lru_cache
from typing import Any

import torch

from adabench.harness.errors import require
from adabench.workloads.shared.language_model.backends.tokenizer_codec import TokenizerCodec
from adabench.workloads.shared.language_model.backends.transformers_engine import TransformersEngine

SEED = 20
WIDTH, LAYERS, HEADS, CONTEXT = 32, 2, 4, 8192
SIGNS = tuple(chr(code) for code in range(32, 127))
WORDS = ("<unk>", "<end>", "\n", *SIGNS, "Problem", "Step", "Answer")


@lru_cache(maxsize=1)
def random_codec() -> TokenizerCodec:
    """Return the codec of its words."""
    transformers, tokenizers = (
        require("transformers", extra="models"),
        require("tokenizers", extra="models"),
    )
    models, splits = tokenizers.models, tokenizers.pre_tokenizers
    inner = tokenizers.Tokenizer(
        models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>")
    )
    inner.pre_tokenizer = splits.Split(
        tokenizers.Regex(r"Problem|Step|Answer|<end>|[\s\S]"), "isolated"
    )
    inner.decoder = tokenizers.decoders.Fuse()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token="<end>", unk_token="<unk>", pad_token="<end>"
    )
    return TokenizerCodec(tokenizer, frozenset((WORDS.index("<end>"),)))


def random_engine(dtype: Any, device: Any) -> TransformersEngine:
    """Return the engine over its weights, the same on every machine."""
    transformers, codec = require("transformers", extra="models"), random_codec()
    config = transformers.LlamaConfig(
        vocab_size=len(WORDS), hidden_size=WIDTH, intermediate_size=2 * WIDTH,
        num_hidden_layers=LAYERS, num_attention_heads=HEADS, num_key_value_heads=HEADS // 2,
        max_position_embeddings=CONTEXT, bos_token_id=None, eos_token_id=min(codec.ends),
        initializer_range=0.3, tie_word_embeddings=True,
    )  # fmt: skip
    state = torch.random.get_rng_state()
    torch.manual_seed(SEED)
    model = transformers.LlamaForCausalLM(config)
    torch.random.set_rng_state(state)
    return TransformersEngine(
        model.to(dtype).eval(), "builtin", vocabulary=codec.vocabulary, device=device
    )
