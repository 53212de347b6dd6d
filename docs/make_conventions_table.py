"""Write the tables of ``conventions.md``: all conventions, their notes, and one picture scored under each.

    python docs/make_conventions_table.py

A convention is described once, beside its code. What lies between a pair of markers in the page is written from there,
the rest by hand; a test fails when the page is not what this script would write.
"""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from skimage.data import camera

from framecast.metrics.accumulator import Accumulator
from framecast.metrics.conventions.convention import Convention
from framecast.metrics.conventions.table import CONVENTIONS

PAGE = Path(__file__).with_name("conventions.md")

NOISES = (0.05, 0.10, 0.20)
WITHOUT_WEIGHTS = ("psnr", "ssim")
DIFFERENT_PSNR = ("strict", "predrnn", "simvp-legacy")
DIFFERENT_SSIM = ("strict", "earthformer", "predrnn", "openstl")
THRESHOLD = 0.5


def overview() -> str:
    """Every convention: its summary and its metrics."""
    rows = ["| convention | what it is | metrics |", "|---|---|---|"]
    for name in CONVENTIONS:
        convention = CONVENTIONS.load(name)
        metrics = ", ".join(f"`{metric.name}`" for metric in convention.metrics)
        events = event_families(convention)
        scores = f"; at thresholds {', '.join(f'`{family}`' for family in events)}" if events else ""
        rows.append(f"| `{name}` | {convention.summary} | {metrics}{scores} |")
    return "\n".join(rows)


def event_families(convention: Convention) -> list[str]:
    """The names of its scores of events, without their thresholds."""
    if convention.events is None:
        return []
    metrics = convention.events(convention.thresholds or (THRESHOLD,))
    return list(dict.fromkeys(metric.name.split("@")[0] for metric in metrics))


def notes() -> str:
    """What every convention says of itself, as a report quotes it."""
    parts: list[str] = []
    for name in CONVENTIONS:
        convention = CONVENTIONS.load(name)
        parts.append(f"**`{name}`** (source: {linked(convention.source)})\n")
        parts += [f"* {note}" for note in convention.notes]
        parts.append("")
    return "\n".join(parts).strip()


def linked(source: str) -> str:
    """With addresses between angle brackets."""
    return re.sub(r"(https://[^\s,]+)", r"<\1>", source)


def noisy_picture() -> str:
    """One picture with noise of three strengths, scored as different conventions do."""
    head = [*(f"PSNR, `{name}`" for name in DIFFERENT_PSNR), *(f"SSIM, `{name}`" for name in DIFFERENT_SSIM)]
    rows = [f"| noise σ | {' | '.join(head)} |", f"|{'---|' * (1 + len(head))}"]
    truth = camera() / 255
    for sigma in NOISES:
        noise = np.random.default_rng(0).normal(0, sigma, truth.shape)
        forecast = (truth + noise).clip(0, 1)
        scores = {name: score(CONVENTIONS.load(name), forecast, truth) for name in {*DIFFERENT_PSNR, *DIFFERENT_SSIM}}
        cells = [f"{scores[name]['psnr']:.1f}" for name in DIFFERENT_PSNR]
        cells += [f"{scores[name]['ssim']:.3f}" for name in DIFFERENT_SSIM]
        rows.append(f"| {sigma:.2f} | {' | '.join(cells)} |")
    return "\n".join(rows)


def score(convention: Convention, forecast: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """PSNR and SSIM of one grey picture."""
    metrics = tuple(metric for metric in convention.metrics if metric.name in WITHOUT_WEIGHTS)
    accumulator = Accumulator(replace(convention, metrics=metrics))
    accumulator.update(*(torch.from_numpy(picture)[None, None, None] for picture in (forecast, truth)))
    return accumulator.scores().overall


def page() -> str:
    """The whole page, with what lies between markers written anew."""
    text = PAGE.read_text(encoding="utf-8")
    for name, part in (("overview", overview()), ("notes", notes()), ("noisy picture", noisy_picture())):
        marker = f"<!-- {name}: written by docs/make_conventions_table.py -->"
        pattern = rf"{re.escape(marker)}\n.*?\n<!-- end -->"
        text, found = re.subn(pattern, lambda _, m=marker, p=part: f"{m}\n\n{p}\n\n<!-- end -->", text, flags=re.DOTALL)
        if found != 1:
            raise ValueError(f"conventions.md must have one place for '{name}', found {found}")
    return text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
