"""Downloads against a server on this computer that cuts, lies and ignores ranges as told."""

import hashlib
import io
import re
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from framecast.frames.download import RemoteFile, cache_folder, fetch, is_offline
from framecast.frames.errors import NotAvailableError
from framecast.sources.digits import moving_fashion_mnist, moving_mnist, moving_mnist_file
from framecast.sources.digits.moving_mnist import MovingMnistConfig, MovingMnistSource
from framecast.sources.open import open_source

CONTENT = np.random.default_rng(0).bytes(600_000)


class Handler(BaseHTTPRequestHandler):
    """Serves ``server.files``; every answer is noted in ``server.log`` as (path, first byte, status)."""

    def do_GET(self):
        server = self.server
        content = server.files.get(self.path)
        if content is None:
            server.log.append((self.path, 0, 404))
            self.send_error(404)
            return
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked and server.knows_ranges else 0
        status = 206 if start else 200
        server.log.append((self.path, start, status))
        self.send_response(status)
        self.send_header("Content-Length", str(len(content) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        stop = len(content)
        if server.cuts:
            stop = min(stop, start + server.cuts.pop(0))
        self.wfile.write(content[start:stop])

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("FRAMECAST_OFFLINE", raising=False)
    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.files = {"/good/data.bin": CONTENT}
    running.log = []
    running.cuts = []
    running.knows_ranges = True
    running.address = f"http://127.0.0.1:{running.server_port}"
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join()


def remote(server, *folders, algorithm="sha256", content=CONTENT):
    return RemoteFile(
        name="data.bin",
        urls=tuple(f"{server.address}/{folder}/data.bin" for folder in folders or ("good",)),
        num_bytes=len(content),
        checksum=f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}",
    )


def visible(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_a_file_is_downloaded_once(server, tmp_path, algorithm):
    file = remote(server, algorithm=algorithm)
    for _ in range(2):
        (path,) = fetch(file, folder=tmp_path / "new" / "folder")
        assert path.read_bytes() == CONTENT
    assert len(server.log) == 1
    assert visible(tmp_path / "new" / "folder") == ["data.bin"]


def test_the_cache_folder_is_the_default(server, tmp_path, monkeypatch):
    monkeypatch.setenv("FRAMECAST_CACHE", str(tmp_path / "cache"))
    assert fetch(remote(server)) == (tmp_path / "cache" / "data.bin",)


def test_a_cut_connection_is_resumed(server, tmp_path):
    server.cuts = [100_000, 200_000]
    (path,) = fetch(remote(server), folder=tmp_path)
    assert path.read_bytes() == CONTENT
    assert [start for _, start, _ in server.log] == [0, 100_000, 300_000]
    assert visible(tmp_path) == ["data.bin"]


def test_a_later_call_resumes_what_an_earlier_one_left(server, tmp_path):
    (tmp_path / "data.bin.part").write_bytes(CONTENT[:250_000])
    (path,) = fetch(remote(server), folder=tmp_path)
    assert path.read_bytes() == CONTENT
    assert server.log == [("/good/data.bin", 250_000, 206)]


def test_what_has_arrived_is_kept_for_the_next_attempt(server, tmp_path):
    server.cuts = [70_000, 0]
    with pytest.raises(NotAvailableError, match=r"closed after 70000 of 600000 bytes.*will be continued"):
        fetch(remote(server), folder=tmp_path)
    assert (tmp_path / "data.bin.part").read_bytes() == CONTENT[:70_000]
    fetch(remote(server), folder=tmp_path)
    assert server.log[-1] == ("/good/data.bin", 70_000, 206)


def test_a_server_without_ranges_starts_over(server, tmp_path):
    server.knows_ranges = False
    server.cuts = [100_000]
    (path,) = fetch(remote(server), folder=tmp_path)
    assert path.read_bytes() == CONTENT
    assert [status for _, _, status in server.log] == [200, 200]


def test_a_wrong_file_is_discarded(server, tmp_path):
    server.files["/good/data.bin"] = CONTENT[::-1]
    with pytest.raises(NotAvailableError, match=r"discarded, its checksum is sha256:\w+, published is sha256:"):
        fetch(remote(server), folder=tmp_path)
    assert visible(tmp_path) == []
    assert len(server.log) == 1


@pytest.mark.parametrize("content", [CONTENT + b"more", CONTENT[:-1]])
def test_a_file_of_another_length_never_passes(server, tmp_path, content):
    server.files["/good/data.bin"] = content
    with pytest.raises(NotAvailableError):
        fetch(remote(server), folder=tmp_path)
    assert "data.bin" not in visible(tmp_path)


def test_a_spoilt_beginning_is_thrown_away_and_fetched_anew(server, tmp_path):
    (tmp_path / "data.bin.part").write_bytes(b"x" * 1000)
    (path,) = fetch(remote(server), folder=tmp_path)
    assert path.read_bytes() == CONTENT
    assert [start for _, start, _ in server.log] == [1000, 0]


def test_the_next_mirror_takes_over(server, tmp_path):
    server.files["/other/data.bin"] = CONTENT[::-1]
    (path,) = fetch(remote(server, "missing", "other", "good"), folder=tmp_path)
    assert path.read_bytes() == CONTENT
    assert [status for _, _, status in server.log] == [404, 200, 200]


def test_every_failure_is_told(server, tmp_path):
    unreachable = RemoteFile(
        name="data.bin",
        urls=(f"{server.address}/missing/data.bin", "http://127.0.0.1:1/data.bin"),
        num_bytes=2_500_000,
        checksum="md5:0",
    )
    with pytest.raises(NotAvailableError, match=r"data\.bin \(2\.5 MB\): .*404.*refused.*put the file into") as caught:
        fetch(unreachable, folder=tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_another_file_of_that_name_is_neither_used_nor_deleted(server, tmp_path):
    (tmp_path / "data.bin").write_bytes(b"precious")
    with pytest.raises(NotAvailableError, match="is not the published file"):
        fetch(remote(server), folder=tmp_path)
    assert (tmp_path / "data.bin").read_bytes() == b"precious"
    assert server.log == []


def test_a_large_file_of_an_earlier_download_is_told_by_its_length(server, tmp_path):
    (tmp_path / "data.bin").write_bytes(CONTENT[::-1])
    assert fetch(remote(server), folder=tmp_path, check_again=False) == (tmp_path / "data.bin",)
    (tmp_path / "data.bin").write_bytes(CONTENT[:-1])
    with pytest.raises(NotAvailableError, match="is not the published file"):
        fetch(remote(server), folder=tmp_path, check_again=False)
    (tmp_path / "data.bin").unlink()
    server.files["/good/data.bin"] = CONTENT[::-1]
    with pytest.raises(NotAvailableError, match="discarded, its checksum is"):
        fetch(remote(server), folder=tmp_path, check_again=False)


def test_two_at_once_download_once(server, tmp_path):
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda _: fetch(remote(server), folder=tmp_path)[0], range(4)))
    assert {path.read_bytes() for path in paths} == {CONTENT}
    assert len(server.log) == 1


def test_a_folder_that_cannot_be_made_is_named(server, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NotAvailableError, match="FRAMECAST_CACHE"):
        fetch(remote(server), folder=tmp_path / "file" / "cache")


def test_offline_asks_nobody_and_says_what_is_missing(server, tmp_path, monkeypatch):
    monkeypatch.setenv("FRAMECAST_OFFLINE", "1")
    with pytest.raises(NotAvailableError, match=r"FRAMECAST_OFFLINE.*data\.bin \(0\.6 MB, http.*Put them there"):
        fetch(remote(server), folder=tmp_path)
    assert server.log == []
    (tmp_path / "data.bin").write_bytes(CONTENT)
    assert fetch(remote(server), folder=tmp_path) == (tmp_path / "data.bin",)


@pytest.mark.parametrize(
    ("value", "expected"), [(None, False), ("", False), ("0", False), ("no", False), ("1", True), ("True", True)]
)
def test_the_offline_switch(monkeypatch, value, expected):
    monkeypatch.delenv("FRAMECAST_OFFLINE", raising=False)
    if value is not None:
        monkeypatch.setenv("FRAMECAST_OFFLINE", value)
    assert is_offline() is expected


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"FRAMECAST_CACHE": "~/mine"}, "home/mine"),
        ("linux", {"XDG_CACHE_HOME": "/xdg"}, "/xdg/framecast"),
        ("linux", {}, "home/.cache/framecast"),
        ("darwin", {}, "home/Library/Caches/framecast"),
        ("win32", {}, "home/AppData/Local/framecast/Cache"),
    ],
)
def test_the_cache_folder_of_each_platform(monkeypatch, tmp_path, platform, variables, expected):
    for name in ("FRAMECAST_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("sys.platform", platform)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == tmp_path / Path(expected)


def idx_images(count):
    return b"\0\0\x08\x03" + struct.pack(">3I", count, 6, 6) + bytes(count * 36)


@pytest.mark.parametrize("module", [moving_mnist, moving_fashion_mnist])
def test_images_are_downloaded_into_the_cache(server, tmp_path, monkeypatch, module):
    name = module.__name__.rpartition(".")[2].replace("_", "-")
    monkeypatch.setenv("FRAMECAST_CACHE", str(tmp_path))
    for constant, content in (("TRAIN_IMAGES", idx_images(24)), ("TEST_IMAGES", idx_images(3))):
        place = f"{constant}.gz"
        server.files[f"/{place}"] = content
        checksum = f"md5:{hashlib.md5(content).hexdigest()}"
        file = RemoteFile(name=place, urls=(f"{server.address}/{place}",), num_bytes=len(content), checksum=checksum)
        monkeypatch.setattr(module, constant, file)
    source = open_source(name, options={"canvas": 8, "test_sequences": 2})
    assert source.sequences[-1].read().shape == (20, 1, 8, 8)
    assert visible(tmp_path / name.removeprefix("moving-")) == ["TEST_IMAGES.gz", "TRAIN_IMAGES.gz"]


def test_the_published_sequences_are_downloaded_once_and_resumed(server, tmp_path, monkeypatch):
    monkeypatch.setenv("FRAMECAST_CACHE", str(tmp_path))
    buffer = io.BytesIO()
    np.save(buffer, np.random.default_rng(0).integers(0, 256, (20, 3, 64, 64), np.uint8))
    content = server.files["/mnist_test_seq.npy"] = buffer.getvalue()
    file = RemoteFile(
        name="mnist_test_seq.npy",
        urls=(f"{server.address}/mnist_test_seq.npy",),
        num_bytes=len(content),
        checksum=f"md5:{hashlib.md5(content).hexdigest()}",
    )
    monkeypatch.setattr(moving_mnist_file, "TEST_SEQUENCES", file)
    server.cuts = [100_000]
    for _ in range(2):
        source = open_source("moving-mnist-file")
        assert [sequence.info.num_frames for sequence in source.sequences] == [20] * 3
    assert [status for _, _, status in server.log] == [200, 206]
    np.testing.assert_array_equal(source.sequences[2].read()[:, 0], np.load(io.BytesIO(content))[:, 2])


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("moving-mnist-file", ("mnist_test_seq.npy (819.2 MB, http://", "source.file")),
        (
            "moving-fashion-mnist",
            ("train-images-idx3-ubyte.gz (26.4 MB, http", "t10k-images-idx3-ubyte.gz (4.4 MB", "MIT"),
        ),
    ],
)
def test_offline_says_what_is_missing_how_large_it_is_and_where_it_belongs(tmp_path, monkeypatch, name, parts):
    monkeypatch.setenv("FRAMECAST_CACHE", str(tmp_path))
    monkeypatch.setenv("FRAMECAST_OFFLINE", "1")
    with pytest.raises(NotAvailableError) as caught:
        open_source(name)
    for part in (str(tmp_path), *parts):
        assert part in str(caught.value)


def test_moving_mnist_offline_names_both_files_their_sizes_and_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setenv("FRAMECAST_CACHE", str(tmp_path))
    monkeypatch.setenv("FRAMECAST_OFFLINE", "1")
    with pytest.raises(NotAvailableError) as caught:
        MovingMnistSource.open("moving-mnist", MovingMnistConfig())
    for part in (
        str(tmp_path / "mnist"),
        "train-images-idx3-ubyte.gz (9.9 MB, https://",
        "t10k-images-idx3-ubyte.gz (1.6 MB, https://",
        "'folder'",
    ):
        assert part in str(caught.value)
