"""Gamma with the arguments of pymedphys."""

import numpy as np
import pytest

import kerma


def doses(shape=(20, 24, 28), spacing=(3.0, 2.5, 2.0)):
    axes = tuple(s * np.arange(n) - 10 for s, n in zip(spacing, shape))
    z, y, x = np.meshgrid(*axes, indexing="ij")
    reference = 2 * np.exp(-((x - 15) ** 2 + (y - 18) ** 2 + (z - 17) ** 2) / 500)
    evaluated = 2.03 * np.exp(-((x - 16) ** 2 + (y - 18) ** 2 + (z - 17.5) ** 2) / 500)
    return axes, reference, evaluated


def test_equal_doses_have_no_gamma():
    axes, dose, _ = doses()
    g = kerma.gamma(axes, dose, axes, dose, 3, 3)
    assert g.shape == dose.shape
    assert np.nanmax(g) < 1e-6
    assert np.array_equal(np.isnan(g), dose < 0.2 * dose.max())


def test_a_shift_along_one_axis_has_the_gamma_of_its_length():
    x = np.arange(0, 100, 2.0)
    dose = 1 + x / 1000
    g = kerma.gamma((x,), dose, (x,), dose * 1.01, 2, 1e-3, 0)
    assert g == pytest.approx(dose * 0.01 / (0.02 * dose.max()), rel=1e-2)


def test_falling_axes_are_turned_and_turned_back():
    axes, reference, evaluated = doses()
    want = kerma.gamma(axes, reference, axes, evaluated, 2, 2)
    turned = (axes[0][::-1], axes[1], axes[2])
    got = kerma.gamma(turned, reference[::-1], axes, evaluated, 2, 2)
    assert np.allclose(got[::-1], want, equal_nan=True)


def test_several_thresholds_give_a_dict():
    axes, reference, evaluated = doses()
    g = kerma.gamma(axes, reference, axes, evaluated, [1, 3], 3, max_gamma=1.5)
    assert set(g) == {(1.0, 3.0), (3.0, 3.0)}
    assert np.nanmean(g[(1.0, 3.0)]) > np.nanmean(g[(3.0, 3.0)])


def test_uneven_axes_and_odd_shapes_are_refused():
    axes, reference, evaluated = doses()
    bent = (np.concatenate([axes[0][:-1], [1000.0]]), *axes[1:])
    with pytest.raises(kerma.ArgumentError, match="evenly"):
        kerma.gamma(bent, reference, axes, evaluated, 3, 3)
    with pytest.raises(kerma.ArgumentError, match="shape"):
        kerma.gamma(axes, reference[1:], axes, evaluated, 3, 3)


def test_pymedphys_agrees():
    pymedphys = pytest.importorskip("pymedphys")
    axes, reference, evaluated = doses()
    ours = kerma.gamma(axes, reference, axes, evaluated, 2, 2, exact=False, max_gamma=2)
    theirs = pymedphys.gamma(axes, reference, axes, evaluated, 2, 2, max_gamma=2, quiet=True)
    assert np.array_equal(np.isnan(ours), np.isnan(theirs))
    assert np.nanmax(np.abs(ours - theirs)) < 1e-4
    exact = kerma.gamma(axes, reference, axes, evaluated, 2, 2, max_gamma=2)
    assert np.nanmax(exact - theirs) < 1e-4  # samples lie above the minimum
