"""``moving-mnist``: two bouncing MNIST digits on 64 x 64 pixels, by the published protocol (see ``trajectories``).

Only the two image files are read (http://yann.lecun.com/exdb/mnist; Y. LeCun, C. Cortes; CC BY-SA 3.0). Test
sequences use the test digits. The published generator trains on all training digits and validates on the test set;
here the last twelfth of the training digits (5,000 of 60,000) is kept for validation alone, so that a checkpoint
can be chosen without looking at test data.

Files of the same format and names (KMNIST, a collection of one's own) work through ``folder``. ``moving-fashion-mnist``
is the same with another collection, and ``moving-mnist-file`` the test set that was published as frames.
"""

from dataclasses import dataclass
from typing import ClassVar, Self, final

from framecast.frames.download import RemoteFile
from framecast.sources.digits.bouncing import BouncingConfig, BouncingSource, bouncing_sequences
from framecast.sources.digits.image_bank import image_bank

_MIRRORS = ("https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist")

_TERMS = "MNIST: Y. LeCun and C. Cortes, CC BY-SA 3.0"

TRAIN_IMAGES = RemoteFile(
    name="train-images-idx3-ubyte.gz",
    urls=tuple(f"{mirror}/train-images-idx3-ubyte.gz" for mirror in _MIRRORS),
    num_bytes=9_912_422,
    checksum="md5:f68b3c2dcbeaaa9fbdd348bbdeb94873",
)
TEST_IMAGES = RemoteFile(
    name="t10k-images-idx3-ubyte.gz",
    urls=tuple(f"{mirror}/t10k-images-idx3-ubyte.gz" for mirror in _MIRRORS),
    num_bytes=1_648_877,
    checksum="md5:9fb629c4189551a2d022fa330f9573f3",
)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class MovingMnistConfig(BouncingConfig):
    """Bouncing MNIST digits. The published test set has 10,000 sequences; the default is a tenth of that."""

    folder: str | None = None
    """Folder with the IDX image files, compressed or not. None: the user's cache, downloaded when absent."""


@final
@dataclass(frozen=True, kw_only=True)
class MovingMnistSource(BouncingSource):
    """Bouncing MNIST digits: test digits in the test split, held-out training digits in validation."""

    config_class: ClassVar[type[MovingMnistConfig]] = MovingMnistConfig

    @classmethod
    def open(cls, location: str, config: MovingMnistConfig) -> Self:
        """Find or download the digits and list the sequences; images are read with the first frame.

        Args:
            location: what the user typed, kept for messages.
            config: where the digits are and how they move.

        Raises:
            NotAvailableError: there are no digits in the cache and they cannot be downloaded.
            SourceError: the folder lacks the files, or they are not sets of images.
            ConfigurationError: the canvas is smaller than a digit.
        """
        bank = image_bank(
            config.folder, train=TRAIN_IMAGES, test=TEST_IMAGES, cache="mnist", what="MNIST", terms=_TERMS
        )
        sequences = bouncing_sequences(bank.fitting(config.canvas), config)
        return cls(kind="moving-mnist", location=location, sequences=sequences, config=config)
