"""Axes of a TIFF stack: which one is time, and how depth and channels become frames.

Letters are those of tifffile: T time, Z depth, C channels, S samples of one pixel (RGB), Y rows, X columns; Q and I say
that several pages follow one another and nobody knows as what.

* T is time. Without it Q or I is; and so is Z, unless the file is OME-TIFF, in which Z means depth: programs that
  know nothing of time write series of images as slices.
* Z is merged into one plane (by its maximum, as microscopists do), or one slice of it is chosen.
* C becomes channels, or one channel is chosen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, final

from framecast.frames.errors import SourceError

Merge = Literal["max", "mean"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class StackChoice:
    """What a user chose of a stack."""

    axes: str | None = None
    z: Merge | int | None = None
    channel: int | str | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class StackRoles:
    """What is read of a stack."""

    time: str
    """The letter of the axis that is time; empty when the stack is one frame."""

    slices: tuple[int, ...]
    """Of Z; (0,) when there is none."""

    merge: Merge
    """How several slices become one plane."""

    channels: tuple[int, ...]
    """Of C; (0,) when there is none."""

    remarks: tuple[str, ...]


def stack_roles(
    axes: str, shape: tuple[int, ...], *, depth_is_depth: bool, names: Sequence[str], choice: StackChoice, path: str
) -> StackRoles:
    """Decide what the axes of a stack are.

    Args:
        axes: a letter for each axis.
        shape: its lengths.
        depth_is_depth: whether Z is depth for certain.
        names: of the channels, where known.
        choice: what the user set.
        path: of the file, for errors.

    Raises:
        SourceError: the axes cannot be frames, or the user chose what is not there.
    """
    sizes = dict(zip(axes, shape, strict=True))
    others = [axis for axis in axes if axis not in "TZCSYX" and sizes[axis] > 1]
    if len(sizes) < len(axes) or not {"Y", "X"} <= set(axes) or len(others) > 1 or (others and sizes.get("T", 1) > 1):
        raise SourceError(
            f"The axes of '{path}' are {axes} of {shape}, and which of them is time is not clear; say what they are "
            "with source.axes: a letter each of T (time), Z, C, S (samples of a pixel), Y, X."
        )
    if others and others[0] not in "QI":
        raise SourceError(
            f"The axes of '{path}' are {axes} of {shape}; {others[0]} is none of time, depth and channels. If it is "
            f"time, set source.axes={axes.replace(others[0], 'T')}."
        )
    depth = sizes.get("Z", 1)
    time = "T" if "T" in sizes else others[0] if others else ""
    remarks: list[str] = []
    if not time and depth > 1 and choice.z is None and not depth_is_depth:
        time, depth = "Z", 1
        remarks.append(
            "Slices (Z) were taken as time, because there is no other; set source.z to make one frame of them"
        )
    elif depth > 1 and choice.z is None:
        remarks.append(
            f"The {depth} slices (Z) of each frame were merged by their maximum; set source.z=mean, or the number of "
            "a slice (from 0), to change it"
        )
    if isinstance(choice.z, int) and not 0 <= choice.z < depth:
        raise SourceError(f"source.z={choice.z} does not fit '{path}': it has {depth} slices, counted from 0.")
    return StackRoles(
        time=time,
        slices=(choice.z,) if isinstance(choice.z, int) else tuple(range(depth)),
        merge=choice.z if isinstance(choice.z, str) else "max",
        channels=_channels(sizes.get("C", 1), names, choice.channel, path),
        remarks=tuple(remarks),
    )


def _channels(count: int, names: Sequence[str], chosen: int | str | None, path: str) -> tuple[int, ...]:
    if chosen is None:
        return tuple(range(count))
    if isinstance(chosen, str) and chosen in names:
        return (list(names).index(chosen),)
    if isinstance(chosen, int) and 0 <= chosen < count:
        return (chosen,)
    named = f", named {', '.join(names)}" if names else ""
    raise SourceError(
        f"source.channel={chosen} does not fit '{path}': it has {count} channels{named}; give a number from 0 to "
        f"{count - 1}{', or a name' if names else ''}."
    )
