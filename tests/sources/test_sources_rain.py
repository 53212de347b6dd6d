"""Rain rate, amount and reflectivity, against figures worked out in other ways."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from framecast.sources.radar.rain import (
    MARSHALL_PALMER,
    ZR,
    amount_to_rate,
    convert_rain,
    no_rain,
    rate_to_amount,
    rate_to_reflectivity,
    reflectivity_to_rate,
)

UNITS = ("mm/h", "mm", "dBZ")


@pytest.mark.parametrize(
    ("rate", "decibels"), [(1.0, 23.0103), (0.1, 7.0103), (10.0, 39.0103), (100.0, 55.0103), (2.0, 27.8268)]
)
def test_marshall_and_palmer_in_round_numbers(rate, decibels):
    """10 log10(200) = 23.0103, and each factor of ten in the rate adds 16 dB."""
    assert rate_to_reflectivity(np.array(rate)) == pytest.approx(decibels, abs=1e-3)
    assert reflectivity_to_rate(np.array(decibels)) == pytest.approx(rate, rel=1e-4)


@given(rate=st.floats(0.04, 300), a=st.floats(50, 500), b=st.floats(1, 2.5))
def test_the_textbook_formula_in_double_precision(rate, a, b):
    zr = ZR(a=a, b=b, floor_dbz=-90)
    decibels = 10 * math.log10(a * rate**b)
    assert rate_to_reflectivity(np.array([rate]), zr)[0] == pytest.approx(decibels, abs=1e-4)
    assert reflectivity_to_rate(np.array([decibels]), zr)[0] == pytest.approx(
        (10 ** (decibels / 10) / a) ** (1 / b), 1e-4
    )


def test_no_rain_is_the_floor_and_the_floor_is_no_rain():
    zr = ZR(floor_dbz=-15)
    np.testing.assert_array_equal(rate_to_reflectivity(np.array([0, -0.0, -2, 1e-9, 1e-30]), zr), np.float32(-15))
    np.testing.assert_array_equal(reflectivity_to_rate(np.array([-15, -15.01, -32, -np.inf]), zr), 0)
    assert reflectivity_to_rate(np.array(-14.9), zr) > 0
    assert (no_rain("dBZ", zr), no_rain("mm/h", zr), no_rain("mm", zr)) == (-15, 0, 0)


def test_amounts_and_rates():
    np.testing.assert_allclose(amount_to_rate(np.array([0.01, 2.45]), 300), [0.12, 29.4], rtol=1e-6)
    np.testing.assert_allclose(rate_to_amount(np.array([0.12, 29.4]), 300), [0.01, 2.45], rtol=1e-6)
    np.testing.assert_allclose(amount_to_rate(np.array([7.0]), 3600), [7.0])


@given(
    rate=arrays(np.float32, (3, 4), elements=st.one_of(st.just(0), st.floats(0.0625, 200, width=32))),
    lost=arrays(bool, (3, 4)),
    have=st.sampled_from(UNITS),
    want=st.sampled_from(UNITS),
)
def test_there_and_back_again(rate, lost, have, want):
    rate[lost] = np.nan
    before = rate.copy()
    values = convert_rain(rate, "mm/h", have, interval_seconds=300)
    there = convert_rain(values, have, want, interval_seconds=300)
    back = convert_rain(convert_rain(there, want, have, interval_seconds=300), have, "mm/h", interval_seconds=300)
    for converted in (values, there, back):
        assert converted.dtype == np.float32
        np.testing.assert_array_equal(np.isnan(converted), lost)
    np.testing.assert_allclose(back, rate, rtol=2e-5, atol=0)
    np.testing.assert_array_equal(rate, before)
    np.testing.assert_array_equal(there[rate == 0], no_rain(want))


def test_more_rain_is_more_in_every_unit():
    rate = np.linspace(0.04, 150, 2000)
    for units in UNITS:
        assert (np.diff(convert_rain(rate, "mm/h", units, interval_seconds=300)) > 0).all()


def test_reflectivity_that_stays_so_is_raised_to_the_floor():
    given = np.array([-32, -0.5, 0, 12.5, np.nan])
    np.testing.assert_array_equal(convert_rain(given, "dBZ", "dBZ"), np.float32([0, 0, 0, 12.5, np.nan]))


def test_only_what_needs_an_interval_asks_for_one():
    assert convert_rain(np.array(3.0), "mm", "mm") == 3
    assert convert_rain(np.array(23.0103), "dBZ", "mm/h") == pytest.approx(1, rel=1e-5)
    for have, want in (("mm", "mm/h"), ("mm", "dBZ"), ("mm/h", "mm"), ("dBZ", "mm")):
        with pytest.raises(ValueError, match="interval"):
            convert_rain(np.array(3.0), have, want)
    with pytest.raises(ValueError, match="longer than 0 s"):
        amount_to_rate(np.array(1.0), 0)


def test_relations_that_make_no_sense_are_refused():
    assert ZR() == MARSHALL_PALMER
    for wrong in ({"a": 0}, {"b": -1}, {"floor_dbz": math.nan}, {"a": math.inf}):
        with pytest.raises(ValueError, match="above 0"):
            ZR(**wrong)
