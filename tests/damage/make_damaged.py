"""Damaged inputs of every kind that is read: ``python tests/damage/make_damaged.py FOLDER`` writes more than 500.

Each input is a file or a folder of its own, ``FOLDER/<kind>/<damage>/…``, made from a small healthy recording. What is
random follows from a seed, so that an input that breaks something can be made again.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

CUTS = (0.0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99)
"""Shares of a file that are left when it is cut off."""

FLIPS = 12
"""Copies with flipped bits, of each kind."""

T, H, W = 12, 24, 32

Make = Callable[[Path], None]
"""Writes a healthy recording to a path."""


def waves(channels: int = 1, dtype: str = "uint8", num_frames: int = T) -> NDArray[Any]:
    """(T, C, H, W)."""
    t, c, y, x = np.ogrid[:num_frames, :channels, :H, :W]
    return (100 + 60 * np.sin(0.3 * x + 0.4 * t + c) + 40 * np.cos(0.3 * y)).astype(dtype)


def written(ending: str, channels: int = 1, dtype: str = "uint8") -> Make:
    """A maker for what framecast writes itself."""

    def make(path: Path) -> None:
        from framecast.sources.writing import write_frames

        write_frames(path, waves(channels, dtype), step_seconds=0.1, value_range=(0, 255))

    del ending
    return make


def pillow(**options: Any) -> Make:
    """A maker for a single picture."""

    def make(path: Path) -> None:
        from PIL import Image

        Image.fromarray(waves(3)[0].transpose(1, 2, 0).copy()).save(path, **options)

    return make


def hdf5(path: Path) -> None:
    """A plain data set in HDF5."""
    import h5py

    with h5py.File(path, "w") as file:
        file.create_dataset("frames", data=waves()[:, 0], chunks=(4, H, W), compression="gzip")


def knmi(path: Path) -> None:
    """A radar composite as the Dutch weather service publishes it."""
    import h5py

    with h5py.File(path, "w") as file:
        image = file.create_group("image1")
        image.create_dataset("image_data", data=waves(dtype="uint16")[0, 0], compression="gzip")
        image.attrs["image_geo_parameter"] = np.bytes_("ACCUMULATED_PRECIPITATION_[MM]")
        calibration = image.create_group("calibration").attrs
        calibration["calibration_formulas"] = np.bytes_("GEO=0.01*PV+0.0")
        calibration["calibration_missing_data"] = calibration["calibration_out_of_image"] = np.array([65535])
        geographic = file.create_group("geographic")
        geographic.attrs["geo_pixel_size_x"], geographic.attrs["geo_pixel_size_y"] = [1.0], [-1.0]
        geographic.attrs["geo_row_offset"], geographic.attrs["geo_column_offset"] = [3650.0], [0.0]
        projection = geographic.create_group("map_projection")
        projection.attrs["projection_proj4_params"] = np.bytes_("+proj=stere +lat_0=90 +lon_0=0 +lat_ts=60")
        overview = file.create_group("overview").attrs
        overview["product_datetime_start"] = np.array([b"26-AUG-2010;00:00:00.000"])
        overview["product_datetime_end"] = np.array([b"26-AUG-2010;00:05:00.000"])


def odim(path: Path) -> None:
    """A radar composite in the ODIM model."""
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs["Conventions"] = np.bytes_("ODIM_H5/V2_2")
        what = file.create_group("what").attrs
        what["object"], what["date"], what["time"] = np.bytes_("COMP"), np.bytes_("20200501"), np.bytes_("120000")
        where = file.create_group("where").attrs
        where["projdef"] = np.bytes_("+proj=stere +lat_0=90 +lon_0=14 +lat_ts=60")
        where["xscale"] = where["yscale"] = 2000.0
        where["xsize"], where["ysize"] = W, H
        data = file.create_group("dataset1/data1")
        data.create_dataset("data", data=waves()[0, 0], compression="gzip")
        inner = data.create_group("what").attrs
        inner["quantity"], inner["gain"], inner["offset"] = np.bytes_("DBZH"), 0.5, -32.0
        inner["nodata"], inner["undetect"] = 255.0, 0.0
        outer = file["dataset1"].create_group("what").attrs
        outer["startdate"] = outer["enddate"] = np.bytes_("20200501")
        outer["starttime"], outer["endtime"] = np.bytes_("115500"), np.bytes_("120000")


SINGLE: dict[str, tuple[str, Make]] = {
    "mp4": (".mp4", written(".mp4")),
    "avi": (".avi", written(".avi", 3)),
    "mkv": (".mkv", written(".mkv", 3)),
    "webm": (".webm", written(".webm")),
    "gif": (".gif", written(".gif", 3)),
    "tiff": (".tif", written(".tif", dtype="uint16")),
    "npy": (".npy", written(".npy", dtype="float32")),
    "npz": (".npz", written(".npz", dtype="float32")),
    "netcdf": (".nc", written(".nc", dtype="float32")),
    "hdf5": (".h5", hdf5),
    "knmi": (".h5", knmi),
    "odim": (".h5", odim),
    "png": (".png", pillow()),
    "jpeg": (".jpg", pillow()),
    "bmp": (".bmp", pillow()),
    "webp": (".webp", pillow()),
    "pgm": (".ppm", pillow()),
}
"""Kinds whose recording is one file, or (pictures, radar) one file a frame: ending and maker."""

ONE_FILE_A_FRAME = {"png", "jpeg", "bmp", "webp", "pgm", "knmi", "odim"}
FOLDERS = {"zarr": written(".zarr", dtype="float32")}


def make_all(root: Path) -> list[Path]:
    """Write all inputs.

    Args:
        root: a folder that does not exist yet.

    Returns:
        The inputs, each to be handed to a reader by itself.
    """
    root.mkdir(parents=True)
    healthy = root / "healthy"
    healthy.mkdir()
    inputs: list[Path] = []
    for number, (kind, (ending, make)) in enumerate(SINGLE.items()):
        good = healthy / f"{kind}{ending}"
        make(good)
        inputs += _damaged_copies(good, root / kind, seed=number, alone=kind not in ONE_FILE_A_FRAME)
    for number, (kind, make) in enumerate(FOLDERS.items()):
        good = healthy / f"{kind}.{kind}"
        make(good)
        inputs += _damaged_folders(good, root / kind, seed=100 + number)
    inputs += _special(root / "special")
    shutil.rmtree(healthy)
    return inputs


def _damaged_copies(good: Path, place: Path, *, seed: int, alone: bool) -> Iterator[Path]:
    content = good.read_bytes()
    for name, damaged in _damages(content, seed):
        folder = place / name
        folder.mkdir(parents=True)
        (folder / f"bad{good.suffix}").write_bytes(damaged)
        yield folder / f"bad{good.suffix}" if alone else folder
    # The same damage between two healthy files: what can be read is, the rest is named.
    for name, damaged in list(_damages(content, seed + 1000))[::4]:
        folder = place / f"among others, {name}"
        folder.mkdir(parents=True)
        for other in ("a", "z"):
            (folder / f"{other}{good.suffix}").write_bytes(content)
        (folder / f"m{good.suffix}").write_bytes(damaged)
        yield folder
    named = place / "names with spaces, ünï\u00e7ödé and 日本語"
    named.mkdir(parents=True)
    (named / f"a file (1) — копия{good.suffix}").write_bytes(content)
    yield named
    for ending in (".mp4", ".npy", ".tif", ".nc", ".png", ".h5", ".txt", ""):
        if ending != good.suffix:
            folder = place / f"called {ending or 'nothing'}"
            folder.mkdir(parents=True)
            (folder / f"bad{ending}").write_bytes(content)
            yield folder / f"bad{ending}"


def _damages(content: bytes, seed: int) -> Iterator[tuple[str, bytes]]:
    draw = np.random.default_rng(seed)
    for share in CUTS:
        yield f"cut at {share}", content[: int(share * len(content))]
    for number in range(FLIPS):
        damaged = bytearray(content)
        # Half of the copies are hit in the header, where sizes and types stand.
        reach = min(len(damaged), 512) if number % 2 else len(damaged)
        for place in draw.integers(0, reach, 1 + number):
            damaged[place] ^= 1 << int(draw.integers(8))
        yield f"flipped {number}", bytes(damaged)
    yield "zeros", bytes(len(content))
    yield "noise", draw.bytes(len(content))
    yield "twice", content + content
    yield "ones in the header", b"\xff" * 64 + content[64:]


def _damaged_folders(good: Path, place: Path, *, seed: int) -> Iterator[Path]:
    """Copies of a folder with one of its files damaged or gone."""
    draw = np.random.default_rng(seed)
    files = sorted(path.relative_to(good) for path in good.rglob("*") if path.is_file())
    for number, name in enumerate(files[:8]):
        for damage in ("gone", "empty", "noise"):
            copy = place / f"{damage} {number}{good.suffix}"
            shutil.copytree(good, copy)
            target = copy / name
            if damage == "gone":
                target.unlink()
            else:
                target.write_bytes(b"" if damage == "empty" else draw.bytes(target.stat().st_size))
            yield copy


def _special(place: Path) -> Iterator[Path]:
    """What is wrong in its own way."""
    place.mkdir(parents=True)

    def array(name: str, frames: NDArray[Any]) -> Path:
        np.save(place / f"{name}.npy", frames)
        return place / f"{name}.npy"

    yield array("no frames", np.zeros((0, H, W), np.uint8))
    yield array("one frame", np.zeros((1, H, W), np.uint8))
    yield array("no pixels", np.zeros((4, 0, W), np.uint8))
    yield array("nothing but NaN", np.full((6, H, W), np.nan, np.float32))
    yield array("infinite", np.full((6, H, W), np.inf, np.float32))
    yield array("complex", np.zeros((6, H, W), np.complex64))
    yield array("texts", np.full((6, H, W), "x"))
    yield array("one axis", np.zeros(6, np.uint8))
    yield array("nine axes", np.zeros((2,) * 9, np.uint8))
    np.save(place / "objects.npy", np.array([{"a": 1}, None], object), allow_pickle=True)
    yield place / "objects.npy"
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000, 100000, 100000), }"
    header += b" " * (117 - len(header)) + b"\n"
    (place / "absurd.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"\0" * 64)
    yield place / "absurd.npy"
    yield from _absurd_pictures(place)
    yield from _odd_places(place)
    changing = place / "changing size"
    changing.mkdir()
    from PIL import Image

    for number, size in enumerate([(8, 8), (8, 8), (9, 8), (8, 8)]):
        Image.new("L", size).save(changing / f"{number}.png")
    yield changing
    one = place / "one picture"
    one.mkdir()
    Image.new("L", (8, 8)).save(one / "only.png")
    yield one
    yield from _changing_video(place)


def _absurd_pictures(place: Path) -> Iterator[Path]:
    """Headers that promise pictures of gigabytes."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    for side in (100_000, 2**31 - 1):
        png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
        png += chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
        (place / f"absurd {side}.png").write_bytes(png)
        yield place / f"absurd {side}.png"
        (place / f"absurd {side}.pgm").write_bytes(b"P5 %d %d 255\n" % (side, side) + bytes(100))
        yield place / f"absurd {side}.pgm"
    for side in (30_000, 65_535):
        gif = b"GIF89a" + struct.pack("<HHBBB", side, side, 0xF0, 0, 0) + bytes(6)
        gif += b"\x2c" + struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\x02\x02\x4c\x01\x00\x3b"
        (place / f"absurd {side}.gif").write_bytes(gif)
        yield place / f"absurd {side}.gif"
    tags = [(256, 2**31 - 1), (257, 2**31 - 1), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 1), (279, 10)]
    tiff = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags))
    tiff += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags) + bytes(4)
    (place / "absurd.tif").write_bytes(tiff)
    yield place / "absurd.tif"
    import h5py

    with h5py.File(place / "absurd.h5", "w") as file:
        file.create_dataset("frames", shape=(10**6, 10**5, 10**5), dtype="f4", chunks=(1, 1000, 1000))
    yield place / "absurd.h5"


