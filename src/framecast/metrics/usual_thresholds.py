"""Thresholds that events are usually told by, for quantities that have such.

* Rain rate: 0.5, 2, 5, 10 and 30 mm/h, from rain that is hardly noticed to the level of a rainstorm warning. They are
  those of the HKO-7 benchmark (Shi et al., "Deep learning for precipitation nowcasting: a benchmark and a new model",
  2017), which many papers have taken over. The same in kg m⁻² s⁻¹, of which 1 is 3600 mm/h.
* Rain amount: what falls at those rates in the time that an amount is of. Without that time nothing is usual: 5 mm are
  a rainstorm in five minutes and little in a day.
* Reflectivity: 20, 30, 35 and 40 dBZ, as papers on the radars of Shanghai and CIKM have them (DiffCast, Yu et al.
  2024, which takes lower ones for MeteoNet); by Marshall and Palmer's relation 0.6, 2.7, 5.6 and 11.5 mm/h.
"""

import re

RAIN_RATES = (0.5, 2.0, 5.0, 10.0, 30.0)
"""mm/h."""

REFLECTIVITIES = (20.0, 30.0, 35.0, 40.0)
"""dBZ."""

_PER = r"\s*(/\s*{0}|{0}\s*(-1|\^-1|\*\*-1))"
_MASS_PER_AREA = r"kg\s*(/\s*m\s*(2|\^2|\*\*2|²)|m\s*(-2|\^-2|\*\*-2))"
_RAIN_RATE = re.compile("mm" + _PER.format("(h|hr|hour)"))
_RAIN_FLUX = re.compile(_MASS_PER_AREA + _PER.format("s"))
_RAIN_AMOUNT = re.compile("mm|" + _MASS_PER_AREA)


def usual_thresholds(units: str | None, step_seconds: float | None = None) -> tuple[float, ...]:
    """What counts as an event where the user did not say; empty where nothing is usual.

    Args:
        units: those of the recording, as it names them.
        step_seconds: the time that an amount of rain is of, where it is known.

    Returns:
        Thresholds in ``units``, ascending.
    """
    units = (units or "").strip()
    if _RAIN_RATE.fullmatch(units):
        return RAIN_RATES
    if _RAIN_FLUX.fullmatch(units):
        return tuple(rate / 3600.0 for rate in RAIN_RATES)
    if _RAIN_AMOUNT.fullmatch(units) and step_seconds:
        return tuple(rate * step_seconds / 3600.0 for rate in RAIN_RATES)
    return REFLECTIVITIES if units.lower() == "dbz" else ()
