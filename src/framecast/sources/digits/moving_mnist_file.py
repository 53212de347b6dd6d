"""``moving-mnist-file``: the 10,000 Moving MNIST sequences that were published as frames.

The file ``mnist_test_seq.npy`` (Srivastava, Mansimov and Salakhutdinov 2015) holds 20 frames of 64 x 64 pixels a
sequence, frames first: (20, 10000, 64, 64) uint8. It was published as a test set, and published scores are those of all
its sequences; it is memory-mapped, never loaded as a whole.

Axes: T frames, N sequences, C channels (one), H height, W width.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, final

import numpy as np
from numpy.typing import NDArray

from framecast.frames.download import RemoteFile, cache_folder, fetch
from framecast.frames.errors import NotAvailableError, SourceError
from framecast.frames.paths import user_path
from framecast.frames.sequence import Sequence, SequenceInfo
from framecast.frames.source import Source

TEST_SEQUENCES = RemoteFile(
    name="mnist_test_seq.npy",
    urls=(
        "http://www.cs.toronto.edu/~nitish/unsupervised_video/mnist_test_seq.npy",
        "https://www.cs.toronto.edu/~nitish/unsupervised_video/mnist_test_seq.npy",
    ),
    num_bytes=819_200_096,
    checksum="md5:be083ec986bfe91a449d63653c411eb2",
)

_FRAMES, _SIDE = 20, 64


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class MovingMnistFileConfig:
    """Where the published sequences are, and what they are for."""

    file: str | None = None
    """A copy of ``mnist_test_seq.npy``. None: the user's cache, downloaded when absent (819 MB)."""

    role: Literal["test", "divide"] = "test"
    """``test``: all sequences are for testing, as they were published. ``divide``: ``clips.split`` divides them into
    training, validation and test; scores are not comparable with published ones then."""


@final
class PublishedSequence(Sequence):
    """One sequence of the file."""

    def __init__(self, info: SequenceInfo, index: int) -> None:
        self.info = info
        self._index = index

    def _read(self, start: int, stop: int) -> NDArray[np.uint8]:
        return np.array(_mapped(Path(str(self.info.path)))[start:stop, self._index, None])


@final
@dataclass(frozen=True, kw_only=True)
class MovingMnistFileSource(Source):
    """The published sequences."""

    config_class: ClassVar[type[MovingMnistFileConfig]] = MovingMnistFileConfig

    @classmethod
    def open(cls, location: str, config: MovingMnistFileConfig) -> Self:
        """Find or download the file and list its sequences; the header alone is read.

        Args:
            location: what the user typed, kept for messages.
            config: where the file is.

        Raises:
            NotAvailableError: the file is not in the cache and cannot be downloaded.
            SourceError: the file is not there, damaged, or of another shape.
        """
        path = _cached() if config.file is None else user_path(config.file).absolute()
        if not path.is_file():
            raise SourceError(
                f"There is no file '{config.file}'; source.file must be a copy of {TEST_SEQUENCES.name} "
                f"({TEST_SEQUENCES.num_bytes / 1e6:.0f} MB, {TEST_SEQUENCES.urls[0]}). Leave it out to have it "
                "downloaded."
            )
        count = _mapped(path).shape[1]
        sequences = tuple(
            PublishedSequence(
                SequenceInfo(
                    name=f"{path.stem}[{index:04d}]",
                    num_frames=_FRAMES,
                    channels=1,
                    height=_SIDE,
                    width=_SIDE,
                    dtype="uint8",
                    value_range=(0.0, 255.0),
                    split="test" if config.role == "test" else None,
                    path=str(path),
                ),
                index,
            )
            for index in range(count)
        )
        note = "All sequences are for testing, as they were published; set source.role=divide to train on some of them."
        return cls(
            kind="moving-mnist-file",
            location=location,
            sequences=sequences,
            notes=(note,) if config.role == "test" else (),
        )


def _cached() -> Path:
    try:
        (path,) = fetch(TEST_SEQUENCES, folder=cache_folder() / "moving-mnist", check_again=False)
    except NotAvailableError as error:
        raise NotAvailableError(f"{error} Or set source.file to a copy of it.") from None
    return path


def _mapped(path: Path) -> NDArray[np.uint8]:
    try:
        frames: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise SourceError(f"'{path}' is cut off, damaged, or no .npy file ({error}).") from error
    shape = frames.shape
    if (
        frames.dtype != np.uint8
        or len(shape) != 4
        or shape[0] != _FRAMES
        or shape[2:] != (_SIDE, _SIDE)
        or not shape[1]
    ):
        raise SourceError(
            f"'{path}' holds {frames.dtype} of shape {shape}; {TEST_SEQUENCES.name} holds uint8 of shape "
            f"({_FRAMES}, N, {_SIDE}, {_SIDE}), frames first. Give the path of any other array as the source itself."
        )
    return frames
