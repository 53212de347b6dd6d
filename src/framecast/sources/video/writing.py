"""Video files, through FFmpeg's encoders.

H.264 (mp4, mov) holds colour at half resolution and therefore only even sizes: frames of odd height or width are
extended by repeating their last row or column. FFV1 (mkv) is exact, for grey and for RGB, of 8 and of 16 bits. MPEG-4
(avi) and VP9 (webm) are close and keep odd sizes. Frames reach the other encoders as 8-bit pictures.

Axes: T frames, H height, W width, C channels (1 grey, 3 RGB); pictures are (T, H, W, C).
"""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from framecast.frames.errors import SourceError
from framecast.sources.eight_bits import check_channels, eight_bits
from framecast.sources.frame_facts import FrameFacts
from framecast.sources.video.mark import VideoMark

_EXACT_BITS = (9, 10, 12, 14, 16)
"""Depths above 8 that FFV1 holds, in grey and in RGB."""


def write_h264(path: Path, frames: NDArray[np.generic], facts: FrameFacts) -> None:
    """H.264 in the subsampling that every player and browser shows, nearly free of visible loss (crf 12)."""
    pictures = eight_bits(frames, facts.value_range)
    pictures = np.pad(pictures, ((0, 0), (0, pictures.shape[1] % 2), (0, pictures.shape[2] % 2), (0, 0)), mode="edge")
    _encode(path, pictures, facts, codec="libx264", pixels="yuv420p", options={"crf": "12"})


def write_ffv1(path: Path, frames: NDArray[np.generic], facts: FrameFacts) -> None:
    """FFV1: grey as one channel, RGB as it is, every value of 8 or 16 bits exact.

    16-bit frames are not stretched to their value range but stored as they are, in the fewest bits that hold both.
    """
    if frames.dtype == np.uint16:
        check_channels(frames)
        highest = max(int(frames.max()), 0 if facts.value_range is None else int(min(facts.value_range[1], 65535)))
        needed = 16 if facts.value_range is None else highest.bit_length()
        bits = next(bits for bits in _EXACT_BITS if bits >= needed)
        pixels = f"{'gray' if frames.shape[1] == 1 else 'gbrp'}{bits}le"
        pictures = np.ascontiguousarray(frames.transpose(0, 2, 3, 1))
    else:
        pictures = eight_bits(frames, facts.value_range)
        pixels = "gray" if pictures.shape[3] == 1 else "bgr0"
    _encode(path, pictures, facts, codec="ffv1", pixels=pixels, options={"level": "3"})


def write_mpeg4(path: Path, frames: NDArray[np.generic], facts: FrameFacts) -> None:
    """MPEG-4 part 2 without reordered frames, near its best quality."""
    pictures = eight_bits(frames, facts.value_range)
    options = {"qmin": "1", "qmax": "2", "b": "100M"}
    _encode(path, pictures, facts, codec="mpeg4", pixels="yuv420p", options=options)


def write_vp9(path: Path, frames: NDArray[np.generic], facts: FrameFacts) -> None:
    """VP9 at constant quality."""
    pictures = eight_bits(frames, facts.value_range)
    options = {"crf": "12", "b": "0", "cpu-used": "4", "row-mt": "1"}
    _encode(path, pictures, facts, codec="libvpx-vp9", pixels="yuv420p", options=options)


def _encode(
    path: Path, pictures: NDArray[Any], facts: FrameFacts, *, codec: str, pixels: str, options: dict[str, str]
) -> None:
    # The index goes to the front of mp4 and mov, so that playing starts before everything is loaded.
    front = {"movflags": "faststart"} if path.suffix.lower() in (".mp4", ".mov") else {}
    with encoding(path, pictures, facts), av.open(str(path), "w", container_options=front) as container:
        container.metadata["comment"] = mark_of(pictures, facts).text()
        stream = container.add_stream(codec, rate=facts.rate, options=options)
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = pictures.shape[1:3]
        stream.pix_fmt = pixels
        for picture in pictures:
            container.mux(stream.encode(_frame(picture, pixels)))
        container.mux(stream.encode())


@contextmanager
def encoding(path: Path, pictures: NDArray[Any], facts: FrameFacts) -> Generator[None]:
    """What FFmpeg refuses to write is a SourceError here."""
    try:
        yield
    except FFmpegError as error:
        raise SourceError(
            f"FFmpeg cannot write '{path.name}' with pictures of {pictures.shape[1]}x{pictures.shape[2]} (H x W) at "
            f"{float(facts.rate):g} frames a second: {error.strerror}."
        ) from error


def mark_of(pictures: NDArray[Any], facts: FrameFacts) -> VideoMark:
    """The note that lets the times and the colour of these frames be read again."""
    return VideoMark(
        num_frames=len(pictures),
        rate=facts.rate,
        grey=pictures.shape[3] == 1,
        step_seconds=facts.step_seconds,
        start_time=facts.start_time,
    )


def _frame(picture: NDArray[Any], pixels: str) -> VideoFrame:
    if pixels.startswith(("gray", "gbrp")):
        return VideoFrame.from_ndarray(picture[..., 0] if picture.shape[2] == 1 else picture, format=pixels)
    if picture.shape[2] == 3:
        return VideoFrame.from_ndarray(picture, format="rgb24")
    return VideoFrame.from_ndarray(np.repeat(picture, 3, axis=2), format="rgb24")
