"""The Fréchet distance of two sets of vectors, each taken for a normal distribution (Dowson and Landau 1982).

d² = |μ₁ - μ₂|² + tr Σ₁ + tr Σ₂ - 2 tr (Σ₁ Σ₂)^½. With X₁ and X₂ the centred vectors over the root of their number, Σ is
XᵀX, and the last trace is the sum of the singular values of X₁ X₂ᵀ. That needs no root of a matrix that is nearly
singular, which sets with fewer vectors than dimensions always give.

Axes: N vectors, K numbers of each.
"""

from typing import Literal

import numpy as np

from framecast.metrics.metric import FloatArray

Covariance = Literal["population", "sample"]
"""What the sum of products is divided by: N, or N - 1."""


def frechet_distance(first: FloatArray, second: FloatArray, covariance: Covariance = "population") -> float:
    """Compare two sets.

    Args:
        first: (N, K), two vectors at least.
        second: (M, K), two vectors at least.
        covariance: how covariances are estimated.

    Returns:
        The squared distance d², at least 0, as it is published; NaN where a number is not finite.
    """
    if len(first) < 2 or len(second) < 2:
        raise ValueError(f"a covariance needs two vectors or more, found {len(first)} and {len(second)}")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        return float("nan")
    lost = 0 if covariance == "population" else 1
    centred = [(values - values.mean(axis=0)) / np.sqrt(len(values) - lost) for values in (first, second)]
    between_means = np.square(first.mean(axis=0) - second.mean(axis=0)).sum()
    spread = sum(float(np.square(values).sum()) for values in centred)
    one, two = (_short(values) for values in centred)
    common = float(np.linalg.svd(one @ two.T, compute_uv=False).sum())
    return max(0.0, float(between_means) + spread - 2.0 * common)


def _short(values: FloatArray) -> FloatArray:
    """(N, K) with the same XᵀX and at most K rows."""
    return np.asarray(np.linalg.qr(values, mode="r")) if len(values) > values.shape[1] else values
