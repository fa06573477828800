"""Min-max and logarithmic scales: what goes in comes out."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydantic import TypeAdapter

from netdiffus.errors import InputError
from netdiffus.imaging.range_scale import LogScale, RangeScale
from netdiffus.imaging.scales import SCALES, ScaleManifest, fit_scale, scale_of

NAN = float("nan")
SPANS = [RangeScale, LogScale]
values_or_absent = hnp.arrays(
    np.float64,
    st.integers(1, 60),
    elements=st.one_of(st.integers(-(10**11), 10**11).map(float), st.integers(-1500, 1500).map(float), st.just(NAN)),
).filter(lambda array: not np.isnan(array).all())


@pytest.mark.parametrize("scale", SPANS)
@given(values_or_absent)
def test_every_integer_comes_back(scale, values) -> None:
    fitted = scale.fit(values)
    low, high = fitted.interval(values)
    assert np.array_equal(low, high)
    assert low.min() >= 0
    assert low.max() <= 1
    assert np.array_equal(fitted.decode(low), values, equal_nan=True)


def test_the_published_scale() -> None:
    scale = RangeScale(-1460.0, 1460.0, absent=False)
    signed = np.array([-1460, -517, 0, 64, 1460.0])
    assert np.abs(scale.interval(signed)[0] - (signed + 1460) / 2920).max() < 1e-15
    assert scale.interval([9999.0, -9999.0, NAN])[0].tolist() == [1, 0, 1]


def test_absence_keeps_a_distance() -> None:
    scale = RangeScale.fit([0, 10, NAN])
    assert scale.interval([0, 10, NAN])[0].tolist() == [0, 0.8, 1]
    assert scale.decode([0.8, 0.89, 1.2]).tolist()[:2] == [10, 10]
    assert np.isnan(scale.decode(0.91))
    assert RangeScale.fit([0, 10]).decode(1.0) == 10


def test_the_logarithm_tells_small_values_apart() -> None:
    even, log = (scale.fit([0, 10**9]).interval([0, 100])[0][1] for scale in SPANS)
    assert even < 1e-6
    assert log == pytest.approx(np.log(101) / np.log(1e9 + 1))


def test_error_of_what_is_decoded_under_noise_is_as_documented() -> None:
    rng, e = np.random.default_rng(0), 1e-5
    values = np.floor(10 ** rng.uniform(0, 9, 2000))
    for scale, most in [
        (RangeScale.fit(values), e * np.ptp(values)),
        (LogScale.fit(values), e * np.log1p(values.max()) * (1 + values)),
    ]:
        u = np.clip(scale.interval(values)[0] + rng.uniform(-e, e, 2000), 0, 1)
        assert (np.abs(scale.decode(u) - values) <= 1.01 * most + 1).all()


@pytest.mark.parametrize("name", SCALES)
@given(values_or_absent)
def test_json_keeps_all_of_it(name, values) -> None:
    scale = fit_scale(name, values)
    again = scale_of(TypeAdapter(ScaleManifest).validate_python(json.loads(json.dumps(scale.to_json()))))
    assert type(again) is type(scale)
    assert all(np.array_equal(a, b) for a, b in zip(again.interval(values), scale.interval(values), strict=True))
    u = np.linspace(0, 1, 50)
    assert np.array_equal(again.decode(u), scale.decode(u), equal_nan=True)
    assert scale.largest == np.nanmax(values)


def test_one_value_alone() -> None:
    scale = RangeScale.fit([7, 7])
    assert scale.interval([7])[0].tolist() == [0]
    assert scale.decode([0.0, 1.0]).tolist() == [7, 7]


def test_what_is_refused() -> None:
    with pytest.raises(InputError, match="at least one value"):
        LogScale.fit([NAN])
    with pytest.raises(InputError, match="a scale among empirical, minmax, log; got 'sqrt'"):
        fit_scale("sqrt", [1.0])
