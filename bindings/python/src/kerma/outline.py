"""Outlines of masks."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import ArgumentError
from .volume import Volume


def contours(mask: ArrayLike, grid: Volume) -> list[NDArray[np.float64]]:
    """The outlines of a mask along the edges of its voxels.

    For :meth:`kerma.Patient.of`. Each slice has its outlines twice, a quarter of
    its thickness to either side of its middle, so that what is put between
    outlines (which move from one to the next) keeps to the borders of slices:
    :meth:`kerma.Patient.mask` on the same grid gives the mask back at a share
    of one half.

    Parameters
    ----------
    mask : array
        Boolean, shape (z, y, x), on the voxels of ``grid``.
    grid : Volume
        Where the voxels are.

    Returns
    -------
    list of numpy.ndarray
        A closed outline each, shape (points, 3): x, y, z in mm. An outline
        within another is a hole.

    Raises
    ------
    ArgumentError
        The mask has another shape than the grid, or is not boolean.
    """
    inside = np.asarray(mask)
    if inside.dtype != bool:
        raise ArgumentError(f"a mask is boolean, not {inside.dtype}: compare with a threshold first")
    if inside.shape != grid.array.shape:
        raise ArgumentError(f"a mask of the shape {inside.shape} on a grid of {grid.array.shape}")
    made = []
    for k in np.flatnonzero(inside.any(axis=(1, 2))):
        loops = _loops(inside[k])
        for place in (k - 0.25, k + 0.25):
            for corners in loops:
                index = np.column_stack([corners, np.full(len(corners), place)])
                made.append(np.asarray(grid.origin) + (index * grid.spacing) @ grid.direction.T)
    return made


def _loops(inside: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """Outlines of a slice, as (x, y) in voxels, with a corner wherever they turn.

    The inside lies to the right of every step in the (x, y) index plane. Where
    two voxels meet in a corner alone, the outline keeps each to itself.
    """
    padded = np.pad(inside, 1)
    # Steps from corner to corner by direction: along x, y, −x, −y.
    starts = (
        np.argwhere(padded[1:, 1:-1] & ~padded[:-1, 1:-1]),  # top edge, walked along +x
        np.argwhere(padded[1:-1, :-1] & ~padded[1:-1, 1:]),  # right edge, walked along +y
        np.argwhere(padded[:-1, 1:-1] & ~padded[1:, 1:-1]) + (0, 1),  # bottom edge, walked along −x
        np.argwhere(padded[1:-1, 1:] & ~padded[1:-1, :-1]) + (1, 0),  # left edge, walked along −y
    )
    left = {(int(x), int(y), way) for way, found in enumerate(starts) for y, x in found}
    move = ((1, 0), (0, 1), (-1, 0), (0, -1))
    loops = []
    while left:
        first = x, y, way = min(left)
        corners: list[tuple[int, int]] = []
        while True:
            left.remove((x, y, way))
            x, y = x + move[way][0], y + move[way][1]
            turned = next(w for w in ((way + 1) % 4, way, (way + 3) % 4) if (x, y, w) in left or (x, y, w) == first)
            if turned != way:
                corners.append((x, y))
            way = turned
            if (x, y, way) == first:
                break
        loops.append(np.array(corners, dtype=float) - 0.5)
    return loops
