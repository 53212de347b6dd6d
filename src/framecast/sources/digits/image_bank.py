"""Small images that bounce, from two IDX files in the form of MNIST: training images, and test images.

Both files are found in a folder under the names that MNIST gave them, or downloaded once into the user's cache.

Axes: N images, H height, W width.
"""

from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from framecast.frames.download import RemoteFile, cache_folder, fetch
from framecast.frames.errors import ConfigurationError, NotAvailableError, SourceError
from framecast.frames.paths import user_path
from framecast.frames.sequence import Split
from framecast.sources.digits.bouncing import DigitBank
from framecast.sources.digits.idx import IdxHeader, read_idx, read_idx_header

_HELD_OUT = 12
"""One in this many training images is kept for validation."""


@final
class ImageBank(DigitBank):
    """Images from two IDX files."""

    def __init__(self, train: Path, test: Path) -> None:
        """Check the headers of both files; images are read when first asked for.

        Raises:
            SourceError: a file is not a set of square uint8 images, or both differ in size.
        """
        super().__init__()
        self.train = train
        self.test = test
        self.size = _side(train, read_idx_header(train), least=2)
        if self.size != (other := _side(test, read_idx_header(test), least=1)):
            raise SourceError(
                f"'{train}' holds images of {self.size} pixels a side and '{test}' of {other}; they must be the same."
            )

    def fitting(self, canvas: int) -> "ImageBank":
        """This bank, once it is certain that its images fit the frames.

        Raises:
            ConfigurationError: they do not.
        """
        if canvas < self.size:
            raise ConfigurationError(
                f"A canvas of {canvas} pixels cannot hold digits of {self.size}; set 'canvas' to {self.size} or more."
            )
        return self

    def _load(self, split: Split) -> NDArray[np.uint8]:
        if split == "test":
            return read_idx(self.test)
        images: NDArray[Any] = read_idx(self.train)
        border = len(images) - max(1, len(images) // _HELD_OUT)
        # A copy of the few, because a view would keep all training images in memory for them.
        return images[:border] if split == "train" else images[border:].copy()


def image_bank(
    folder: str | None, *, train: RemoteFile, test: RemoteFile, cache: str, what: str, terms: str
) -> ImageBank:
    """Find or download the two files.

    Args:
        folder: where the user keeps them, compressed or not; None is the cache, to which they are downloaded.
        train: the published training images.
        test: the published test images.
        cache: the folder in the cache.
        what: the name of the collection, for messages.
        terms: whose it is, and its licence.

    Raises:
        NotAvailableError: there are none in the cache and they cannot be downloaded.
        SourceError: the folder lacks the files, or they are not sets of images.
    """
    if folder is not None:
        place, how_to_get = user_path(folder), _how_to_get(train, test, terms)
        if not place.is_dir():
            raise SourceError(f"There is no folder '{place}' to read {what} from. {how_to_get}")
        return ImageBank(*(_named(place, stem, what, how_to_get) for stem in ("train-images", "t10k-images")))
    try:
        return ImageBank(*fetch(train, test, folder=cache_folder() / cache))
    except NotAvailableError as error:
        raise NotAvailableError(f"{error} Or set 'folder' to a folder that holds them. ({terms})") from None


def _how_to_get(train: RemoteFile, test: RemoteFile, terms: str) -> str:
    files = " and ".join(f"{file.name} ({file.num_bytes / 1e6:.1f} MB, {file.urls[0]})" for file in (train, test))
    return f"Needed are {files}; without 'folder' they are downloaded. ({terms})"


def _named(folder: Path, stem: str, what: str, how_to_get: str) -> Path:
    names = [f"{stem}{joint}idx3-ubyte{ending}" for joint in "-." for ending in (".gz", "")]
    for name in names:
        if (folder / name).is_file():
            return folder / name
    found = ", ".join(sorted(path.name for path in folder.iterdir())[:10]) or "nothing"
    raise SourceError(
        f"'{folder}' holds no images of {what}: looked for {' or '.join(names)}, found {found}. {how_to_get}"
    )


def _side(path: Path, header: IdxHeader, *, least: int) -> int:
    if header.dtype != np.uint8 or len(header.shape) != 3 or header.shape[1] != header.shape[2]:
        raise SourceError(
            f"'{path}' must hold square uint8 images (count, height, width), found {header.dtype} of {header.shape}."
        )
    if header.shape[0] < least or header.shape[1] < 1:
        raise SourceError(f"'{path}' must hold at least {least} images, found {header.shape}.")
    return header.shape[1]
