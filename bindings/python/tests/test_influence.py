"""Influence matrices."""

import numpy as np
import pytest

import kerma


@pytest.fixture(scope="module")
def matrix():
    return kerma.demo("tg119").influence("OuterTarget", [0, 90], bixel=10, grid=6, progress=False)


def test_scipy_and_the_library_multiply_the_same(matrix):
    rng = np.random.default_rng(1)
    weights = rng.random(matrix.shape[1])
    assert matrix.matrix @ weights == pytest.approx(matrix @ weights, rel=1e-4, abs=1e-9)
    gradient = rng.random(matrix.shape[0])
    assert matrix.matrix.T @ gradient == pytest.approx(matrix.transposed(gradient), rel=1e-4)


def test_values_are_a_view(matrix):
    m = matrix.matrix
    assert not m.data.flags.owndata and m.nnz == matrix.about["entries"]
    assert m.has_canonical_format
    assert sum(len(b["bixels_mm"]) for b in matrix.beams) == m.shape[1]


def test_dose_is_a_volume(matrix):
    dose = matrix.dose(np.ones(matrix.shape[1]))
    assert dose.array.size == matrix.shape[0] and dose.array.max() > 0
    assert np.all((0 <= matrix.lost) & (matrix.lost < 0.5))


def test_wrong_shapes_and_limits_are_refused(matrix):
    with pytest.raises(kerma.ArgumentError, match="bixels"):
        matrix @ np.ones(3)
    with pytest.raises(kerma.ArgumentError, match="voxels"):
        matrix.transposed(np.ones(3))
    patient = kerma.demo("tg119")
    with pytest.raises(kerma.ArgumentError, match="bytes"):
        patient.influence("OuterTarget", 0, max_bytes=1000, progress=False)
    with pytest.raises(kerma.NotFoundError, match="nobody"):
        patient.influence("nobody", 0, progress=False)
    with pytest.raises(kerma.ArgumentError, match="couch"):
        patient.influence("OuterTarget", [0, 1, 2], couch=[0, 1], progress=False)
