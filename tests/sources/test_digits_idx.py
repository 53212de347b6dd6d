"""The IDX reader."""

import gzip
import struct

import numpy as np
import pytest

from framecast.frames.errors import SourceError
from framecast.sources.digits.idx import read_idx, read_idx_header

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx_bytes(values):
    kind = values.dtype.str[1:]
    head = bytes((0, 0, CODES[kind], values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape)
    return head + values.astype(f">{kind}").tobytes()


@pytest.mark.parametrize("kind", CODES)
@pytest.mark.parametrize("compressed", [False, True])
def test_every_type_comes_back(tmp_path, kind, compressed):
    values = (np.random.default_rng(0).standard_normal((3, 4, 5)) * 50).astype(kind)
    path = tmp_path / "values"
    path.write_bytes(gzip.compress(idx_bytes(values)) if compressed else idx_bytes(values))
    assert read_idx_header(path).shape == (3, 4, 5)
    found = read_idx(path)
    assert found.dtype == values.dtype
    assert found.dtype.isnative
    np.testing.assert_array_equal(found, values)


def test_one_axis(tmp_path):
    path = tmp_path / "labels"
    path.write_bytes(idx_bytes(np.arange(7, dtype=np.uint8)))
    np.testing.assert_array_equal(read_idx(path), np.arange(7))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: content[:-1], "promises 60 bytes of values, found 59"),
        (lambda content: content + b"x", "promises 60 bytes of values, found 61"),
        (lambda content: content[:9], "ends within its IDX header"),
        (lambda content: b"\x89PNG" + content, "is not an IDX file"),
        (lambda content: b"\0\0\x07" + content[3:], "is not an IDX file"),
        (lambda content: b"", "is not an IDX file"),
        (lambda content: gzip.compress(content)[:-12], "cannot be read"),
        (lambda content: b"\x1f\x8b nothing of the kind", "cannot be read"),
    ],
)
def test_damage_is_named(tmp_path, damage, message):
    path = tmp_path / "values"
    path.write_bytes(damage(idx_bytes(np.zeros((3, 4, 5), np.uint8))))
    with pytest.raises(SourceError, match=message):
        read_idx(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SourceError, match="cannot be read"):
        read_idx(tmp_path / "nothing")
