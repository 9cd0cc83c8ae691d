"""The gamma index, asked for as pymedphys asks."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._library import CVolume, GammaOptions, GammaSummary, Handle, call, interruptible, load
from .errors import ArgumentError
from .volume import Volume

#: What stands for "no limit" (pymedphys's max_gamma=None).
_UNLIMITED = 1000.0


class Gamma:
    """A comparison of two doses.

    Attributes
    ----------
    array : numpy.ndarray
        Gamma at the points of the reference, NaN where there is none; a view.
    pass_rate : float
        Points with gamma of at most 1, percent.
    points, passed, below_cutoff, no_reference, no_criterion, not_drawn, no_data, unproven : int
    mean, max, normalisation : float
        Of gamma, and the dose of 100 % in Gy.
    """

    array: NDArray[np.float32]
    pass_rate: float
    mean: float
    max: float
    normalisation: float
    points: int
    passed: int

    def __init__(self, handle: Handle) -> None:
        library = load()
        summary, c = GammaSummary(), CVolume()
        library.kerma_gamma_get(handle.pointer, ctypes.byref(summary))
        for field in summary._fields_:
            setattr(self, field[0], getattr(summary, field[0]))
        library.kerma_gamma_volume(handle.pointer, ctypes.byref(c))
        self.array = Volume._of(c, handle).array

    def __repr__(self) -> str:
        return f"Gamma({self.pass_rate:.2f} % of {self.points} points pass)"


def compare(
    reference: Volume,
    evaluated: Volume,
    dose_percent: float = 3,
    distance: float = 3,
    cutoff_percent: float = 10,
    *,
    max_gamma: float = 2,
    local: bool = False,
    normalisation: float = 0,
    samples: int = 0,
    stop_once_passed: bool = False,
    subset: int = 0,
    seed: int = 0,
    threads: int = 0,
) -> Gamma:
    """Gamma of two volumes of dose (Gy) on any two grids.

    The minimum is that over the trilinear interpolant of the evaluated dose, not
    the least of some samples; ``samples`` above 0 takes as many for each
    distance criterion, as pymedphys does.
    """
    options = GammaOptions()
    load().kerma_gamma_options_init(ctypes.byref(options))
    options.dose_percent, options.distance, options.cutoff_percent = dose_percent, distance, cutoff_percent
    options.max_gamma, options.local, options.normalisation = max_gamma, local, normalisation
    options.samples, options.stop_once_passed = samples, stop_once_passed
    options.subset, options.seed, options.threads = subset, seed, threads

    def work(cancel: int) -> Any:
        options.cancel = cancel
        return call("kerma_gamma_compute", ctypes.byref(reference._c()), ctypes.byref(evaluated._c()), ctypes.byref(options))

    return Gamma(Handle(interruptible(work), "kerma_gamma_free"))


def gamma(
    axes_reference: Sequence[ArrayLike],
    dose_reference: ArrayLike,
    axes_evaluation: Sequence[ArrayLike],
    dose_evaluation: ArrayLike,
    dose_percent_threshold: float | Sequence[float],
    distance_mm_threshold: float | Sequence[float],
    lower_percent_dose_cutoff: float = 20,
    interp_fraction: int = 10,
    max_gamma: float | None = None,
    local_gamma: bool = False,
    global_normalisation: float | None = None,
    skip_once_passed: bool = False,
    random_subset: int | None = None,
    ram_available: int | None = None,
    quiet: bool = True,
    *,
    exact: bool = True,
) -> Any:
    """Gamma with the arguments of ``pymedphys.gamma``, in their order.

    Parameters
    ----------
    axes_reference, axes_evaluation : sequence of arrays
        Coordinates of the points along each axis of the dose, mm, evenly spaced:
        one to three of them.
    dose_reference, dose_evaluation : array
        Dose, Gy.
    dose_percent_threshold : float or sequence
        Percent of the normalisation. Several thresholds give a dict of arrays.
    distance_mm_threshold : float or sequence
        mm.
    lower_percent_dose_cutoff : float
        Reference points below this share of the normalisation are NaN.
    interp_fraction : int
        Samples for each distance; only with ``exact=False``.
    max_gamma : float, optional
        Largest value looked for; none means far away.
    ram_available, quiet
        Taken for the sake of the notebook; they change nothing.
    exact : bool
        The minimum over the continuous interpolant (default), or over samples
        as pymedphys takes them.

    Returns
    -------
    numpy.ndarray, or dict of them
        Gamma in the shape of ``dose_reference``, NaN where there is none. With
        several thresholds a dict by (dose, distance).
    """
    reference, falling = _volume("reference", axes_reference, dose_reference)
    evaluated, _ = _volume("evaluation", axes_evaluation, dose_evaluation)
    shape = np.shape(dose_reference)

    def one(dose: float, distance: float) -> NDArray[np.float32]:
        values = compare(
            reference, evaluated, dose, distance, lower_percent_dose_cutoff,
            max_gamma=_UNLIMITED if max_gamma is None or np.isinf(max_gamma) else max_gamma,
            local=local_gamma, normalisation=global_normalisation or 0, samples=0 if exact else interp_fraction,
            stop_once_passed=skip_once_passed, subset=random_subset or 0,
        ).array.reshape(shape)
        return np.flip(values, falling)

    if np.ndim(dose_percent_threshold) == 0 and np.ndim(distance_mm_threshold) == 0:
        return one(float(dose_percent_threshold), float(distance_mm_threshold))  # type: ignore[arg-type]
    return {
        (float(dose), float(distance)): one(float(dose), float(distance))
        for dose in np.atleast_1d(dose_percent_threshold)
        for distance in np.atleast_1d(distance_mm_threshold)
    }


def _volume(name: str, axes: Sequence[ArrayLike], dose: ArrayLike) -> tuple[Volume, tuple[int, ...]]:
    """Dose on coordinates as a volume, and the axes that fell and were turned round.

    Fewer than three axes get leading ones of one point.
    """
    coordinates = [np.asarray(a, dtype=float).ravel() for a in (axes if np.ndim(axes[0]) else [axes])]
    values = np.asarray(dose)
    if values.shape != tuple(len(a) for a in coordinates) or not 1 <= values.ndim <= 3:
        raise ArgumentError(f"{name}: dose of the shape {values.shape} on axes of {[len(a) for a in coordinates]} points")
    origin: list[float] = []
    spacing: list[float] = []
    falling: list[int] = []
    for i, a in enumerate(coordinates):
        steps = np.diff(a)
        step = float(steps.mean()) if len(steps) else 1.0
        if len(steps) and not np.allclose(steps, step, rtol=0, atol=1e-3 * abs(step)) or step == 0:
            raise ArgumentError(f"{name}: axis {i} is not evenly spaced")
        if step < 0:
            values, a, step = np.flip(values, i), a[::-1], -step
            falling.append(i)
        origin.append(float(a[0]))
        spacing.append(step)
    missing = 3 - values.ndim
    values = values.reshape((1,) * missing + values.shape)
    return Volume(values, origin[::-1] + [0.0] * missing, spacing[::-1] + [1.0] * missing), tuple(falling)
