"""Files from the network: checked against a published checksum, resumed after a cut, kept in the user's cache.

Two environment variables steer it: ``FRAMECAST_CACHE`` names the cache folder, and ``FRAMECAST_OFFLINE=1`` forbids
every request. A file appears under its name only when it is complete and its checksum agrees; until then it grows as
``NAME.part`` beside it, which the next attempt continues.
"""

import hashlib
import logging
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import cast, final
from urllib.request import Request, urlopen

from framecast.frames.errors import NotAvailableError
from framecast.frames.paths import user_path

_ATTEMPTS = 5
_CHUNK_BYTES = 1 << 18
_TIMEOUT_SECONDS = 30.0

_logger = logging.getLogger(__name__)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """A published file."""

    name: str
    """Name in the cache."""

    urls: tuple[str, ...]
    """Where it lies: mirrors, tried in this order."""

    num_bytes: int
    """Its length."""

    checksum: str
    """Algorithm and hexadecimal digest, ``"md5:…"`` or ``"sha256:…"``."""


def is_offline() -> bool:
    """Whether ``FRAMECAST_OFFLINE`` forbids network requests (anything but empty, 0, false, no or off)."""
    return os.environ.get("FRAMECAST_OFFLINE", "").strip().lower() not in {"", "0", "false", "no", "off"}


def cache_folder() -> Path:
    """The folder for downloaded files: ``FRAMECAST_CACHE``, or framecast's place in the platform's user cache."""
    if chosen := os.environ.get("FRAMECAST_CACHE"):
        return user_path(chosen)
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "framecast" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "framecast"
    xdg = os.environ.get("XDG_CACHE_HOME")
    return (Path(xdg) if xdg else Path.home() / ".cache") / "framecast"


def fetch(*files: RemoteFile, folder: Path | None = None, check_again: bool = True) -> tuple[Path, ...]:
    """Return the paths of published files, downloading those that are not there yet.

    Args:
        files: what to fetch.
        folder: where they are kept; None is the cache folder.
        check_again: compare the checksum of files that are already there. A download is always compared; for a large
            file of an earlier one, its length may do.

    Returns:
        One path per file, each with the published checksum.

    Raises:
        NotAvailableError: a file is missing and the network is switched off or no mirror gave it; or a file of that
            name is there but is another one. Says which files, how large, from where, and where to put them.
    """
    folder = cache_folder() if folder is None else folder
    missing = [file for file in files if not (folder / file.name).exists()]
    if missing and is_offline():
        listed = "; ".join(f"{file.name} ({_megabytes(file)}, {file.urls[0]})" for file in missing)
        raise NotAvailableError(
            f"The network is switched off by FRAMECAST_OFFLINE, and missing in '{folder}' are: {listed}. "
            "Put them there, or unset FRAMECAST_OFFLINE to have them downloaded."
        )
    for file in missing:
        with _alone(folder, file):
            _download(folder, file)
    for file in files:
        if check_again or _length(folder / file.name) != file.num_bytes:
            _check(folder / file.name, file)
    return tuple(folder / file.name for file in files)


def _download(folder: Path, file: RemoteFile) -> None:
    target, part = folder / file.name, folder / f"{file.name}.part"
    failures: list[str] = []
    for url in file.urls:
        for _ in range(_ATTEMPTS):
            if target.exists():  # another process has fetched it while this one waited
                return
            _logger.info("downloading %s (%s) from %s", file.name, _megabytes(file), url)
            before = _length(part)
            try:
                _receive(url, part, file.num_bytes)
            except (OSError, HTTPException) as error:
                failures.append(f"{url}: {error or type(error).__name__}")
                if _length(part) <= before:
                    break
                continue
            found = _digest(part, file)
            if found == file.checksum:
                part.replace(target)
                return
            part.unlink()
            failures.append(f"{url}: discarded, its checksum is {found}, published is {file.checksum}")
            if not before:
                break  # what an earlier attempt had left is not to blame, so this mirror holds another file
    kept = "What has arrived is kept and will be continued. " if _length(part) else ""
    raise NotAvailableError(
        f"Could not download {file.name} ({_megabytes(file)}): {'; '.join(failures)}. {kept}"
        f"Try again, or put the file into '{folder}' yourself."
    )


def _receive(url: str, part: Path, num_bytes: int) -> None:
    """Continue ``part`` from ``url`` until it has ``num_bytes``."""
    have = _length(part)
    if have >= num_bytes:
        return
    headers = {"User-Agent": "framecast", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    with cast(HTTPResponse, urlopen(Request(url, headers=headers), timeout=_TIMEOUT_SECONDS)) as response:
        # A server that knows no ranges answers 200 and starts over, and so does the file.
        resumed = response.status == 206 and str(response.headers["Content-Range"]).startswith(f"bytes {have}-")
        with part.open("ab" if resumed else "wb") as out:
            while chunk := response.read(_CHUNK_BYTES):
                out.write(chunk)
                if out.tell() > num_bytes:
                    break
    if (have := _length(part)) < num_bytes:
        raise OSError(f"the connection closed after {have} of {num_bytes} bytes")


def _check(path: Path, file: RemoteFile) -> None:
    found = _digest(path, file)
    if found != file.checksum:
        raise NotAvailableError(
            f"'{path}' is not the published file: its checksum is {found}, published is {file.checksum}. "
            "Delete it to have it downloaded again, or put the right one in its place."
        )


def _digest(path: Path, file: RemoteFile) -> str:
    return checksum_of(path, file.checksum.partition(":")[0])


def checksum_of(path: Path, algorithm: str) -> str:
    """Algorithm and hexadecimal digest of a file, as in :attr:`RemoteFile.checksum`."""
    with path.open("rb") as opened:
        found = hashlib.file_digest(opened, lambda: hashlib.new(algorithm, usedforsecurity=False))
    return f"{algorithm}:{found.hexdigest()}"


@contextmanager
def _alone(folder: Path, file: RemoteFile) -> Generator[None]:
    """Wait until no other process downloads this file; the lock falls with the process that holds it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / f".{file.name}.lock").open("w")
    except OSError as error:
        raise NotAvailableError(
            f"{file.name} cannot be kept in '{folder}': {error}. Set FRAMECAST_CACHE to a folder that can be written."
        ) from error
    with lock:
        if sys.platform != "win32":
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _megabytes(file: RemoteFile) -> str:
    return f"{file.num_bytes / 1e6:.1f} MB"
