"""The training log: a CSV file always, TensorBoard as well when it is installed."""

import csv
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, final

Row = dict[str, float | int]

_WITHOUT_TENSORFLOW = "tensorboard.compat.notf"
"""The module by which TensorBoard is told to do without TensorFlow."""


@final
class TrainingLog:
    """One row for each validation. Rows live in the checkpoint, so a resumed training continues the same table."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[Row] = []
        self._board: Any = None

    def restore(self, rows: list[Row]) -> None:
        """Continue from the rows of a checkpoint; later rows in the file belong to steps that will be done again."""
        self.rows = list(rows)
        self._write()

    def append(self, row: Row) -> None:
        """Add a row: ``epoch`` and ``step`` (1-based counts of what is done), then named numbers."""
        self.rows.append(row)
        self._write()
        self._to_tensorboard(row)

    def close(self) -> None:
        """Flush TensorBoard's file."""
        if self._board is not None:
            self._board.close()

    def _write(self) -> None:
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        scratch = self.path.with_suffix(".tmp")
        with scratch.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(self.rows)
        scratch.replace(self.path)

    def _to_tensorboard(self, row: Row) -> None:
        if self._board is None:
            if find_spec("tensorboard") is None:
                return
            self._board = _tensorboard(self.path.parent / "tensorboard")
        for name, value in row.items():
            if name not in ("epoch", "step"):
                self._board.add_scalar(name, value, global_step=row["step"])


def _tensorboard(folder: Path) -> Any:
    """A writer into the folder.

    TensorBoard would load the whole of TensorFlow, where that is installed, to write one file: seconds of waiting, and
    messages among ours. A module of this name makes it use its own small replacement. Whoever has loaded TensorFlow
    already keeps it.
    """
    if "tensorflow" not in sys.modules:
        sys.modules.setdefault(_WITHOUT_TENSORFLOW, ModuleType(_WITHOUT_TENSORFLOW))
    from torch.utils.tensorboard.writer import SummaryWriter

    return SummaryWriter(str(folder))
