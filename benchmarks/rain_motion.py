"""``python -m benchmarks.rain_motion --data FOLDER``: how well rain is forecast by its motion alone.

A series of radar composites is forecast every half hour, twelve frames ahead, by copying the last frame, by the mean of
four, and by ``flow`` with OpenCV's DIS and with the flow written in torch. Errors are mean squares in the recording's
own units, over the pixels that hold a value in the truth; nothing is trained, resized or clipped. ``--pysteps`` adds
the nowcasts of pysteps, which take several seconds each.
"""

import argparse
import json
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray

from framecast.frames.clip import ClipSpec
from framecast.frames.quantity import Quantity
from framecast.models.baselines import motion
from framecast.models.building import build_baseline
from framecast.sources.open import open_source

CONTEXT, HORIZON, EVERY = 4, 12, 6
"""Frames seen, frames forecast, frames from one forecast to the next (half an hour of five-minute steps)."""


def forecast(name: str, seen: torch.Tensor, spec: ClipSpec, quantity: Quantity) -> NDArray[Any]:
    """(M, H, W) in native values."""
    torch_alone = name == "flow (torch)"
    baseline = build_baseline("flow" if torch_alone else name, spec, quantity)
    hidden = mock.patch.object(motion, "opencv", return_value=None) if torch_alone else nullcontext()
    with torch.inference_mode(), hidden:
        frames = baseline(seen[None], HORIZON).frames
    return frames[0, :, 0].numpy()


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rain_motion", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder of radar files")
    parser.add_argument("--pysteps", action="store_true", help="also pysteps' extrapolation and S-PROG")
    parser.add_argument("--results", type=Path, help="folder for rain_motion.json")
    chosen = parser.parse_args(arguments)
    sequence = open_source(str(chosen.data)).sequences[0]
    frames: NDArray[Any] = sequence.read()[:, 0]
    info = sequence.info
    spec = ClipSpec(context=CONTEXT, horizon=HORIZON, channels=1, height=info.height, width=info.width)
    quantity = Quantity(units=info.units, offset=(0.0,), scale=(1.0,), step_seconds=info.step_seconds)
    names = ["persistence", "mean", "flow", "flow (torch)"]
    names += ["pysteps-extrapolation", "sprog"] if chosen.pysteps else []
    starts = [last for last in range(EVERY, len(frames) - HORIZON, EVERY) if last + 1 >= CONTEXT]
    squares = {name: np.zeros(HORIZON) for name in names}
    count = np.zeros(HORIZON)
    for last in starts:
        seen = torch.from_numpy(np.nan_to_num(frames[last + 1 - CONTEXT : last + 1])).float()[:, None]
        truth = frames[last + 1 : last + 1 + HORIZON]
        valid = np.isfinite(truth)
        count += valid.sum(axis=(1, 2))
        for name in names:
            found = forecast(name, seen, spec, quantity)
            squares[name] += np.where(valid, (found - np.nan_to_num(truth)) ** 2, 0.0).sum(axis=(1, 2))
    record: dict[str, Any] = {"forecasts": len(starts), "units": info.units, "scores": {}}
    for name in names:
        leads = (squares[name] / count).tolist()
        mse = float(squares[name].sum() / count.sum())
        record["scores"][name] = {"mse": mse, "per_lead": leads}
        print(f"{name:24} mse {mse:.4f}  lead 1 {leads[0]:.4f}  lead {HORIZON} {leads[-1]:.4f}")
    if chosen.results is not None:
        chosen.results.mkdir(parents=True, exist_ok=True)
        (chosen.results / "rain_motion.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
