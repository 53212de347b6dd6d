"""pysteps, imported late and kept quiet.

Importing it prints where its configuration file lies, and its nowcasts print what they do; both go nowhere here.
Warnings that its arithmetic gives for dry or odd fields are not shown: what comes out is checked instead.
"""

import io
import warnings
from collections.abc import Generator
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np


def pysteps_missing() -> str | None:
    """How to get it, where it is not installed."""
    if find_spec("pysteps") is not None and find_spec("cv2") is not None:
        return None
    return 'pysteps, or the OpenCV it finds motion by, is not installed; get both: pip install "framecast[nowcast]"'


@contextmanager
def quiet() -> Generator[None]:
    """Nothing is printed or warned of inside; afterwards all is as it was."""
    drawn: Any = np.random.get_state()  # noqa: NPY002 - pysteps draws from it; ours must not notice
    try:
        with redirect_stdout(io.StringIO()), warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    finally:
        np.random.set_state(drawn)  # noqa: NPY002


def pysteps_module(name: str) -> Any:
    """A module of pysteps, for example ``"nowcasts.sprog"``."""
    with quiet():
        return import_module(f"pysteps.{name}")
