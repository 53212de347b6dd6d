"""From a decoded picture to numbers: channels, bits and orientation of the frames of a video.

Formats of 8 bits or fewer become uint8. With more bits, values stay what they are (0 .. 1023 for 10 bits) in uint16,
never stretched, so that nothing is lost and the range says how many bits there were. A picture of grey pixel format is
copied as it is.

FFmpeg is asked for colour of more than 8 bits as planes, because its packed form is wrong for odd widths. Of 8 bits,
its packed form is what everybody else reads. Its fast way to planes gives the same and spares sorting the colours, but
leaves columns unwritten where widths are no multiple of its step: it is taken only for widths and formats where it is
known to be whole, and only after both ways gave the same for the first picture.

Axes: C channels (1 grey, 3 RGB), H height, W width.
"""

from dataclasses import dataclass
from typing import Any, Literal, Self, final

import numpy as np
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

Color = Literal["auto", "grey", "rgb"]

_KNOWN_BITS = (8, 9, 10, 12, 14, 16)
"""Depths for which FFmpeg has both a grey and a planar RGB format."""

_HARDLY_COLOUR = 2
"""Channels that differ by no more than this, of 255, are taken to be equal: a decoder's rounding."""

_FAST_FORMATS = ("yuv420p", "yuvj420p")
_FAST_WIDTH = 32
"""Pictures of such formats, and of a width that this divides, are converted to planes in whole steps."""

_GREEN_BLUE_RED = (1, 2, 0)
"""Channel that each plane of FFmpeg's planar RGB is."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Pixels:
    """What the values of a frame are."""

    channels: int
    """1 or 3."""

    bits: int
    """One of 8, 9, 10, 12, 14, 16."""

    @classmethod
    def of(cls, stored: VideoFormat, color: Color) -> Self:
        """How pictures of a pixel format are read.

        Args:
            stored: the format that the file has.
            color: what is asked for; ``auto`` is one channel where the format has one.
        """
        grey = is_grey(stored) if color == "auto" else color == "grey"
        most = max(component.bits for component in stored.components)
        bits = next((bits for bits in _KNOWN_BITS if bits >= most), 16)
        return cls(channels=1 if grey else 3, bits=bits)

    @property
    def format(self) -> str:
        """FFmpeg's name of the pixel format that holds such frames."""
        if self.bits == 8:
            return "gray" if self.channels == 1 else "rgb24"
        return f"{'gray' if self.channels == 1 else 'gbrp'}{self.bits}le"

    @property
    def dtype(self) -> type[np.uint8 | np.uint16]:
        """The native type."""
        return np.uint8 if self.bits == 8 else np.uint16

    @property
    def value_range(self) -> tuple[float, float]:
        """Black and white."""
        return 0.0, float(2**self.bits - 1)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Orientation:
    """What is done to a stored picture to show it upright, as the container asks: first swap, then flip."""

    swapped: bool = False
    """Rows become columns."""

    flip_rows: bool = False
    flip_columns: bool = False

    @classmethod
    def of(cls, frame: VideoFrame) -> Self | None:
        """What the display matrix of a frame asks for; None when it asks for what is no quarter turn or flip."""
        data: Any = frame.side_data.get("DISPLAYMATRIX")
        if data is None:
            return cls()
        # FFmpeg: column' = a * column + c * row, row' = b * column + d * row, in units of 1/65536.
        (a, b), (c, d) = np.frombuffer(data, np.int32)[:9].reshape(3, 3)[:2, :2].tolist()
        if b == c == 0 and a and d:
            return cls(flip_rows=d < 0, flip_columns=a < 0)
        if a == d == 0 and b and c:
            return cls(swapped=True, flip_rows=b < 0, flip_columns=c < 0)
        return None

    def upright(self, plane: NDArray[Any]) -> NDArray[Any]:
        """A view of an (H, W, ...) plane."""
        if self.swapped:
            plane = plane.swapaxes(0, 1)
        if self.flip_rows:
            plane = plane[::-1]
        return plane[:, ::-1] if self.flip_columns else plane


@final
class PixelReader:
    """Copies decoded pictures into arrays; keeps what FFmpeg prepares for that, which costs more than a picture."""

    def __init__(self, pixels: Pixels, orientation: Orientation) -> None:
        self._pixels = pixels
        self._orientation = orientation
        self._reformatter = VideoReformatter()
        self._fast: str | None = None if pixels.format == "rgb24" else ""
        """The stored format whose packed colours are read as planes, if any; None until the first picture tells."""

    def copy(self, frame: VideoFrame, out: NDArray[Any]) -> None:
        """Copy a picture.

        Args:
            frame: as it is stored.
            out: (C, H, W), upright, of the dtype of the pixels; filled.
        """
        if self._fast is None:
            self._fast = ""
            self.copy(frame, out)
            if frame.format.name in _FAST_FORMATS and not (frame.width % _FAST_WIDTH or frame.height % 2):
                again = np.empty_like(out)
                self._convert(frame, again, "gbrp")
                self._fast = frame.format.name if (again == out).all() else ""
            return
        self._convert(frame, out, "gbrp" if frame.format.name == self._fast else self._pixels.format)

    def _convert(self, frame: VideoFrame, out: NDArray[Any], pixels: str) -> None:
        # One thread: FFmpeg's own would be started and ended for every single picture.
        picture = self._reformatter.reformat(frame, format=pixels, threads=1)
        planes = [_rows(plane, picture, out.dtype) for plane in picture.planes]
        if picture.format.name == "rgb24":
            packed = planes[0].reshape(picture.height, picture.width, 3)
            out.transpose(1, 2, 0)[:] = self._orientation.upright(packed)
            return
        for plane, channel in zip(planes, (0,) if len(planes) == 1 else _GREEN_BLUE_RED, strict=True):
            out[channel] = self._orientation.upright(plane)


def is_grey(stored: VideoFormat) -> bool:
    """Whether a pixel format has a single channel of brightness."""
    return not stored.has_palette and sum(not component.is_alpha for component in stored.components) == 1


def looks_grey(frame: VideoFrame) -> bool:
    """Whether the three channels of a picture hold the same."""
    if is_grey(frame.format):
        return True
    colors = np.empty((3, frame.height, frame.width), np.uint8)
    PixelReader(Pixels(channels=3, bits=8), Orientation()).copy(frame, colors)
    step = max(1, min(frame.height, frame.width) // 64)  # colour comes in patches, not in single pixels
    red, green, blue = colors[:, ::step, ::step].astype(np.int16)
    return bool(max(np.abs(red - green).max(), np.abs(blue - green).max()) <= _HARDLY_COLOUR)


def _rows(plane: VideoPlane, picture: VideoFrame, dtype: np.dtype[Any]) -> NDArray[Any]:
    """(H, W), or (H, 3 W) of packed colours: a view without what FFmpeg appends to the rows."""
    memory: Any = plane
    rows = np.frombuffer(memory, dtype).reshape(-1, plane.line_size // dtype.itemsize)
    return rows[: picture.height, : picture.width * (3 if picture.format.name == "rgb24" else 1)]
