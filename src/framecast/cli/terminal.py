"""What all commands share: the flags of one meaning everywhere, and the two streams.

Results go to standard output, everything else (progress, notes, mistakes) to standard error.
"""

import json
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.console import Console

INTERRUPTED = 130
"""Exit code after Ctrl-C."""

_WIDTH_OF_FILES = 160

Flag = Annotated[bool, Parameter(negative="", show_default=False)]
Json = Annotated[bool, Parameter(name="--json", negative="", show_default=False)]
Quiet = Annotated[bool, Parameter(name=["--quiet", "-q"], negative="", show_default=False)]
Settings = Annotated[
    tuple[str, ...],
    Parameter(name="--set", metavar="KEY=VALUE", negative="", allow_leading_hyphen=True, show_default=False),
]
DeviceName = Literal["auto", "cpu", "cuda", "mps"]
PrecisionName = Literal["auto", 32, "bf16"]


def progress_console(*, silent: bool) -> Console:
    """Where progress is shown."""
    return _console(stderr=True, quiet=silent)


def show(*lines: Any) -> None:
    """Print texts and tables to standard output; None prints nothing."""
    _print(_console(), lines)


def show_note(*lines: Any) -> None:
    """Print to standard error what is no result but what a person should read."""
    _print(_console(stderr=True), lines)


def show_json(content: Any) -> None:
    """Print one JSON document to standard output, in ASCII, which every pipe can carry; numbers that are not finite
    become null.
    """
    print(json.dumps(_finite(content), indent=2, allow_nan=False, default=str))


def show_mistake(message: str) -> None:
    """Print a user's mistake to standard error."""
    console = Console(stderr=True)
    console.print("framecast:", style="bold red", end=" ")
    console.print(message, highlight=False, markup=False, soft_wrap=True)


def _console(*, stderr: bool = False, quiet: bool = False) -> Console:
    console = Console(stderr=stderr, quiet=quiet)
    if not console.is_terminal:
        console.width = max(console.width, _WIDTH_OF_FILES)
    return console


def _print(console: Console, lines: tuple[Any, ...]) -> None:
    for line in lines:
        if line is not None:
            console.print(line, highlight=False, markup=False, soft_wrap=isinstance(line, str))


def _finite(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content
