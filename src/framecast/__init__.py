"""Forecast the next frames of anything filmed, scanned or measured on a grid through time.

::

    import framecast

    config = framecast.configure("videos/", preset="r1", settings={"training": {"epochs": 10}})
    run = framecast.train(config, out="runs/first")
    results = framecast.evaluate(run)
    print(results.verdict.sentence)
    framecast.predict(run, "new.mp4", horizon=20, out="next.mp4")
    framecast.report(run)

Everything below is loaded on first use, so that importing framecast costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from framecast.version import __version__

if TYPE_CHECKING:
    from framecast.evaluation.results import Results
    from framecast.frames.batch import Batch
    from framecast.frames.clip import Clip, ClipSpec
    from framecast.frames.errors import FramecastError
    from framecast.frames.forecaster import Forecast, Forecaster
    from framecast.frames.sequence import Sequence, SequenceInfo
    from framecast.frames.source import Source
    from framecast.runs.config import RunConfig
    from framecast.runs.configure import configure
    from framecast.runs.run import Run
    from framecast.sources.open import open_source
    from framecast.workflows.audit import audit
    from framecast.workflows.demo import demo
    from framecast.workflows.doctor import doctor
    from framecast.workflows.evaluate import evaluate
    from framecast.workflows.inspect import inspect
    from framecast.workflows.listing import choices
    from framecast.workflows.plan import plan
    from framecast.workflows.predict import predict
    from framecast.workflows.prepare import prepare
    from framecast.workflows.report import compare, report
    from framecast.workflows.train import train

__all__ = [
    "Batch",
    "Clip",
    "ClipSpec",
    "Forecast",
    "Forecaster",
    "FramecastError",
    "Results",
    "Run",
    "RunConfig",
    "Sequence",
    "SequenceInfo",
    "Source",
    "__version__",
    "audit",
    "choices",
    "compare",
    "configure",
    "demo",
    "doctor",
    "evaluate",
    "inspect",
    "open_source",
    "plan",
    "predict",
    "prepare",
    "report",
    "train",
]

_HOME = {
    "Batch": "framecast.frames.batch",
    "Clip": "framecast.frames.clip",
    "ClipSpec": "framecast.frames.clip",
    "Forecast": "framecast.frames.forecaster",
    "Forecaster": "framecast.frames.forecaster",
    "FramecastError": "framecast.frames.errors",
    "Results": "framecast.evaluation.results",
    "Run": "framecast.runs.run",
    "RunConfig": "framecast.runs.config",
    "Sequence": "framecast.frames.sequence",
    "SequenceInfo": "framecast.frames.sequence",
    "Source": "framecast.frames.source",
    "audit": "framecast.workflows.audit",
    "choices": "framecast.workflows.listing",
    "compare": "framecast.workflows.report",
    "configure": "framecast.runs.configure",
    "demo": "framecast.workflows.demo",
    "doctor": "framecast.workflows.doctor",
    "evaluate": "framecast.workflows.evaluate",
    "inspect": "framecast.workflows.inspect",
    "open_source": "framecast.sources.open",
    "plan": "framecast.workflows.plan",
    "predict": "framecast.workflows.predict",
    "prepare": "framecast.workflows.prepare",
    "report": "framecast.workflows.report",
    "train": "framecast.workflows.train",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'framecast' has no attribute '{name}'")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
