"""TIFF stacks: OME-TIFF, ImageJ hyperstacks, pages without a meaning. What a file holds; ``tiff_reading.py`` reads it.

Axes: T frames, C channels, Z depth, S samples of a pixel, H height, W width.
"""

import logging
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from framecast.frames.errors import SourceError
from framecast.sources.images.file import MOST_PIXELS, ImageFacts, ImageFile, PictureKind, check_page
from framecast.sources.images.tiff_axes import StackChoice, stack_roles
from framecast.sources.images.tiff_facts import imagej_facts, imagej_says_time, ome_facts
from framecast.sources.images.tiff_reading import OpenTiffs, TiffStack, reading, tifffile

_ALPHA = (1, 2)
"""Extra samples of a pixel that are transparency."""


def tiff_files(path: Path, choice: StackChoice, memory: OpenTiffs) -> list[ImageFile]:
    """The recordings in a TIFF: one, or one for each image of an OME-TIFF. No pixel is decoded.

    Raises:
        SourceError: the file is damaged, or its axes cannot be frames.
        NotAvailableError: tifffile is not installed.
    """
    library = tifffile()
    with reading(path), _complaints() as complaints, library.TiffFile(path) as tiff:
        series = tiff.series
        # A description that is lost would make plain pages of what has depth and channels.
        lost = [complaint for complaint in complaints if "TiffTag" in complaint]
        if not series or lost:
            raise ValueError(lost[0] if lost else "it holds no picture")
        if series[0].kind == "ome":
            bits = int(series[0].dtype.itemsize) * 8
            facts = ome_facts(tiff.ome_metadata, path=str(path), bits=bits)
            facts = facts if len(facts) == len(series) else [ImageFacts()] * len(series)
        else:
            if series[0].kind in ("generic", "uniform") and len(series[0].pages) < len(tiff.pages):
                _check_alike(path, tiff)
            series = series[:1]  # what follows are thumbnails and maps of the slide
            facts = [_facts(tiff)]
        return [
            _image_file(
                path,
                tiff,
                place,
                facts=facts[place],
                choice=choice,
                memory=memory,
                label=str(place) if len(series) > 1 else "",
                damaged=bool(complaints),
            )
            for place in range(len(series))
        ]


def _image_file(
    path: Path,
    tiff: Any,
    place: int,
    *,
    facts: ImageFacts,
    choice: StackChoice,
    memory: OpenTiffs,
    label: str,
    damaged: bool,
) -> ImageFile:
    series = tiff.series[place]
    keyframe = series.keyframe
    axes, shape = str(series.axes), tuple(int(size) for size in series.shape)
    page_axes = str(keyframe.axes)
    if not axes.endswith(page_axes):
        raise SourceError(f"The image '{path}' has axes {axes}, stored by {page_axes}, which cannot be frames.")
    if choice.axes is not None:
        axes = _chosen_axes(choice.axes, axes, shape, path)
        page_axes = axes[len(axes) - len(page_axes) :]
    dtype: np.dtype[Any] = series.dtype
    sizes = dict(zip(axes, shape, strict=True))
    colour_table = keyframe.photometric == 3 and keyframe.colormap is not None and not tiff.is_imagej
    samples, dropped = _samples(keyframe, sizes.get("S", 1))
    roles = stack_roles(
        axes,
        shape,
        depth_is_depth=series.kind == "ome" or (tiff.is_imagej and imagej_says_time(_description(tiff))),
        names=facts.channel_names,
        choice=choice,
        path=str(path),
    )
    channels = len(roles.channels) * (3 if colour_table else samples)
    kind = PictureKind(channels, sizes["Y"], sizes["X"], "uint8" if colour_table else dtype.newbyteorder("=").name)
    if dtype.kind not in "biuf" or kind.height * kind.width > MOST_PIXELS:
        raise SourceError(f"The image '{path}' cannot be read: it claims {kind}, which are no frames.")
    in_one_piece = keyframe.is_memmappable and not series.is_multifile and dtype.kind != "b" and not colour_table
    stack = TiffStack(
        series=place,
        axes=axes,
        shape=shape,
        dtype=tiff.byteorder + dtype.newbyteorder("=").str[1:],
        offset=series.dataoffset if in_one_piece else None,
        page_axes=page_axes,
        time=roles.time,
        slices=roles.slices,
        merge=roles.merge,
        channels=roles.channels,
        samples=samples,
        inverted=keyframe.photometric == 0 and dtype.kind in "bu" and dtype.itemsize == 1,
        palette=colour_table,
        memory=memory,
    )
    promised = sizes.get(roles.time, 1)
    there = _frames_there(stack, series, promised, path)
    if there < promised:  # only what is there can be mapped into memory
        stack = replace(stack, shape=tuple(there if axis == roles.time else sizes[axis] for axis in axes))
    remarks = list(roles.remarks)
    if dropped:
        remarks.append("Transparency was dropped")
    if damaged:
        remarks.append("The file is damaged or cut off; what can be found of it is read")
    if there < promised:
        remarks.append(f"The file is cut off: {there} of {promised} frames are there")
    names = tuple(facts.channel_names[channel] for channel in roles.channels) if facts.channel_names else ()
    return ImageFile(
        path=path,
        num_frames=there,
        kind=kind,
        decoder=stack,
        facts=replace(facts, channel_names=names if len(names) == channels else ()),
        label=label,
        remarks=tuple(remarks),
        companions=_companions(series, path),
    )


