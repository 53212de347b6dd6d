"""``moving-fashion-mnist``: two bouncing pieces of clothing, by the protocol of Moving MNIST.

The images are those of Fashion-MNIST (Xiao, Rasul and Vollgraf 2017, arXiv:1708.07747; Zalando, MIT licence), divided
as ``moving-mnist`` divides its digits. They cover more of their square than digits do, and have inner texture, so that
the same motion is harder to forecast.
"""

from dataclasses import dataclass
from typing import ClassVar, Self, final

from framecast.frames.download import RemoteFile
from framecast.sources.digits.bouncing import BouncingConfig, BouncingSource, bouncing_sequences
from framecast.sources.digits.image_bank import image_bank

_MIRRORS = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
)

_TERMS = "Fashion-MNIST: Zalando, MIT licence; cite Xiao, Rasul and Vollgraf, arXiv:1708.07747"

TRAIN_IMAGES = RemoteFile(
    name="train-images-idx3-ubyte.gz",
    urls=tuple(f"{mirror}/train-images-idx3-ubyte.gz" for mirror in _MIRRORS),
    num_bytes=26_421_880,
    checksum="md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
)
TEST_IMAGES = RemoteFile(
    name="t10k-images-idx3-ubyte.gz",
    urls=tuple(f"{mirror}/t10k-images-idx3-ubyte.gz" for mirror in _MIRRORS),
    num_bytes=4_422_102,
    checksum="md5:bef4ecab320f06d8554ea6380940ec79",
)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class MovingFashionMnistConfig(BouncingConfig):
    """Bouncing pieces of clothing."""

    folder: str | None = None
    """Folder with the IDX image files of Fashion-MNIST, compressed or not. None: the user's cache, downloaded when
    absent (30.8 MB)."""


@final
@dataclass(frozen=True, kw_only=True)
class MovingFashionMnistSource(BouncingSource):
    """Bouncing clothing: test images in the test split, held-out training images in validation."""

    config_class: ClassVar[type[MovingFashionMnistConfig]] = MovingFashionMnistConfig

    @classmethod
    def open(cls, location: str, config: MovingFashionMnistConfig) -> Self:
        """Find or download the images and list the sequences; images are read with the first frame.

        Args:
            location: what the user typed, kept for messages.
            config: where the images are and how they move.

        Raises:
            NotAvailableError: there are no images in the cache and they cannot be downloaded.
            SourceError: the folder lacks the files, or they are not sets of images.
            ConfigurationError: the canvas is smaller than an image.
        """
        bank = image_bank(
            config.folder,
            train=TRAIN_IMAGES,
            test=TEST_IMAGES,
            cache="fashion-mnist",
            what="Fashion-MNIST",
            terms=_TERMS,
        )
        sequences = bouncing_sequences(bank.fitting(config.canvas), config)
        return cls(kind="moving-fashion-mnist", location=location, sequences=sequences, config=config)
