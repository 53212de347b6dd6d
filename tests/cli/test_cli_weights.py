"""``framecast weights``: what is here, what is not, and fetching it from a server on this computer."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from framecast.metrics.features import weights as weight_files
from framecast.metrics.features.weights import WEIGHTS

CONTENT = bytes(range(256)) * 40


class Handler(BaseHTTPRequestHandler):
    """Serves ``server.content`` under every name and notes what was asked for."""

    def do_GET(self) -> None:
        server: Any = self.server
        server.log.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(server.content)))
        self.end_headers()
        self.wfile.write(server.content)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server(no_weights: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A server of all weight files, each with the same small content as the published one."""
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("FRAMECAST_OFFLINE", raising=False)
    running: Any = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.content, running.log = CONTENT, []
    for name, file in list(WEIGHTS.items()):
        remote = replace(
            file.remote,
            urls=(f"http://127.0.0.1:{running.server_port}/{name}",),
            num_bytes=len(CONTENT),
            checksum=f"sha256:{hashlib.sha256(CONTENT).hexdigest()}",
        )
        monkeypatch.setitem(weight_files.WEIGHTS, name, replace(file, remote=remote))
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join()


def test_a_listing_names_all_files_and_fetches_none(cli: Callable[..., Any], server: Any, no_weights: Path) -> None:
    done = cli("weights")
    assert (done.code, done.err) == (0, "")
    for name, file in WEIGHTS.items():
        row = next(line for line in done.out.splitlines() if line.startswith(f"{name} "))
        assert file.remote.name in row
        assert "missing" in row
    assert "framecast weights --fetch" in done.out
    assert server.log == []
    assert not no_weights.exists()


def test_a_fetched_file_lies_in_the_cache_and_is_verified(
    cli: Callable[..., Any], server: Any, no_weights: Path
) -> None:
    done = cli("weights", "alexnet", "--fetch")
    path = no_weights / "weights" / "alexnet-owt-7be5be79.pth"
    assert done.code == 0
    assert path.read_bytes() == CONTENT
    assert done.err == "Fetching alexnet-owt-7be5be79.pth (10.2 kB) ...\n"
    assert str(path) in done.out
    assert "missing" not in done.out
    found = cli("weights", "alexnet", "--json").json
    assert found == [
        {
            "name": "alexnet",
            "file": path.name,
            "bytes": len(CONTENT),
            "needed_for": "the metric 'lpips' as most papers give it",
            "state": "published",
            "path": str(path),
        }
    ]
    assert cli("weights", "alexnet", "--fetch").err == ""
    assert server.log == ["/alexnet"]


def test_everything_can_be_fetched_at_once(cli: Callable[..., Any], server: Any) -> None:
    assert cli("weights", "--fetch").code == 0
    assert server.log == [f"/{name}" for name in WEIGHTS]
    assert [status["state"] for status in cli("weights", "--json").json] == ["published"] * len(WEIGHTS)


def test_a_file_with_another_checksum_does_not_arrive(cli: Callable[..., Any], server: Any, no_weights: Path) -> None:
    server.content = CONTENT[::-1]
    done = cli("weights", "i3d", "--fetch")
    assert done.code == 2
    assert "discarded, its checksum is sha256:" in done.err
    assert not (no_weights / "weights" / "i3d_torchscript.pt").exists()


def test_a_spoilt_file_in_the_cache_is_found_out_and_kept(
    cli: Callable[..., Any], server: Any, no_weights: Path
) -> None:
    path = no_weights / "weights" / "vgg16-397923af.pth"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT[::-1])
    assert "another file than the published one" in " ".join(cli("weights", "vgg16").out.split())
    done = cli("weights", "vgg16", "--fetch")
    assert done.code == 2
    assert "is not the published file" in done.err
    assert path.read_bytes() == CONTENT[::-1]
    assert server.log == []


