"""Functions of SciPy and scikit-learn, which know nothing of glassgrad, with gradients and what these should be.

Run as a program, it prints them as JSON: both libraries take arrays that are not NumPy's only where this is asked for
before SciPy is imported.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import glassgrad as gg
from glassgrad import xp

DATA = np.array([1.0, 2.5, 4.0, 7.0, 3.0])
_DRAW = np.random.default_rng(0)
TABLE = _DRAW.normal(size=(8, 3))
TARGET = TABLE @ [1.0, 2.0, -1.0] + 0.1 * _DRAW.normal(size=8)


def scipy_functions() -> dict[str, tuple[Callable[[Any], Any], np.ndarray]]:
    import scipy.differentiate
    import scipy.fft
    import scipy.integrate
    import scipy.ndimage
    import scipy.signal
    import scipy.special
    import scipy.stats
    from scipy.spatial.transform import Rotation

    other = xp.asarray([2.0, 1.0, 3.0])

    def cubature(b: Any) -> Any:
        return scipy.integrate.cubature(lambda p: xp.exp(-p[:, 0] * b), xp.asarray([0.0]), xp.asarray([1.0]))

    return {
        "stats.skew": (scipy.stats.skew, DATA),
        "stats.kurtosis": (scipy.stats.kurtosis, DATA),
        "stats.gmean": (scipy.stats.gmean, DATA),
        "stats.hmean": (scipy.stats.hmean, DATA),
        "stats.variation": (scipy.stats.variation, DATA),
        "stats.zscore": (lambda x: scipy.stats.zscore(x)[0], DATA),
        "stats.circmean": (scipy.stats.circmean, DATA),
        "stats.lmoment": (lambda x: scipy.stats.lmoment(x, order=2), DATA),
        "special.logsumexp": (scipy.special.logsumexp, DATA),
        "special.log_softmax": (lambda x: scipy.special.log_softmax(x)[1], DATA),
        "fft.rfft": (lambda x: xp.sum(xp.abs(scipy.fft.rfft(x))), DATA),
        "fft.fht": (lambda x: scipy.fft.fht(x, 0.1, 0.5)[2], DATA),
        "signal.hilbert": (lambda x: xp.abs(scipy.signal.hilbert(x))[1], DATA),
        "signal.fftconvolve": (lambda x: xp.sum(scipy.signal.fftconvolve(x, other) ** 2), DATA),
        "integrate.trapezoid": (lambda x: scipy.integrate.trapezoid(x**2), DATA),
        "integrate.tanhsinh": (
            lambda b: scipy.integrate.tanhsinh(xp.sin, xp.asarray(0.0), b).integral,
            np.array(1.0),
        ),
        "integrate.cubature": (lambda b: cubature(b).estimate, np.array(1.5)),
        "differentiate.derivative": (lambda t: scipy.differentiate.derivative(xp.sin, t).df, np.array(0.5)),
        "Rotation.from_rotvec": (
            lambda v: Rotation.from_rotvec(v).as_matrix()[0, 1],
            np.array([0.1, 0.2, 0.3]),
        ),
    }


def sklearn_functions() -> dict[str, tuple[Callable[[Any], Any], np.ndarray]]:
    import sklearn
    from sklearn.decomposition import PCA
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.linear_model import Ridge
    from sklearn.metrics.pairwise import cosine_similarity, rbf_kernel
    from sklearn.preprocessing import MinMaxScaler, Normalizer, PolynomialFeatures

    sklearn.set_config(array_api_dispatch=True)
    target, classes = xp.asarray(TARGET), xp.asarray([0, 1] * 4)

    def discriminant(x: Any) -> Any:
        return xp.sum(LinearDiscriminantAnalysis().fit(x, classes).transform(x) ** 2)

    return {
        "MinMaxScaler": (lambda x: xp.sum(MinMaxScaler().fit_transform(x) ** 2), TABLE),
        "Normalizer": (lambda x: xp.sum(Normalizer().fit_transform(x) ** 3), TABLE),
        "PolynomialFeatures": (lambda x: xp.sum(PolynomialFeatures().fit_transform(x) ** 3), TABLE),
        "Ridge": (lambda x: Ridge(solver="svd").fit(x, target).coef_[0], TABLE),
        "Ridge by its target": (lambda y: Ridge(solver="svd").fit(xp.asarray(TABLE), y).coef_[0], TARGET),
        "PCA": (lambda x: xp.abs(PCA(1).fit_transform(x))[0, 0], TABLE),
        "LinearDiscriminantAnalysis": (discriminant, TABLE),
        "cosine_similarity": (lambda x: cosine_similarity(x)[0, 1], TABLE),
        "rbf_kernel": (lambda x: rbf_kernel(x)[0, 1], TABLE),
    }


def central_differences(f: Callable[[Any], Any], at: np.ndarray, h: float = 1e-5) -> list[float]:
    slopes = []
    for place in np.ndindex(at.shape):
        step = np.zeros(at.shape)
        step[place] = h
        slopes.append(float(f(xp.asarray(at + step)) - f(xp.asarray(at - step))) / (2 * h))
    return slopes


if __name__ == "__main__":
    os.environ["SCIPY_ARRAY_API"] = "1"
    warnings.simplefilter("ignore")
    functions = scipy_functions() if sys.argv[1] == "scipy" else sklearn_functions()
    found = {}
    for name, (f, at) in functions.items():
        gradient = gg.grad(lambda x, f=f: xp.sum(f(x)))(at)
        found[name] = [
            gradient.numpy().ravel().tolist(),
            central_differences(lambda x, f=f: xp.sum(f(x)), at),
        ]
    print(json.dumps(found))
