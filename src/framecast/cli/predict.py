"""``framecast predict``: the frames that follow a recording."""

from pathlib import Path

from framecast.cli.recordings import open_alike, with_flags
from framecast.cli.terminal import DeviceName, Flag, Json, PrecisionName, Quiet, Settings, show, show_json


def predict(
    run: Path,
    input: str,
    /,
    *,
    out: Path,
    horizon: int | None = None,
    with_context: Flag = False,
    newest: Flag = False,
    fps: float | None = None,
    tile_overlap: float = 0.25,
    drop_repeats: Flag = False,
    assignments: Settings = (),
    overwrite: Flag = False,
    device: DeviceName = "auto",
    precision: PrecisionName = 32,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Forecast the frames that follow a recording; no ground truth needed.

    Parameters
    ----------
    run
        A run folder.
    input
        A recording, whose end is the context; or a folder of recordings, then --out is a folder.
    out
        Output file; its ending chooses the format.
    horizon
        Frames to forecast; the run's own horizon when not given.
    with_context
        Put the context before the forecast.
    newest
        Forecast after the newest recording only, the one that ends last.
    fps
        Frames per second of the output; continues at the recording's rate when not given.
    tile_overlap
        Frames larger than those that the run was trained on are forecast in tiles; so much of a tile, from 0 to 0.9,
        lies at least also in the next one.
    drop_repeats
        Leave out every frame that equals the one before it.
    assignments
        How to read the input: --set source.layout=TNHW. Can be given several times.
    overwrite
        Replace the output.
    device
        Where to compute.
    precision
        In what forecasts are computed; auto takes bf16 where the processor has it.
    quiet
        Say nothing.
    as_json
        Results as JSON on standard output.
    """
    from framecast.workflows.predict import predict as run_predict

    predictions = run_predict(
        run,
        open_alike(run, input, with_flags(assignments, drop_repeats=drop_repeats)),
        out=out,
        horizon=horizon,
        with_context=with_context,
        newest=newest,
        fps=fps,
        tile_overlap=tile_overlap,
        overwrite=overwrite,
        device=device,
        precision=precision,
    )
    if as_json:
        rows = [
            {"sequence": p.sequence, "path": str(p.path), "frames": len(p.frames), "caveats": p.caveats}
            for p in predictions
        ]
        show_json({"predictions": rows})
        return 0
    if not quiet:
        show(*dict.fromkeys(f"Note: {caveat}" for p in predictions for caveat in p.caveats))
        show(*(f"{p.path}  {len(p.frames)} frames" for p in predictions))
    return 0
