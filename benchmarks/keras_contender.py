"""Keras as a contender, on whichever backend ``KERAS_BACKEND`` names.

``r0`` is the notebook's network, parameter for parameter. The other two are the nearest that Keras's layers can say,
and they have less to do than framecast's: no peepholes, frames cut into patches beforehand, a forecaster whose first
layer reads zeros, and for ``unrolled`` true frames as inputs all the way, because a layer of Keras runs over a whole
sequence and cannot read what the layer above it has just written.

``train_on_batch`` and ``predict_on_batch`` run what ``compile`` makes of the network with Keras's own defaults. Batches
lie in the backend's memory beforehand.

Axes: B clips, T frames, H height, W width, C channels, in that order here alone: it is Keras's.
"""

import importlib
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.contender import Contender, NotHereError
from benchmarks.workloads import Device, Precision, Workload

PACKAGES = {"tensorflow": ("tensorflow", "tensorflow-cpu"), "torch": ("torch",), "jax": ("jax", "jaxlib")}


def build_keras(workload: Workload, precision: Precision, device: Device) -> Contender:
    """Keras's network, compiled for training.

    Raises:
        NotHereError: the backend has no such device.
    """
    keras: Any = importlib.import_module("keras")
    backend = os.environ["KERAS_BACKEND"]
    memory = _device_memory(backend, device)
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy("mixed_bfloat16" if precision == "bf16" else "float32")
    model = keras_model(keras, workload)
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss="mse")
    inputs, targets = (keras.ops.convert_to_tensor(batch) for batch in _batches(workload))
    notes = ["jit_compile is on" if model.jit_compile else "jit_compile is off"]
    if workload.family != "stack":
        notes.append("an easier network: no peepholes, patches cut beforehand, nothing fed back")
    return Contender(
        train=lambda: model.train_on_batch(inputs, targets),
        forecast=lambda: model.predict_on_batch(inputs),
        wait=lambda: None,  # both give numbers back, and so have waited for the device
        parameters=sum(int(np.prod(weight.shape)) for weight in model.trainable_weights),
        device_peak_bytes=memory,
        packages=("keras", *PACKAGES[backend]),
        notes=tuple(notes),
    )


def keras_model(keras: Any, workload: Workload) -> Any:
    """The network; nothing of it is compiled yet."""
    match workload.family:
        case "stack":
            return _stack(keras, workload)
        case "encoder-forecaster":
            return _encoder_forecaster(keras, workload)
        case "unrolled":
            return _frame_to_frame(keras, workload)


def _stack(keras: Any, workload: Workload) -> Any:
    model = keras.Sequential([_input(keras, workload, workload.length)])
    for filters in workload.widths:
        model.add(_layer(keras, workload, filters))
        model.add(keras.layers.BatchNormalization())
    model.add(keras.layers.Conv3D(1, (3, 3, 3), activation="sigmoid", padding="same"))
    return model


def _encoder_forecaster(keras: Any, workload: Workload) -> Any:
    context = hidden = _input(keras, workload, workload.length)
    states: list[Any] = []
    for filters in workload.widths:
        hidden, *state = _layer(keras, workload, filters, return_state=True)(hidden)
        states.append(state)
    forecast = keras.ops.zeros_like(context[..., :1])
    outputs: list[Any] = []
    for filters, state in zip(workload.widths, states, strict=True):
        forecast = _layer(keras, workload, filters)(forecast, initial_state=state)
        outputs.append(forecast)
    head = keras.layers.Conv3D(workload.frame_channels, 1)
    return keras.Model(context, head(keras.layers.Concatenate()(outputs)))


def _frame_to_frame(keras: Any, workload: Workload) -> Any:
    frames = hidden = _input(keras, workload, workload.num_steps)
    for filters in workload.widths:
        hidden = _layer(keras, workload, filters, use_bias=False)(hidden)
    return keras.Model(frames, keras.layers.Conv3D(workload.frame_channels, 1, use_bias=False)(hidden))


def _input(keras: Any, workload: Workload, num_frames: int) -> Any:
    return keras.Input((num_frames, workload.map_size, workload.map_size, workload.frame_channels))


def _layer(keras: Any, workload: Workload, filters: int, *, use_bias: bool = True, return_state: bool = False) -> Any:
    return keras.layers.ConvLSTM2D(
        filters,
        workload.kernel_size,
        padding="same",
        activation="relu" if workload.family == "stack" else "tanh",
        return_sequences=True,
        return_state=return_state,
        use_bias=use_bias,
        unit_forget_bias=use_bias,
    )


def _batches(workload: Workload) -> tuple[Any, Any]:
    """Random inputs and targets, (B, T, H, W, C) in [0, 1)."""
    size, channels = workload.map_size, workload.frame_channels
    frames = np.random.default_rng(0).random((workload.batch, 2 * workload.length, size, size, channels), np.float32)
    if workload.family == "unrolled":
        return frames[:, :-1], frames[:, 1:]
    return frames[:, : workload.length], frames[:, workload.length :]


def _device_memory(backend: str, device: Device) -> Callable[[], int | None]:
    """How the backend tells the peak of the GPU's memory.

    Raises:
        NotHereError: it finds no GPU where one is asked for.
    """
    module: Any = importlib.import_module(backend)
    if device == "cpu":
        return lambda: None
    missing = NotHereError(f"{backend} finds no GPU here")
    match backend:
        case "torch":
            if not module.cuda.is_available():
                raise missing
            return module.cuda.max_memory_allocated
        case "jax":
            if module.default_backend() != "gpu":
                raise missing
            return lambda: (module.local_devices()[0].memory_stats() or {}).get("peak_bytes_in_use")
        case _:
            if not module.config.list_physical_devices("GPU"):
                raise missing
            return lambda: module.config.experimental.get_memory_info("GPU:0")["peak"]
