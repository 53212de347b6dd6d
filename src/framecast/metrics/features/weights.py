"""Published weight files: what they are, where they are looked for, and how they are fetched on request.

Nothing here is downloaded unasked: whoever needs a file that is not there says which command fetches it. They are
looked for in this order: a path that the caller names, the folder ``FRAMECAST_WEIGHTS``, framecast's cache, the cache
of torch hub, and, for the small files of LPIPS, installed packages that carry them.

Lengths and checksums are those of the published files. PyTorch puts the first eight digits of the SHA-256 into
the name of a file.
"""

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import final

from framecast.frames.download import RemoteFile, cache_folder, checksum_of, fetch
from framecast.frames.errors import NotAvailableError
from framecast.frames.paths import user_path

FOLDER_VARIABLE = "FRAMECAST_WEIGHTS"
"""The environment variable that names a folder of weight files."""

_PYTORCH = "https://download.pytorch.org/models"
_LPIPS = "https://raw.githubusercontent.com/richzhang/PerceptualSimilarity"
_LPIPS_COMMIT = "082bb24f84c091ea94de2867d34c4544f68e0963"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class WeightFile:
    """The weights of one network."""

    name: str
    """What ``framecast weights`` calls it."""

    remote: RemoteFile
    """The published file; its name is the one under which it is looked for."""

    needed_for: str
    """What looks through the network."""

    packages: tuple[tuple[str, str], ...] = ()
    """Packages that carry the same file, and where in them."""

    safetensors: bool = True
    """Whether a file of the same name that ends in ``.safetensors`` does as well."""

    def folders(self) -> list[Path]:
        """Where it is looked for, the first place first."""
        import torch

        chosen = os.environ.get(FOLDER_VARIABLE)
        places = [user_path(chosen)] if chosen else []
        return [*places, weights_cache(), Path(torch.hub.get_dir()) / "checkpoints"]

    def find(self) -> Path | None:
        """Where it is; None if nowhere."""
        names = [self.remote.name]
        if self.safetensors:
            names.append(Path(self.remote.name).with_suffix(".safetensors").name)
        for folder in self.folders():
            for name in names:
                if (folder / name).is_file():
                    return folder / name
        for package, place in self.packages:
            if (path := _inside(package, place)) is not None:
                return path
        return None

    def require(self, path: str | None = None) -> Path:
        """Where it is.

        Args:
            path: a file that the user named; it is taken instead of looking for one.

        Raises:
            NotAvailableError: it is not there; says how to get it.
        """
        if path is not None:
            named = user_path(path)
            if not named.is_file():
                raise NotAvailableError(
                    f"There is no file '{path}' with the weights '{self.name}'; {how_to_get(self)}."
                )
            return named
        found = self.find()
        if found is None:
            raise NotAvailableError(f"Needed are {lacking(self)}.")
        return found

    @property
    def size(self) -> str:
        """The length of the published file, for people."""
        kilobytes = self.remote.num_bytes / 1e3
        return f"{kilobytes:.1f} kB" if kilobytes < 100 else f"{kilobytes / 1e3:.1f} MB"

    def is_published(self, path: Path) -> bool:
        """Whether a file is the published one, byte for byte."""
        if path.stat().st_size != self.remote.num_bytes:
            return False
        return checksum_of(path, self.remote.checksum.partition(":")[0]) == self.remote.checksum

    def fetch(self) -> Path:
        """Download it into framecast's cache, unless it is there; its checksum is compared either way.

        Raises:
            NotAvailableError: it could not be downloaded, or the file that is there is another one.
        """
        return fetch(self.remote, folder=weights_cache())[0]


def weights_cache() -> Path:
    """The folder into which weights are fetched."""
    return cache_folder() / "weights"


def lacking(*files: WeightFile) -> str | None:
    """Which of these files are nowhere and how to get them, to stand after "needs"; None where all are there."""
    missing = [file for file in files if file.find() is None]
    if not missing:
        return None
    which = " and ".join(f"'{file.name}' ({file.remote.name}, {file.size})" for file in missing)
    return f"the weights {which}, which are not here; {how_to_get(*missing)}"


def how_to_get(*files: WeightFile) -> str:
    """Commands, or a folder."""
    commands = " and ".join(f"'framecast weights {file.name} --fetch'" for file in files)
    return f"{commands} will download them, or put them into a folder and name that in {FOLDER_VARIABLE}"


def _inside(package: str, place: str) -> Path | None:
    """A file of an installed package, which is not imported for it."""
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (path := Path(folder) / place).is_file():
            return path
    return None


VGG16 = WeightFile(
    name="vgg16",
    remote=RemoteFile(
        name="vgg16-397923af.pth",
        urls=(f"{_PYTORCH}/vgg16-397923af.pth",),
        num_bytes=553_433_881,
        checksum="sha256:397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
    ),
    needed_for="the losses 'perceptual' and 'lpips', LPIPS with VGG16, the presets r2 and r2-peephole",
)
ALEXNET = WeightFile(
    name="alexnet",
    remote=RemoteFile(
        name="alexnet-owt-7be5be79.pth",
        urls=(f"{_PYTORCH}/alexnet-owt-7be5be79.pth",),
        num_bytes=244_408_911,
        checksum="sha256:7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
    ),
    needed_for="the metric 'lpips' as most papers give it",
)
LPIPS_VGG = WeightFile(
    name="lpips-vgg",
    remote=RemoteFile(
        name="lpips_vgg.pth",
        urls=tuple(f"{_LPIPS}/{commit}/lpips/weights/v0.1/vgg.pth" for commit in (_LPIPS_COMMIT, "master")),
        num_bytes=7_289,
        checksum="sha256:a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
    ),
    needed_for="the loss 'lpips', LPIPS with VGG16",
    packages=(("torchmetrics", "functional/image/lpips_models/vgg.pth"), ("lpips", "weights/v0.1/vgg.pth")),
)
LPIPS_ALEX = WeightFile(
    name="lpips-alex",
    remote=RemoteFile(
        name="lpips_alex.pth",
        urls=tuple(f"{_LPIPS}/{commit}/lpips/weights/v0.1/alex.pth" for commit in (_LPIPS_COMMIT, "master")),
        num_bytes=6_009,
        checksum="sha256:df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
    ),
    needed_for="the metric 'lpips' as most papers give it",
    packages=(("torchmetrics", "functional/image/lpips_models/alex.pth"), ("lpips", "weights/v0.1/alex.pth")),
)
I3D = WeightFile(
    name="i3d",
    remote=RemoteFile(
        name="i3d_torchscript.pt",
        urls=(
            "https://www.dropbox.com/s/ge9e5ujwgetktms/i3d_torchscript.pt?dl=1",
            "https://huggingface.co/flateon/FVD-I3D-torchscript/resolve/1c2d61711c52571ad617a1063e6fa691b212e184/"
            "i3d_torchscript.pt",
        ),
        num_bytes=51_235_320,
        checksum="sha256:bec6519f66ea534e953026b4ae2c65553c17bf105611c746d904657e5860a5e2",
    ),
    needed_for="the metric 'fvd'",
    safetensors=False,
)

WEIGHTS = {file.name: file for file in (VGG16, ALEXNET, LPIPS_VGG, LPIPS_ALEX, I3D)}
"""All of them by name."""
