"""The colours of rain: ten steps that grow darker with every step, pale blue for drizzle, dark red for a cloudburst.

Radar pictures are usually drawn in steps that each about double the rate. The rainbow that is usual with them (blue,
green, yellow, red) goes up and down in brightness, so that people with a colour vision deficiency, and printers, turn
moderate rain into heavy rain. Here brightness alone gives the order; the hue, from blue over violet to red, helps those
who see it. Dry land is nearly white, and what was not measured is grey, which no rate of rain is.

Steps in dBZ are those of every 5 dBZ. By the relation of Marshall and Palmer (1948, Z = 200 R^1.6) the two scales agree
within half a step: 0.1 mm/h are 7 dBZ, 1 mm/h are 23, 10 mm/h are 39, 100 mm/h are 55.
"""

from framecast.reports.tiles import Colour

DRY: Colour = (248, 248, 246)
"""Below the first step."""

UNMEASURED: Colour = (170, 170, 170)

COLOURS: tuple[Colour, ...] = (
    (197, 230, 247),
    (157, 209, 238),
    (112, 188, 234),
    (73, 162, 219),
    (21, 136, 205),
    (50, 109, 188),
    (92, 72, 163),
    (113, 26, 107),
    (92, 0, 49),
    (57, 0, 6),
)
"""Of each step, weakest first; CIE lightness falls from 90 to 8 in even steps."""

STEPS: dict[str, tuple[float, ...]] = {
    "mm/h": (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0),
    "dBZ": (10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0, 45.0, 50.0, 55.0),
}
"""The lowest value of each step, in these units."""

_SPELLINGS = {
    "mm/h": "mm/h",
    "mm/hr": "mm/h",
    "mm/hour": "mm/h",
    "mmh-1": "mm/h",
    "mmh^-1": "mm/h",
    "mmh**-1": "mm/h",
    "mmhr-1": "mm/h",
    "mmhour-1": "mm/h",
    "dbz": "dBZ",
}


def rain_unit(units: str | None) -> str | None:
    """The key of :data:`STEPS` that units stand for, however they are spelled; None if they are no rain."""
    return _SPELLINGS.get("".join((units or "").lower().split()))
