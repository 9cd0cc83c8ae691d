"""Patients and matrices to and from pyRadPlan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import ArgumentError
from .outline import contours
from .patient import Patient
from .volume import Volume

if TYPE_CHECKING:
    from .distributed import Blocks
    from .influence import Influence


def from_pyradplan(ct: Any, cst: Any) -> Patient:
    """The patient of a pyRadPlan CT and structure set.

    Parameters
    ----------
    ct : pyRadPlan.CT
        HU; lying head first and supine.
    cst : pyRadPlan.StructureSet
        Masks on the voxels of the CT. The one of the type EXTERNAL is the body.
    """
    volume = Volume.from_sitk(ct.cube_hu)
    structures, external = {}, None
    for voi in cst.vois:
        mask = Volume.from_sitk(voi.mask)
        if mask.array.shape != volume.array.shape or not np.allclose(mask.origin, volume.origin, atol=1e-3):
            raise ArgumentError(f"the mask of {voi.name!r} is not on the voxels of the CT")
        if voi.name in structures:
            raise ArgumentError(f"two structures named {voi.name!r}")
        structures[voi.name] = contours(mask.array > 0, volume)
        if voi.voi_type == "EXTERNAL":
            if external is not None:
                raise ArgumentError(f"two bodies, {external!r} and {voi.name!r}")
            external = voi.name
    return Patient.of(volume, structures, external=external)


def to_dij(influence: Influence | Blocks, ct: Any = None) -> Any:
    """A dose-influence matrix as a pyRadPlan ``Dij``, without a copy of its values.

    Weights are monitor units: ``dij.physical_dose.flat[0] @ w`` is the dose in Gy
    for w monitor units a bixel, of all fractions together where w is.

    Parameters
    ----------
    influence : Influence or distributed.Blocks
        The matrix.
    ct : pyRadPlan.CT, optional
        Of the patient, for the grid of its voxels; that of the dose without it.
    """
    from pyRadPlan.core import Grid
    from pyRadPlan.dij import Dij

    matrix = influence.matrix
    on = influence.grid
    z, y, x = on.array.shape
    grid = Grid(
        resolution=dict(zip("xyz", on.spacing)), dimensions=(x, y, z), origin=np.array(on.origin), direction=on.direction,
    )
    counts = [len(beam["bixels_mm"]) for beam in influence.beams]
    number = np.concatenate([np.arange(n) for n in counts])
    return Dij(
        dose_grid=grid,
        ct_grid=grid if ct is None else Grid.from_sitk_image(ct.cube_hu),
        physical_dose=matrix,
        num_of_beams=len(counts),
        bixel_num=np.zeros_like(number),
        ray_num=number,
        beam_num=np.repeat(np.arange(len(counts)), counts),
    )


__all__ = ["from_pyradplan", "to_dij"]
