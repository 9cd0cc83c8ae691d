"""A pyRadPlan patient in, a pyRadPlan dij out."""

import numpy as np
import pytest

import kerma
from kerma.pyradplan import from_pyradplan, to_dij

pytest.importorskip("pyRadPlan")


@pytest.fixture(scope="module")
def theirs():
    from pyRadPlan import load_tg119

    return load_tg119()


def test_a_patient_keeps_its_voxels_and_masks(theirs):
    import SimpleITK

    ct, cst = theirs
    patient = from_pyradplan(ct, cst)
    assert np.array_equal(patient.ct.array, SimpleITK.GetArrayFromImage(ct.cube_hu).astype(np.float32))
    assert patient.structures == [v.name for v in cst.vois]
    for voi in cst.vois:
        want = SimpleITK.GetArrayFromImage(voi.mask) > 0
        assert np.array_equal(patient.mask(voi.name) >= 0.5, want), voi.name


def test_a_matrix_is_a_dij_that_they_multiply_to_the_same_dose(theirs):
    ct, cst = theirs
    patient = from_pyradplan(ct, cst)
    matrix = patient.influence("OuterTarget", [0, 120, 240], bixel=15, grid=9, progress=False)
    dij = to_dij(matrix, ct)
    assert dij.total_num_of_bixels == matrix.shape[1] and dij.num_of_beams == 3
    weights = np.linspace(1, 2, matrix.shape[1])
    result = dij.get_result_arrays_from_intensity(weights)
    own = matrix.dose(weights)
    assert result["physical_dose"].reshape(own.array.shape) == pytest.approx(own.array, rel=1e-4, abs=1e-6)
    assert np.allclose(sum(result["physical_dose_beam"]), result["physical_dose"])
    assert np.allclose(dij.dose_grid.origin, own.origin)
    assert np.shares_memory(dij.physical_dose.flat[0].data, matrix.matrix.data)
    image = dij.compute_result_ct_grid(weights)["physical_dose"]
    assert image.GetSize() == ct.cube_hu.GetSize()


def test_blocks_of_columns_are_a_dij_too(tmp_path):
    import kerma.distributed

    kerma.demo("tg119", tmp_path)
    blocks = kerma.distributed.influence(tmp_path, "OuterTarget", [0, 90], bixel=20, grid=10)
    dij = to_dij(blocks)
    assert list(np.bincount(dij.beam_num)) == [len(b["bixels_mm"]) for b in blocks.beams]
    assert tuple(dij.dose_grid.dimensions) == blocks.grid.array.shape[::-1]


def test_masks_elsewhere_are_refused(theirs):
    import copy

    ct, cst = theirs
    moved = copy.deepcopy(ct)
    moved.cube_hu.SetOrigin((0, 0, 0))
    with pytest.raises(kerma.ArgumentError, match="voxels"):
        from_pyradplan(moved, cst)