def test_places_are_looked_through_in_their_order(
    cli: Callable[..., Any], server: Any, no_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "vgg16-397923af.pth"
    places = [tmp_path / "mine" / name, no_weights / "weights" / name, tmp_path / "no-torch/hub/checkpoints" / name]
    monkeypatch.setenv("FRAMECAST_WEIGHTS", str(tmp_path / "mine"))
    for place in reversed(places):
        place.parent.mkdir(parents=True)
        place.write_bytes(CONTENT)
        (status,) = cli("weights", "vgg16", "--json").json
        assert status["path"] == str(place)
    places[0].rename(places[0].with_suffix(".safetensors"))
    (status,) = cli("weights", "vgg16", "--json").json
    assert status["path"] == str(places[0].with_suffix(".safetensors"))
    assert cli("weights", "vgg16", "--fetch").code == 0, "it is there, so that nothing is fetched"
    assert server.log == []


def test_files_of_lpips_are_found_in_packages_that_carry_them(
    cli: Callable[..., Any], no_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torchmetrics

    monkeypatch.undo()
    monkeypatch.setenv("FRAMECAST_CACHE", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for net in ("alex", "vgg"):
        (status,) = cli("weights", f"lpips-{net}", "--json").json
        assert status["state"] == "published"
        assert Path(status["path"]).is_relative_to(Path(torchmetrics.__file__).parent)


def test_without_network_it_says_what_is_missing(
    cli: Callable[..., Any], server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRAMECAST_OFFLINE", "1")
    done = cli("weights", "i3d", "--fetch")
    assert done.code == 2
    assert "FRAMECAST_OFFLINE" in done.err
    assert server.log == []


def test_an_unknown_name_is_answered_with_the_nearest(cli: Callable[..., Any]) -> None:
    done = cli("weights", "vgg19")
    assert done.code == 2
    assert "did you mean 'vgg16'" in done.err


def test_the_published_names_carry_the_beginning_of_the_checksum() -> None:
    for name in ("vgg16", "alexnet"):
        remote = WEIGHTS[name].remote
        assert remote.checksum.startswith(f"sha256:{Path(remote.name).stem.rpartition('-')[2]}")
    for file in WEIGHTS.values():
        assert len(file.remote.checksum) == len("sha256:") + 64


@pytest.mark.parametrize("preset", ["r2", "r2-peephole"])
def test_the_preset_without_weights_ends_with_a_sentence_that_helps(
    cli: Callable[..., Any], no_weights: Path, tmp_path: Path, preset: str
) -> None:
    words = ["--preset", preset, "--set", "source.train_sequences=4", "--max-steps", 2, "--device", "cpu"]
    done = cli("train", "moving-digits", *words, "--out", tmp_path / "run")
    assert done.code == 2
    assert done.err.count("\n") == 1
    for part in ("'perceptual'", "vgg16-397923af.pth", "framecast weights vgg16 --fetch", "loss.perceptual=false"):
        assert part in done.err
    assert not (tmp_path / "run").exists()


SMALL = {
    "source.train_sequences": 4,
    "source.validation_sequences": 2,
    "source.test_sequences": 2,
    "source.canvas": 32,
    "clips.context": 3,
    "clips.horizon": 2,
    "model.filters": [4, 4, 4],
    "training.batch_size": 2,
    "training.pictures_every": "null",
}


def train_preset(cli: Callable[..., Any], preset: str, run: Path, **settings: object) -> None:
    changed = {**SMALL, **{key.replace("__", "."): value for key, value in settings.items()}}
    words = [word for key, value in changed.items() for word in ("--set", f"{key}={value}")]
    words += ["--preset", preset, "--max-steps", "2", "--device", "cpu", "--quiet"]
    done = cli("train", "moving-digits", *words, "--out", run)
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize("perceptual", [True, False])
def test_the_preset_trains_and_keeps_no_network(
    cli: Callable[..., Any], random_weights: Path, tmp_path: Path, perceptual: bool
) -> None:
    train_preset(cli, "r2", tmp_path / "run", **({} if perceptual else {"loss__perceptual": "false"}))
    header = next(tmp_path.rglob("*.csv")).read_text(encoding="utf-8").splitlines()[0]
    assert ("perceptual" in header) == perceptual
    assert not [path for path in tmp_path.rglob("*") if path.stat().st_size > 10_000_000], "VGG16 was saved"


def test_a_run_is_evaluated_by_what_networks_see_of_it(
    cli: Callable[..., Any], no_weights: Path, random_weights: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    train_preset(cli, "r2-peephole", run)
    done = cli("evaluate", run, "--convention", "perceptual", "--max-clips", 1, "--device", "cpu", "--json")
    assert done.code == 0
    assert "framecast weights i3d --fetch" in done.json["unavailable"]["perceptual/fvd"]
    for scores in done.json["conventions"]["perceptual"].values():
        assert set(scores["overall"]) == {"lpips", "lpips_vgg"}
        assert min(scores["overall"].values()) > 0
