"""Animated GIF, through FFmpeg.

Grey has a palette of all 256 greys and is exact. Colour gets the 256 colours that suit the entire clip, with ordered
dithering, whose pattern stays still where the picture does. GIF counts time in hundredths of a second and viewers slow
down above 50 frames a second, so that is the fastest pace written.

Axes: T frames, H height, W width, C channels (1 grey, 3 RGB); pictures are (T, H, W, C).
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.error import BlockingIOError as NotYet
from av.error import EOFError as AllRead
from av.filter import Graph
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from framecast.sources.eight_bits import eight_bits
from framecast.sources.frame_facts import FrameFacts
from framecast.sources.video.writing import encoding, mark_of

_FASTEST = Fraction(50)
_COMMENT = b"\x21\xfe"
_HEADER_BYTES = 13


def write_gif(path: Path, frames: NDArray[np.generic], facts: FrameFacts) -> None:
    """An animation that repeats for ever."""
    pictures = eight_bits(frames, facts.value_range)
    rate = min(facts.rate, _FASTEST)
    grey = pictures.shape[3] == 1
    with encoding(path, pictures, facts), av.open(str(path), "w", format="gif") as container:
        stream = container.add_stream("gif", rate=rate)
        stream.height, stream.width = pictures.shape[1:3]
        stream.pix_fmt = "gray" if grey else "pal8"
        for frame in _grey(pictures, rate) if grey else _palettized(pictures, rate):
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    _add_comment(path, mark_of(pictures, replace(facts, rate=rate)).text())


def _add_comment(path: Path, text: str) -> None:
    """Put a comment before the first picture, where viewers pass over it; FFmpeg reads comments but writes none."""
    comment = text.encode("ascii")
    assert len(comment) < 256, "the length of a block of data is one byte"
    content = path.read_bytes()
    flags = content[10]
    colors = 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0
    head = content[: _HEADER_BYTES + colors]
    path.write_bytes(head + _COMMENT + bytes([len(comment)]) + comment + b"\0" + content[len(head) :])


def _timed(frames: Iterable[VideoFrame], rate: Fraction) -> Iterator[VideoFrame]:
    for index, frame in enumerate(frames):
        frame.pts, frame.time_base = index, 1 / rate
        yield frame


def _grey(pictures: NDArray[np.uint8], rate: Fraction) -> Iterator[VideoFrame]:
    return _timed((VideoFrame.from_ndarray(picture[..., 0], format="gray") for picture in pictures), rate)


def _palettized(pictures: NDArray[np.uint8], rate: Fraction) -> Iterator[VideoFrame]:
    """The pictures in the 256 colours that suit all of them together."""
    height, width = pictures.shape[1:3]
    graph = Graph()
    source = graph.add_buffer(width=width, height=height, format=VideoFormat("rgb24"), time_base=1 / rate)
    split, palette = graph.add("split"), graph.add("palettegen", "reserve_transparent=0")
    use, sink = graph.add("paletteuse", "dither=bayer:bayer_scale=5"), graph.add("buffersink")
    source.link_to(split)
    split.link_to(use, 0, 0)
    split.link_to(palette, 1, 0)
    palette.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    for frame in _timed((VideoFrame.from_ndarray(picture, format="rgb24") for picture in pictures), rate):
        source.push(frame)
    source.push(None)
    while True:
        try:
            frame = sink.pull()
        except (NotYet, AllRead):
            return
        assert isinstance(frame, VideoFrame)
        yield frame
