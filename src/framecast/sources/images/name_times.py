"""Times and counters in the names of files: patterns that are set, and patterns that are guessed.

A pattern is written with the codes of ``strptime``: ``%Y%m%d_%H%M`` finds 2020-08-26 00:05 in
``rain_20200826_0005.png``. It is searched anywhere in the name; one with a slash is searched in the entire path, so
that ``%Y%m%d/%H%M`` takes the day from the folder. A guess is careful: every name must hold exactly one time, all
written alike, each later than the one before, and what could as well be a counter is taken for one.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Self, final

_CODES = {
    "Y": "[0-9]{4}",
    "y": "[0-9]{2}",
    "m": "[0-9]{2}",
    "d": "[0-9]{2}",
    "j": "[0-9]{3}",
    "H": "[0-9]{2}",
    "M": "[0-9]{2}",
    "S": "[0-9]{2}",
    "f": "[0-9]{1,6}",
    "s": r"[0-9]+(?:\.[0-9]+)?",
}
"""As in ``strptime``: %j is the day of the year, %f a fraction of a second; %s are seconds since 1970, UTC."""

_DATES = ({"s"}, {"Y", "m", "d"}, {"y", "m", "d"}, {"Y", "j"}, {"y", "j"})
"""Codes that tell a day; a pattern has those of one of these sets."""

_STAMP = re.compile(
    r"(?<![0-9])(?:19|20)[0-9]{2}(?P<date>[-_.]?)[0-9]{2}(?P=date)[0-9]{2}"
    r"(?:(?P<between>[T_ .-]?)(?P<clock>[0-9]{2}(?P<time>[-_.:]?)[0-9]{2}(?:(?P=time)(?P<seconds>[0-9]{2}))?)"
    r"(?P<zone>Z?))?(?![0-9])"
)
"""A day of four digits of year, two of month, two of day, perhaps with hours and minutes, perhaps with seconds."""


@final
@dataclass(frozen=True, slots=True)
class TimePattern:
    """How a time is written in a name."""

    text: str
    """Codes of ``strptime``, with whatever stands between them."""

    expression: re.Pattern[str]
    """The same as a regular expression; its brackets are the codes in order."""

    codes: tuple[str, ...]
    """Letters of the codes in order."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a pattern.

        Raises:
            ValueError: a code that is not known or stands twice, or no day among them; a sentence without its stop.
        """
        codes: list[str] = []
        parts: list[str] = []
        for piece in re.findall("%.?|[^%]+", text):
            if piece == "%%" or not piece.startswith("%"):
                parts.append(re.escape("%" if piece == "%%" else piece))
                continue
            code = piece[1:]
            if code not in _CODES or code in codes:
                reason = "stands twice" if code in codes else "is not known"
                raise ValueError(f"in the time pattern '{text}' the code '{piece}' {reason}; codes are {_known()}")
            codes.append(code)
            parts.append(f"({_CODES[code]})")
        if not any(date <= set(codes) for date in _DATES):
            raise ValueError(f"the time pattern '{text}' tells no day, such as %Y%m%d; codes are {_known()}")
        # A run of digits must be read whole: 202008260005 is no %Y%m%d.
        head = "(?<![0-9])" if text.startswith("%") else ""
        tail = "(?![0-9])" if text[-2:-1] == "%" else ""
        return cls(text, re.compile(f"{head}{''.join(parts)}{tail}"), tuple(codes))

    def time_of(self, path: Path) -> datetime | None:
        """The time in the name of a file; None where the pattern does not fit, or there is no such day or hour.

        With a time zone (UTC) only for seconds since 1970, and where a ``Z`` ends the pattern.
        """
        found = self.expression.search(path.as_posix() if "/" in self.text else path.name)
        if found is None:
            return None
        values = dict(zip(self.codes, found.groups(), strict=True))
        try:
            if "s" in values:
                return datetime.fromtimestamp(float(values["s"]), UTC)
            year = int(values["Y"]) if "Y" in values else 2000 + int(values["y"])
            if "j" in values:
                day = datetime(year, 1, 1) + timedelta(days=int(values["j"]) - 1)
                if day.year != year:
                    return None
            else:
                day = datetime(year, int(values["m"]), int(values["d"]))
            return day.replace(
                hour=int(values.get("H", 0)),
                minute=int(values.get("M", 0)),
                second=int(values.get("S", 0)),
                microsecond=int(values.get("f", "0").ljust(6, "0")),
                tzinfo=UTC if self.text.endswith("Z") else None,
            )
        except (ValueError, OverflowError, OSError):
            return None


def guess_pattern(paths: Sequence[Path]) -> TimePattern | None:
    """The pattern after which files are named by time; None where that is not clear.

    Args:
        paths: files of one folder in natural order.
    """
    if len(paths) < 2:
        return None
    stamps = list(_STAMP.finditer(paths[0].stem))
    if len(stamps) != 1:
        return None
    pattern = TimePattern.parse(_as_pattern(stamps[0]))
    times: list[datetime] = []
    for path in paths:
        time = pattern.time_of(path) if len(pattern.expression.findall(path.stem)) == 1 else None
        if time is None or (times and time <= times[-1]):
            return None
        times.append(time)
    return None if _counts_up(paths) else pattern


def counters(paths: Sequence[Path]) -> tuple[int, ...] | None:
    """The numbers by which files are counted; None where names differ in anything but one number.

    Args:
        paths: files of one folder in natural order.
    """
    parts = [re.split("([0-9]+)", path.stem) for path in paths]
    if len({tuple(part[::2]) for part in parts}) != 1:
        return None
    numbers = [tuple(int(number) for number in part[1::2]) for part in parts]
    varying = [place for place, column in enumerate(zip(*numbers, strict=True)) if len(set(column)) > 1]
    return tuple(number[varying[0]] for number in numbers) if len(varying) == 1 else None


def missing_numbers(numbers: Sequence[int]) -> tuple[int, ...]:
    """Places where numbers are missing, where a counter mostly goes on by the same amount.

    Returns:
        Indices of the first number after each gap; nothing where the numbers are too uneven to be a plain count.
    """
    steps = [after - before for before, after in pairwise(numbers)]
    if not steps:
        return ()
    counts = Counter(steps)
    usual = min(counts, key=lambda step: (-counts[step], step))
    if counts[usual] * 2 < len(steps):
        return ()
    return tuple(place for place, step in enumerate(steps, start=1) if step != usual)


def _as_pattern(stamp: re.Match[str]) -> str:
    date, time = stamp["date"], stamp["time"] or ""
    text = f"%Y{date}%m{date}%d"
    if stamp["clock"] is None:
        return text
    text += f"{stamp['between']}%H{time}%M"
    return text + (f"{time}%S" if stamp["seconds"] else "") + stamp["zone"]


def _counts_up(paths: Sequence[Path]) -> bool:
    """Whether the digits after the day are the numbers 1, 2, 3, …: a counter beside a date, not a clock.

    A few numbers may be missing. Minutes (or seconds) do not count to 99, so that a clock is known by its jumps.
    """
    clocks: list[int] = []
    for path in paths:
        stamp = _STAMP.search(path.stem)
        if stamp is None or stamp["clock"] is None or stamp["time"] or stamp["between"] == "T":
            return False
        clocks.append(int(stamp["clock"]))
    steps = [after - before for before, after in pairwise(clocks)]
    jumps = any(after // 100 != before // 100 and before % 100 < 99 for before, after in pairwise(clocks))
    return steps.count(1) * 2 > len(steps) and not jumps


def _known() -> str:
    return ", ".join(f"%{code}" for code in _CODES)
