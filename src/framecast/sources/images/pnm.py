"""Portable grey and pixel maps (pgm, ppm), plain or packed by gzip: as weather services and old cameras write them.

Values are kept as they are stored, up to the highest that the header names, which is the range of the recording.

Axes: T pictures (always 1), C channels (1 grey, 3 RGB), H height, W width.
"""

import gzip
import re
import zlib
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast, final

import numpy as np
from numpy.typing import NDArray

from framecast.frames.errors import SourceError
from framecast.sources.images.file import MOST_PIXELS, ImageFacts, ImageFile, PictureKind

ENDINGS = (".pgm", ".ppm", ".pnm", ".pgm.gz", ".ppm.gz", ".pnm.gz")
OPENINGS = (b"P2", b"P3", b"P5", b"P6")

_GAP = rb"(?:\s|#[^\r\n]*[\r\n])+"
_HEADER = re.compile(rb"P([2356])" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,5})(?:#[^\r\n]*)?\s")
_LONGEST_HEADER = 65536

_LONGEST_NUMBER = 16
"""Bytes of a value that is written as text, with the gap after it: a packed file cannot unfold without end."""


@final
@dataclass(frozen=True, slots=True)
class PnmPicture:
    """Reads one picture."""

    def read(self, path: Path, start: int, stop: int) -> NDArray[np.generic]:
        """The picture as (1, C, H, W)."""
        del start, stop
        with _opened(path) as file:
            header = _header(file, path)
            file.seek(header.length)
            shape = (header.kind.height, header.kind.width, header.kind.channels)
            count = shape[0] * shape[1] * shape[2]
            if header.plain:
                text = re.sub(rb"#[^\r\n]*", b"", file.read(count * _LONGEST_NUMBER + _LONGEST_HEADER))
                values = np.array(text.split()[:count], dtype=np.int64)
                if values.size and not 0 <= values.min() <= values.max() <= header.highest:
                    raise ValueError(f"a value beyond {header.highest}")
                values = values.astype(header.kind.dtype)
            else:
                stored = np.dtype(">u2" if header.kind.dtype == "uint16" else "u1")
                values = np.frombuffer(file.read(count * stored.itemsize), stored).astype(header.kind.dtype)
            if values.size != count:
                raise ValueError(f"{values.size} values, {count} are promised")
        return values.reshape(shape).transpose(2, 0, 1)[None]


PNM = PnmPicture()


@final
@dataclass(frozen=True, slots=True)
class _Header:
    kind: PictureKind
    highest: int
    plain: bool
    """Whether the values are written as text."""
    length: int
    """Bytes before the values."""


def pnm_file(path: Path) -> ImageFile:
    """What a pgm or ppm holds; only its header is read.

    Raises:
        SourceError: it is none, or is damaged.
    """
    with _opened(path) as file:
        header = _header(file, path)
    # Of 65535 nobody knows whether it is the camera's limit or only the format's.
    facts = ImageFacts(value_range=None if header.highest == 65535 else (0.0, float(header.highest)))
    return ImageFile(path=path, num_frames=1, kind=header.kind, decoder=PNM, facts=facts)


@contextmanager
def _opened(path: Path) -> Generator[IO[bytes]]:
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        with path.open("rb") as raw, gzip.open(raw) if packed else nullcontext(raw) as file:
            yield cast("IO[bytes]", file)
    except (OSError, EOFError, ValueError, OverflowError, zlib.error) as error:
        raise SourceError(f"The image '{path}' cannot be read; it may be damaged or cut off ({error}).") from error


def _header(file: IO[bytes], path: Path) -> _Header:
    found = _HEADER.match(file.read(_LONGEST_HEADER))
    if found is None:
        raise ValueError("no header of a pgm or ppm picture")
    kind, width, height, highest = (int(group) for group in found.groups())
    if not 0 < width * height <= MOST_PIXELS or not 0 < highest < 65536:
        raise SourceError(
            f"The image '{path}' cannot be read; its header claims {height}x{width} (H x W) values up to {highest}."
        )
    picture = PictureKind(3 if kind in (3, 6) else 1, height, width, "uint16" if highest > 255 else "uint8")
    return _Header(picture, highest, kind in (2, 3), found.end())
