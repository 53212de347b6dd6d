"""The comparison of the Moving MNIST generator with a plain loop: that both make the same, and what it says."""

import gzip
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.generator import Size, agreement, digest, digits_of, fresh_clips, main, measure, page, passes

TINY = Size(sequences=20, rounds=2, batch_size=8, workers=(0,))


@pytest.fixture
def data(tmp_path: Path) -> str:
    """A few random images in the place of digits."""
    for name, count in (("train-images", 36), ("t10k-images", 4)):
        images = np.random.default_rng(count).integers(0, 256, (count, 28, 28), np.uint8)
        content = b"\0\0\x08\x03" + struct.pack(">3I", *images.shape) + images.tobytes()
        (tmp_path / f"{name}-idx3-ubyte.gz").write_bytes(gzip.compress(content))
    return str(tmp_path)


def test_both_make_the_same_from_the_same_random_numbers(data: str) -> None:
    clips = fresh_clips(TINY, data=data)
    assert agreement(clips, digits_of(clips), TINY) == 1.0
    assert agreement(clips, digits_of(clips)[::-1], TINY) < 0.5


def test_every_frame_is_counted(data: str) -> None:
    result = measure(TINY, data=data)
    assert {name: len(rates) for name, rates in result["frames_per_second"].items()} == {"framecast": 2, "plain": 2}
    assert result["ratio"] == pytest.approx(result["median"]["framecast"] / result["median"]["plain"])
    assert result["identical"] is True


def test_an_epoch_has_one_digest_and_another_epoch_another(data: str) -> None:
    clips = fresh_clips(TINY, data=data)
    assert digest(clips, TINY, workers=0) == digest(fresh_clips(TINY, data=data), TINY, workers=0)
    assert digest(clips, TINY, workers=0) != digest(clips, TINY, workers=0, epoch=2)


@pytest.mark.parametrize(
    ("change", "expected"),
    [({}, True), ({"ratio": 0.9}, False), ({"agreement": 0.5}, False), ({"identical": False}, False)],
)
def test_the_mark_needs_speed_and_sameness(change: dict[str, Any], expected: bool) -> None:
    assert passes({"ratio": 1.2, "agreement": 1.0, "identical": True} | change) is expected


def test_the_command_prints_and_keeps_what_it_found(
    data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["--data", data, "--sequences", "8", "--rounds", "1", "--workers", "0", "--out", str(tmp_path / "out")])
    kept = json.loads((tmp_path / "out" / "generator.json").read_text(encoding="utf-8"))
    assert (code == 0) is passes(kept)
    assert capsys.readouterr().out == page(kept) == (tmp_path / "out" / "generator.md").read_text(encoding="utf-8")
