"""Run: an opened run folder, enough to predict with wherever it has been moved."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from framecast.clips.normaliser import Normaliser
from framecast.frames.errors import RunError
from framecast.frames.quantity import Quantity
from framecast.models.baselines.baseline import Baseline
from framecast.models.building import build_baseline, build_model
from framecast.models.model import Model
from framecast.runs.config import RunConfig
from framecast.runs.folder import RunFolder
from framecast.runs.record import RunRecord
from framecast.runs.resolve import read_yaml, resolve


@final
@dataclass(frozen=True)
class Run:
    """What training left behind."""

    folder: RunFolder
    config: RunConfig
    record: RunRecord
    normaliser: Normaliser
    model: Model
    """With the best weights, in eval mode, on the device asked for."""

    @classmethod
    def open(cls, path: Path | str, *, device: torch.device | str = "cpu") -> "Run":
        """Open a run folder.

        Raises:
            RunError: no run, an incomplete one, or files that do not belong together.
        """
        folder = RunFolder(path).require()
        config = resolve(read_yaml(folder.config))
        record = RunRecord.load(folder.record)
        normaliser = load_normaliser(folder)
        model = build_model(config.model.name, config.model.settings, record.spec)
        load_weights(model, folder.weights)
        return cls(folder, config, record, normaliser, model.to(device).eval())

    def static(self) -> NDArray[np.float32] | None:
        """The fields that its clips show beside what was recorded, (S, H, W); None where there are none.

        Raises:
            RunError: they are missing or damaged.
        """
        if not self.config.clips.channels.static:
            return None
        return load_static(self.folder)

    @property
    def quantity(self) -> Quantity:
        """What the values on the scale of ``normaliser.plain()`` measure."""
        plain = self.normaliser.plain()
        return Quantity(
            units=self.record.units, offset=plain.offset, scale=plain.scale, step_seconds=self.record.step_seconds
        )

    def baseline(self, name: str, quantity: Quantity | None = None) -> Baseline:
        """A baseline as it was fitted on the training clips of this run; it lives on ``normaliser.plain()``.

        Args:
            name: an entry of the table of baselines.
            quantity: what the evaluated values measure; None takes what the run knows.

        Raises:
            ConfigurationError: no such baseline, or one that cannot be computed here.
        """
        baseline = build_baseline(name, self.normaliser.plain_spec(self.record.spec), quantity or self.quantity)
        if baseline.state_dict():
            load_weights(baseline, self.folder.baselines, prefix=f"{name}.")
        return baseline.eval()

    def has_baseline(self, name: str) -> bool:
        """Whether a baseline can be had as it was fitted; one that was not there in training has nothing to go by."""
        needed = build_baseline(name, self.normaliser.plain_spec(self.record.spec), self.quantity).state_dict()
        if not needed:
            return True
        if not self.folder.baselines.is_file():
            return True  # all are missing: opening one says so
        try:
            with safe_open(self.folder.baselines, framework="pt") as file:
                return {f"{name}.{key}" for key in needed} <= set(file.keys())
        except SafetensorError:
            return True  # damaged: opening one says so too


def load_static(folder: RunFolder) -> NDArray[np.float32]:
    """Read the fields that a run keeps, (S, H, W).

    Raises:
        RunError: they are missing or damaged.
    """
    try:
        return load_file(folder.static)["static"].numpy()
    except (SafetensorError, OSError, KeyError) as error:
        raise RunError(
            f"'{folder.static}', the fields that the run shows its model, cannot be read ({error}); copy the run again "
            "from where it was trained."
        ) from None


def load_normaliser(folder: RunFolder) -> Normaliser:
    """Read the normaliser of a run.

    Raises:
        RunError: it is damaged.
    """
    return Normaliser.from_json(folder.normaliser.read_text(encoding="utf-8", errors="replace"))


def save_weights(state: Mapping[str, Tensor], path: Path) -> None:
    """Write tensors as safetensors, at once or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".tmp")
    # Not save_file, which makes a file that only its owner may read.
    scratch.write_bytes(save({name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}))
    scratch.replace(path)


def load_weights(module: torch.nn.Module, path: Path, *, prefix: str = "") -> None:
    """Load weights into a module of the same architecture.

    Raises:
        RunError: the file is missing or damaged, or its tensors do not fit the module.
    """
    if not path.is_file():
        raise RunError(f"The weights '{path}' are missing.")
    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise RunError(f"'{path}' is not a readable safetensors file ({error}).") from None
    tensors = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        first = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise RunError(f"The weights in '{path}' do not fit this model: {first}") from None
