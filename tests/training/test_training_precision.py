"""Precision: what ``auto`` resolves to, what stays float32, and that float32 means float32."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from framecast.runs.config import Device
from framecast.training.checkpoint import load_checkpoint
from framecast.training.device import choose_precision, computing
from framecast.workflows.predict import predict
from framecast.workflows.train import train


@pytest.fixture
def cpu_with(monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, Any]], None]:
    """Let PyTorch find these instruction sets."""

    def pretend(found: Mapping[str, Any]) -> None:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found)

    return pretend


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"avx512_bf16": True, "amx_bf16": False}, "bf16"),
        ({"avx512_bf16": False, "amx_bf16": True}, "bf16"),
        ({"avx512_f": True, "avx512_bf16": False, "amx_tile": True}, 32),
        ({"architecture": "aarch64", "bf16": True}, 32),
        ({}, 32),
    ],
)
def test_auto_is_bfloat16_on_a_cpu_that_multiplies_it(
    cpu_with: Callable[..., None], found: Mapping[str, Any], expected: object
) -> None:
    cpu_with(found)
    assert choose_precision("cpu", "auto") == expected
    assert choose_precision("cpu", 32) == 32
    assert choose_precision("cpu", "bf16") == "bf16"


def test_auto_is_float32_where_pytorch_cannot_tell(
    cpu_with: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    cpu_with({"avx512_bf16": True})
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert choose_precision("cpu", "auto") == 32
    monkeypatch.undo()
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert choose_precision("cpu", "auto") == 32


@pytest.mark.parametrize(("native", "expected"), [(True, "bf16"), (False, 32)])
def test_auto_is_bfloat16_on_a_gpu_that_does_not_emulate_it(
    monkeypatch: pytest.MonkeyPatch, native: bool, expected: object
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or native)
    assert choose_precision("cuda", "auto") == expected


def test_auto_is_float32_on_mps(cpu_with: Callable[..., None]) -> None:
    cpu_with({"avx512_bf16": True})
    assert choose_precision("mps", "auto") == 32
    assert choose_precision("mps", "bf16") == "bf16"


@pytest.mark.usefixtures("without_data_page")
@pytest.mark.parametrize(("found", "precision"), [({}, "32"), ({"avx512_bf16": True}, "bf16")])
def test_the_record_says_what_auto_was(
    make_config: Any, cpu_with: Any, tmp_path: Path, found: Mapping[str, Any], precision: str
) -> None:
    cpu_with(found)
    run = train(make_config(training={"precision": "auto", "max_steps": 1}), out=tmp_path / "run")
    assert run.record.precision == precision
    assert run.config.training.precision == "auto"


def test_bfloat16_trains_float32_weights(make_trainer: Any, make_watch: Any, tmp_path: Path) -> None:
    watch = make_watch()
    assert make_trainer(watch=watch, epochs=2, precision="bf16", ema_decay=0.5).run() == "finished"
    exact = make_watch()
    make_trainer("exact", watch=exact, epochs=2, precision=32, ema_decay=0.5).run()
    saved = load_file(tmp_path / "run" / "weights.safetensors")
    _, kept = load_checkpoint(tmp_path / "run" / "checkpoints" / "last.ckpt")
    moments = [value for state in kept["optimizer"]["state"].values() for value in state.values()]
    assert moments
    for tensors in (saved.values(), kept["model"].values(), kept["average"].values(), moments):
        assert {value.dtype for value in tensors} <= {torch.float32, torch.int64}
    close, same = [loss for _, loss, _ in watch.steps], [loss for _, loss, _ in exact.steps]
    assert close == pytest.approx(same, rel=0.05)
    assert close != same


def test_forecasts_are_float32_unless_asked_otherwise(
    make_config: Any, without_data_page: None, cpu_with: Any, tmp_path: Path
) -> None:
    """Also on a machine where training takes bfloat16 by itself: what a run says must not depend on where."""
    cpu_with({"avx512_bf16": True})
    run = train(make_config(training={"max_steps": 2, "precision": "bf16"}), out=tmp_path / "run")

    def forecast(**said: Any) -> Any:
        return predict(run, run.config.source.open(), device="cpu", **said)[0].frames

    with torch.inference_mode():
        exact, rounded = forecast(), forecast(precision="bf16")
    assert (exact == forecast(precision=32)).all()
    assert (rounded == forecast(precision="auto")).all()
    assert (exact != rounded).any()
    assert abs(exact - rounded).max() < 0.05


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_float32_is_not_rounded_by_convolutions_on_a_gpu(device: Device) -> None:
    convolutions: Any = torch.backends.cudnn.conv
    before = convolutions.fp32_precision
    assert before != "ieee"
    with computing(device, 32):
        assert convolutions.fp32_precision == "ieee"
    assert convolutions.fp32_precision == before
    with pytest.raises(ZeroDivisionError), computing(device, 32):
        raise ZeroDivisionError
    assert convolutions.fp32_precision == before
