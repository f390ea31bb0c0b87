"""Texts of four domains: split by document, drawn without overlap, the same on every machine."""

import numpy as np
import pytest

from adabench.harness.errors import SelectionError
from adabench.workloads.moe.substrate.byte_corpus import (
    DOMAINS,
    SPLITS,
    Domain,
    digest,
    passages,
    split_text,
)


def test_the_texts_are_those_that_models_were_trained_on() -> None:
    assert digest().startswith("15f11de4805f")


@pytest.mark.parametrize("domain", DOMAINS)
def test_no_line_of_length_is_trained_on_and_tested_on(domain: Domain) -> None:
    lines = {split: set(bytes(split_text(domain, split)).splitlines()) for split in SPLITS}
    long = {split: {one for one in own if len(one) > 60} for split, own in lines.items()}
    assert not long["train"] & (long["test"] | long["calibration"])


def test_passages_do_not_overlap_and_follow_from_the_seed() -> None:
    one = passages("code", "test", 100, 96, 3)
    assert one.shape == (100, 97)
    assert np.array_equal(one, passages("code", "test", 100, 96, 3))
    assert not np.array_equal(one, passages("code", "test", 100, 96, 4))
    assert len({row.tobytes() for row in one}) == 100


def test_more_text_than_there_is_is_refused() -> None:
    with pytest.raises(SelectionError, match="math have 189"):
        passages("math", "test", 190, 96, 0)
    with pytest.raises(SelectionError, match="is no domain"):
        passages("verse", "test", 1, 96, 0)
