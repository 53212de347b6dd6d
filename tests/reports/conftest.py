"""A small evaluated run that all tests of the reports look at."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from framecast.evaluation.results import (
    Cost,
    Difference,
    ExampleClip,
    Independence,
    MetricInfo,
    Results,
    Scores,
    Verdict,
)
from framecast.runs.findings import Diagnosis, Finding

LEADS = 3
METRICS = {
    "mse": MetricInfo(summary="Mean squared error per pixel.", better="lower"),
    "psnr": MetricInfo(summary="Peak signal-to-noise ratio.", better="higher", unit="dB"),
    "ssim": MetricInfo(summary="Structural similarity.", better="higher"),
    "bce": MetricInfo(summary="Binary cross-entropy.", better="lower"),
    "bce_floor": MetricInfo(summary="The lowest it can be.", better=None),
}
BY_FORECASTER = {
    "convlstm": (0.0123, 19.3, 0.874, 0.21),
    "convlstm (one-step)": (0.0042, 23.9, 0.951, 0.18),
    "persistence": (0.0456, 13.2, 0.612, 0.61),
    "mean": (0.0231, 16.1, 0.653, float("nan")),
}


def scores(name: str, shift: float = 0.0) -> Scores:
    values = dict(zip(METRICS, (*BY_FORECASTER[name], 0.12), strict=True))
    values["psnr"] += shift
    caveats = ("Every lead is forecast from true frames.",) if "one-step" in name else ()
    return Scores(
        role="model" if name.startswith("convlstm") else "baseline",
        overall=values,
        per_lead={metric: [value * (0.8 + 0.2 * lead) for lead in range(LEADS)] for metric, value in values.items()},
        caveats=caveats,
    )


def make_results(**changes: Any) -> Results:
    fields: dict[str, Any] = {
        "run": "first-run",
        "model": "convlstm",
        "source": "moving-digits",
        "source_kind": "generator",
        "split": "test",
        "clips": 64,
        "sequences": 32,
        "context": 4,
        "horizon": LEADS,
        "trained_horizon": LEADS,
        "step_seconds": 300.0,
        "units": None,
        "value_range": (0.0, 255.0),
        "conventions": {
            "strict": {name: scores(name) for name in BY_FORECASTER},
            "tf": {name: scores(name, shift=0.5) for name in BY_FORECASTER},
        },
        "metrics": METRICS,
        "verdict": Verdict(
            sentence="convlstm beats the best baseline (mean) by 47% in MSE.",
            beats_best_baseline=True,
            best_baseline="mean",
            skill=0.4675,
            skill_over_persistence=0.73,
            skill_per_lead=[0.6, 0.4675, -0.1],
        ),
        "cost": Cost(parameters=123456, trainable=123000, macs_per_frame=2.5e9, seconds_per_frame=0.0042),
        "examples": [
            ExampleClip(why="typical", sequence="seq/7", start=4, score=0.0121),
            ExampleClip(why="worst", sequence="seq/9", start=0, score=0.0951),
        ],
        "warnings": ["Two clips were left out."],
        "created": "2026-11-03T10:22:31+00:00",
        "framecast": "0.1.0",
    }
    return Results(**(fields | changes))


def make_examples(channels: int = 1, size: tuple[int, int] = (12, 16)) -> dict[str, NDArray[np.float32]]:
    generator = np.random.default_rng(7)

    def frames(count: int) -> NDArray[np.float32]:
        return generator.random((2, count, channels, *size), dtype=np.float32)

    return {"context": frames(4), "truth": frames(LEADS)} | {
        f"forecast/{name}": frames(LEADS) for name in BY_FORECASTER
    }


@pytest.fixture
def results() -> Callable[..., Results]:
    """Makes results; keywords replace fields."""
    return make_results


@pytest.fixture
def examples() -> Callable[..., dict[str, NDArray[np.float32]]]:
    """Makes the frames of two example clips."""
    return make_examples


def make_full(**changes: Any) -> Results:
    """Results with every key that reports read: intervals, differences, events, parts, measured times."""
    base = make_results()
    thresholds = (0.5, 2.0)
    events: dict[str, MetricInfo] = {}
    for name, better in (("csi", "higher"), ("far", "lower"), ("frequency_bias", "one")):
        events[name] = MetricInfo(summary=f"About {name}; mean over thresholds.", better=better, family=name)  # pyright: ignore[reportArgumentType]
        for threshold in thresholds:
            events[f"{name}@{threshold:g}"] = MetricInfo(
                summary=f"About {name}; threshold {threshold:g}.",
                better=better,  # pyright: ignore[reportArgumentType]
                family=name,
                threshold=threshold,
            )
    for window in (4, 16):
        for threshold in (None, *thresholds):
            events[f"fss_{window}px" + ("" if threshold is None else f"@{threshold:g}")] = MetricInfo(
                summary="Fractions.", better="higher", family="fss", threshold=threshold, window=window
            )
    undefined = {"ms_ssim": MetricInfo(summary="Many scales.", better="higher")}
    sharpness = {"sharpness": MetricInfo(summary="Strength of edges.", better="one")}

    def grown(scores: Scores, place: int) -> Scores:
        extra = {name: 0.5 + 0.01 * place + 0.001 * i for i, name in enumerate(events)}
        extra |= {"sharpness": 1 - 0.1 * place, "ms_ssim": float("nan")}
        overall = scores.overall | extra
        per_lead = scores.per_lead | {name: [value] * LEADS for name, value in extra.items()}
        return dataclasses.replace(
            scores,
            overall=overall,
            per_lead=per_lead,
            intervals={name: (value * 0.9, value * 1.2) for name, value in overall.items()},
            per_lead_intervals={
                name: [(value * 0.9, value * 1.2) for value in values] for name, values in per_lead.items()
            },
            by={"group": {f"film {i:02d}": {"mse": scores.overall["mse"] * (i + 1) / (1 + place)} for i in range(15)}},
        )

    conventions = {
        name: {row: grown(scores, place) for place, (row, scores) in enumerate(rows.items())}
        for name, rows in base.conventions.items()
    }
    assert base.verdict is not None
    fields: dict[str, Any] = {
        "conventions": conventions,
        "metrics": base.metrics
        | events
        | undefined
        | sharpness
        | {"tf/psnr": MetricInfo(summary="Of TensorFlow.", better="higher", unit="dB")},
        "verdict": dataclasses.replace(
            base.verdict,
            skill_interval=(0.4121, 0.5234),
            skill_per_lead_intervals=[(0.5, 0.7), (0.4, 0.5), (-0.2, 0.05)],
            outcome="better",
        ),
        "independence": Independence(unit="group", count=32, reason="Intervals (95%) are drawn over 32 recordings."),
        "differences": {
            "strict": {
                "persistence": {"mse": Difference(value=-0.0333, interval=(-0.04, -0.02), outcome="better")},
                "mean": {
                    "mse": Difference(value=-0.0108, interval=(-0.02, 0.001), outcome="unclear"),
                    "psnr": Difference(value=-3.2, interval=(-4.0, -2.0), outcome="worse"),
                },
            }
        },
        "unavailable": {
            "pysteps": "pysteps is not installed; install it with 'pip install pysteps'.",
            "strict/lpips": "the weights of AlexNet are missing; see docs.",
        },
        "cost": dataclasses.replace(
            base.cost,
            dead=1000,
            latency_seconds={"convlstm": 0.012, "persistence": 2e-6, "mean": 9e-6},
        ),
    }
    return make_results(**(fields | changes))


def make_diagrams(size: tuple[int, int] = (12, 16)) -> dict[str, NDArray[np.float64]]:
    generator = np.random.default_rng(3)
    wavenumber = np.arange(7) / 12
    truth = np.exp(-6 * wavenumber)[None].repeat(LEADS, axis=0)
    maps = generator.random((3, 1, *size))
    maps[:, :, :3] = np.nan
    bins = np.stack([np.linspace(0, 1, 5), np.linspace(0.1, 0.9, 5), np.array([50.0, 20, 0, 5, 4])], axis=-1)
    return {
        "spectrum_wavenumber": wavenumber,
        "spectrum/truth": truth,
        "spectrum/convlstm": truth * np.array([1, 1, 1, 0.5, 0.5, 0.5, 0.5]),
        "spectrum/mean": truth * 0.1,
        "error_map/convlstm": maps[0] * 0.01,
        "error_map/mean": maps[1] * 0.04,
        "rank_histogram/convlstm": np.array([40.0, 10, 10, 10, 40]),
        "reliability/convlstm@0.5": bins,
        "reliability/convlstm@2": bins,
    }


def make_diagnosis() -> Diagnosis:
    findings = (
        Finding(check="repeats", severity="warning", what="Frames repeat.", evidence="7 of 90.", mend="Drop them."),
        Finding(
            check="causality",
            severity="fault",
            what="The model sees the future.",
            evidence="Lead 1 moved by 0.31.",
            mend="Set causal_head.",
        ),
    )
    skipped = {"teacher": "the model has none"}
    return Diagnosis(subject="first-run", checks=("causality", "repeats"), skipped=skipped, findings=findings)


@pytest.fixture
def full() -> Callable[..., Results]:
    """Makes results with every key; keywords replace fields."""
    return make_full


@pytest.fixture
def diagrams() -> Callable[..., dict[str, NDArray[np.float64]]]:
    """Makes the arrays of ``diagrams.npz``."""
    return make_diagrams


@pytest.fixture
def diagnosis() -> Diagnosis:
    """One fault and one warning."""
    return make_diagnosis()