def _chosen_axes(chosen: str, axes: str, shape: tuple[int, ...], path: Path) -> str:
    chosen = chosen.upper()
    if len(chosen) != len(axes) or chosen[-2:] != axes[-2:]:
        raise SourceError(
            f"source.axes={chosen} does not fit '{path}', which has {len(axes)} axes {axes} of {shape}; give a letter "
            f"for each, the last two as they are."
        )
    return chosen


def _samples(keyframe: Any, stored: int) -> tuple[int, bool]:
    """How many samples of a pixel are colours, and whether transparency was left out."""
    if keyframe.photometric == 5:
        raise SourceError("the picture is made for printing (CMYK); convert it to RGB")
    extra = sum(1 for sample in keyframe.extrasamples or () if int(sample) in _ALPHA)
    return max(1, stored - extra), 0 < extra < stored


def _frames_there(stack: TiffStack, series: Any, promised: int, path: Path) -> int:
    """How many frames a file really holds, from the front; a file that was cut off has lost its last ones."""
    size = path.stat().st_size
    leading = stack.axes[: len(stack.axes) - len(stack.page_axes)]
    if stack.offset is not None:
        whole = prod(stack.shape) * np.dtype(stack.dtype).itemsize
        share = max(0, size - stack.offset) / whole
        there = int(min(1.0, share) * promised + 1e-9)
    else:
        pages = list(series.pages)
        lost = next((index for index, page in enumerate(pages) if not _lies_within(page, path, size)), len(pages))
        there = promised * lost // max(1, prod(stack.shape[: len(leading)]))
    if there < promised and (there < 1 or not leading.startswith(stack.time or " ")):
        raise SourceError(f"The image '{path}' cannot be read; it is cut off.")
    return there


def _lies_within(page: Any, path: Path, size: int) -> bool:
    if page is None:
        return False
    if page.parent.filehandle.path != str(path) and Path(page.parent.filehandle.path) != path:
        return True
    return all(offset + count <= size for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False))


def _companions(series: Any, path: Path) -> tuple[Path, ...]:
    if not series.is_multifile:
        return ()
    found = {Path(page.parent.filehandle.path) for page in series.pages if page is not None}
    return tuple(sorted(found - {path}))


def _facts(tiff: Any) -> ImageFacts:
    description = _description(tiff)
    if not tiff.is_imagej:
        return ImageFacts()
    tags = tiff.pages[0].tags
    resolution: list[float] = []
    for tag in ("YResolution", "XResolution"):
        above, below = tags[tag].value if tag in tags else (0, 1)
        resolution.append(above / below if below else 0.0)
    return imagej_facts(description, (resolution[0], resolution[1]) if min(resolution) > 0 else None)


def _description(tiff: Any) -> str:
    return str(tiff.pages[0].description)


def _check_alike(path: Path, tiff: Any) -> None:
    """Raise SourceError where pages that mean nothing differ: they cannot be frames of one sequence."""
    first = _page_kind(tiff.pages[0])
    for number in range(1, len(tiff.pages)):
        page = tiff.pages[number]
        if not page.is_reduced:
            check_page(path, number, _page_kind(page), first)


def _page_kind(page: Any) -> PictureKind:
    return PictureKind(int(page.samplesperpixel), int(page.imagelength), int(page.imagewidth), str(page.dtype))


@contextmanager
def _complaints() -> Generator[list[str]]:
    """What tifffile writes to its log of a damaged file while it goes on with what is left."""
    found: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: found.append(record.getMessage())
    logger = logging.getLogger("tifffile")
    logger.addHandler(handler)
    try:
        yield found
    finally:
        logger.removeHandler(handler)