def _odd_places(place: Path) -> Iterator[Path]:
    """Things in a file system that are no files with frames."""
    (place / "empty folder").mkdir()
    yield place / "empty folder"
    (place / "notes only").mkdir()
    (place / "notes only" / "readme.txt").write_text("no frames here")
    yield place / "notes only"
    loop = place / "link loop"
    loop.mkdir()
    (loop / "again").symlink_to(loop, target_is_directory=True)
    np.save(loop / "x.npy", waves()[:, 0])
    yield loop
    (place / "to itself.npy").symlink_to(place / "to itself.npy")
    yield place / "to itself.npy"
    (place / "to nowhere.mp4").symlink_to(place / "nowhere.mp4")
    yield place / "to nowhere.mp4"
    dangling = place / "one link to nowhere"
    dangling.mkdir()
    np.save(dangling / "a.npy", waves()[:, 0])
    (dangling / "b.npy").symlink_to(dangling / "gone.npy")
    yield dangling
    pipes = place / "a pipe among files"
    pipes.mkdir()
    for ending in (".npy", ".png", ".h5", ".mp4"):
        os.mkfifo(pipes / f"pipe{ending}")
    np.save(pipes / "a.npy", waves()[:, 0])
    yield pipes
    os.mkfifo(place / "pipe.mp4")
    yield place / "pipe.mp4"
    (place / "folder.mp4").mkdir()
    yield place / "folder.mp4"
    for kind, ending in (("video", ".avi"), ("array", ".npy"), ("picture", ".png"), ("field", ".nc")):
        forbidden = place / f"forbidden {kind}{ending}"
        forbidden.write_bytes(b"\x93NUMPY" if ending == ".npy" else b"")
        forbidden.chmod(0)
        yield forbidden
    closed = place / "closed folder"
    closed.mkdir()
    np.save(closed / "a.npy", waves()[:, 0])
    closed.chmod(0)
    yield closed


def _changing_video(place: Path) -> Iterator[Path]:
    """Two videos of different size in one stream: the bytes of one transport after those of another."""
    import av

    path = place / "changes size.mkv"
    parts = []
    for height in (24, 48):
        part = place / f"part {height}.ts"
        with av.open(str(part), "w", format="mpegts") as container:
            stream: Any = container.add_stream("mpeg2video", rate=25)
            stream.height, stream.width, stream.pix_fmt = height, 32, "yuv420p"
            for _ in range(8):
                frame = av.VideoFrame.from_ndarray(np.full((height, 32, 3), 90, np.uint8), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        parts.append(part.read_bytes())
        part.unlink()
    path.write_bytes(b"".join(parts))
    yield path


if __name__ == "__main__":
    sys.stdout.write(f"{len(make_all(Path(sys.argv[1])))} inputs\n")
