"""Video files, through FFmpeg's encoders.

H.264 (mp4, mov) holds colour at half resolution and therefore only even sizes: frames of odd height or width are
extended by repeating their last row or column. FFV1 (mkv) is exact, for grey and for RGB. MPEG-4 (avi) and VP9 (webm)
are close and keep odd sizes. Frames reach the encoders as 8-bit pictures.

Axes: T frames, H height, W width, C channels (1 grey, 3 RGB); pictures are (T, H, W, C).
"""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from framecast.frames.errors import SourceError
from framecast.sources.eight_bits import eight_bits
from framecast.sources.frame_facts import FrameFacts


def write_h264(path: Path, frames: NDArray[np.generic], facts: FrameFacts) -> None:
    """H.264 in the subsampling that every player and browser shows, nearly free of visible loss (crf 12)."""
    pictures = eight_bits(frames, facts.value_range)
    pictures = np.pad(pictures, ((0, 0), (0, pictures.shape[1] % 2), (0, pictures.shape[2] % 2), (0, 0)), mode="edge")
    _encode(path, pictures, rate=facts.rate, codec="libx264", pixels="yuv420p", options={"crf": "12"})


def write_ffv1(path: Path, frames: NDArray[np.generic], facts: FrameFacts) -> None:
    """FFV1: grey as one channel, RGB as it is, every value exact."""
    pictures = eight_bits(frames, facts.value_range)
    pixels = "gray" if pictures.shape[3] == 1 else "bgr0"
    _encode(path, pictures, rate=facts.rate, codec="ffv1", pixels=pixels, options={"level": "3"})


def write_mpeg4(path: Path, frames: NDArray[np.generic], facts: FrameFacts) -> None:
    """MPEG-4 part 2 without reordered frames, near its best quality."""
    pictures = eight_bits(frames, facts.value_range)
    _encode(
        path,
        pictures,
        rate=facts.rate,
        codec="mpeg4",
        pixels="yuv420p",
        options={"qmin": "1", "qmax": "2", "b": "100M"},
    )


def write_vp9(path: Path, frames: NDArray[np.generic], facts: FrameFacts) -> None:
    """VP9 at constant quality."""
    pictures = eight_bits(frames, facts.value_range)
    options = {"crf": "12", "b": "0", "cpu-used": "4", "row-mt": "1"}
    _encode(path, pictures, rate=facts.rate, codec="libvpx-vp9", pixels="yuv420p", options=options)


def _encode(
    path: Path, pictures: NDArray[np.uint8], *, rate: Fraction, codec: str, pixels: str, options: dict[str, str]
) -> None:
    # The index goes to the front of mp4 and mov, so that playing starts before everything is loaded.
    front = {"movflags": "faststart"} if path.suffix.lower() in (".mp4", ".mov") else {}
    try:
        with av.open(str(path), "w", container_options=front) as container:
            stream = container.add_stream(codec, rate=rate, options=options)
            assert isinstance(stream, VideoStream)
            stream.height, stream.width = pictures.shape[1:3]
            stream.pix_fmt = pixels
            for picture in pictures:
                container.mux(stream.encode(_frame(picture, pixels)))
            container.mux(stream.encode())
    except FFmpegError as error:
        raise SourceError(
            f"FFmpeg cannot write '{path.name}' with pictures of {pictures.shape[1]}x{pictures.shape[2]} (H x W) at "
            f"{float(rate):g} frames a second: {error.strerror}."
        ) from error


def _frame(picture: NDArray[np.uint8], pixels: str) -> VideoFrame:
    if picture.shape[2] == 3:
        return VideoFrame.from_ndarray(picture, format="rgb24")
    if pixels == "gray":
        return VideoFrame.from_ndarray(picture[..., 0], format="gray")
    return VideoFrame.from_ndarray(np.repeat(picture, 3, axis=2), format="rgb24")
