"""Outcomes in words and by a mark whose shape, not its colour, tells them apart."""

from typing import Literal

Outcome = Literal["better", "worse", "unclear"]

MARKS: dict[Outcome, str] = {"better": "▲", "worse": "▼", "unclear": "◆"}
"""Up, down, neither."""

LEGEND = "▲ better, ▼ worse, ◆ unclear: the interval holds 0, or there is none."
