"""What tests of this task share: the codec and the engine of a tiny Llama, and models that judge."""

from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("transformers", reason="the extra `real` is not installed")

from adabench.workloads.shared.language_model.backends.tokenizer_codec import TokenizerCodec
from adabench.workloads.shared.sources.codec_source import open_codec
from adabench.workloads.shared.sources.model_spec import model_spec

CHAT = (
    "{% for message in messages %}<s>{{ message['role'] }}: {{ message['content'] }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant: {% endif %}"
)


@pytest.fixture(scope="session")
def codec(llama_folder: Path) -> TokenizerCodec:
    found = open_codec(model_spec(f"hf:{llama_folder}"))
    assert isinstance(found, TokenizerCodec)
    return found


@pytest.fixture(scope="session")
def reward_folder(
    llama_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """What makes a folder with a tiny random reward model of one of the three shapes."""
    import torch
    import transformers

    def made(
        head: str, *, labels: int = 1, words: tuple[str, ...] = (), chat: bool = False
    ) -> Path:
        folder = tmp_path_factory.mktemp("reward")
        tokenizer = transformers.AutoTokenizer.from_pretrained(llama_folder)
        tokenizer.add_tokens(list(words))
        tokenizer.chat_template = CHAT if chat else None
        tokenizer.save_pretrained(folder)
        torch.manual_seed(1)
        config = transformers.LlamaConfig(
            vocab_size=len(tokenizer), hidden_size=16, intermediate_size=24, num_hidden_layers=1,
            num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=1024,
            pad_token_id=0, bos_token_id=1, eos_token_id=2, num_labels=labels,
            initializer_range=0.5,
        )  # fmt: skip
        getattr(transformers, f"LlamaFor{head}")(config).save_pretrained(folder)
        return folder

    return made
