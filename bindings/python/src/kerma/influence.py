"""Dose-influence matrices."""

from __future__ import annotations

import ctypes
import json
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, NDArray

from ._library import CSC, CVolume, Handle, call, load
from .errors import ArgumentError
from .volume import Memory, Volume


class Influence:
    """The dose of every bixel in every voxel: ``dose = influence @ weights``.

    Attributes
    ----------
    shape : tuple of int
        Voxels (x fastest) and bixels.
    beams : list of dict
        Gantry, couch, isocentre, and the centres of the bixels (``bixels_mm``),
        whose columns follow each other, beam after beam.
    lost : numpy.ndarray
        Share of each column's dose that the cut-off and the threshold left out.
    about : dict
        Engine, machine, warnings and all the rest.
    """

    def __init__(self, handle: Handle) -> None:
        library = load()
        self._handle = handle
        self.shape: tuple[int, int] = (library.kerma_matrix_voxels(handle.pointer), library.kerma_matrix_bixels(handle.pointer))
        self.about: dict[str, Any] = json.loads(library.kerma_matrix_about(handle.pointer))
        self.beams: list[dict[str, Any]] = self.about["beams"]
        self.lost: NDArray[np.float64] = np.array(self.about["lost"])
        c = CVolume()
        library.kerma_matrix_grid(handle.pointer, ctypes.byref(c))
        self._grid = c

    def __repr__(self) -> str:
        return f"Influence({self.shape[0]} voxels × {self.shape[1]} bixels, {self.about['entries']} entries)"

    @property
    def matrix(self) -> scipy.sparse.csc_matrix:
        """The matrix for SciPy: its values are a view of the library's memory, no copy.

        The first use makes the indices, 4 bytes an entry (8 from 2³¹ entries);
        ``@`` needs none, and is faster.
        """
        c = CSC()
        call("kerma_matrix_csc", self._handle.pointer, ctypes.byref(c))
        kind = f"<i{c.index_bytes}"
        values = np.asarray(Memory(c.values, (c.entries,), self._handle))
        indices = np.asarray(Memory(c.indices, (c.entries,), self._handle, kind))
        starts = np.asarray(Memory(c.starts, (c.columns + 1,), self._handle, kind))
        made = scipy.sparse.csc_matrix(self.shape, dtype=np.float32)
        made.data, made.indices, made.indptr = values, indices, starts
        made.has_sorted_indices = True
        return made

    def __matmul__(self, weights: ArrayLike) -> NDArray[np.float32]:
        """Dose of each voxel, Gy, of bixel weights in monitor units."""
        w = np.ascontiguousarray(weights, dtype=np.float64)
        if w.shape != (self.shape[1],):
            raise ArgumentError(f"weights of the shape {w.shape} for {self.shape[1]} bixels")
        dose = np.empty(self.shape[0], dtype=np.float32)
        call("kerma_matrix_multiply", self._handle.pointer, w.ctypes.data, dose.ctypes.data)
        return dose

    def transposed(self, gradient: ArrayLike) -> NDArray[np.float64]:
        """Derivative by the weights of what has the derivative ``gradient`` by the dose of each voxel."""
        g = np.ascontiguousarray(np.ravel(gradient), dtype=np.float32)
        if g.shape != (self.shape[0],):
            raise ArgumentError(f"a gradient of the shape {np.shape(gradient)} for {self.shape[0]} voxels")
        weights = np.empty(self.shape[1])
        call("kerma_matrix_multiply_transposed", self._handle.pointer, g.ctypes.data, weights.ctypes.data)
        return weights

    def dose(self, weights: ArrayLike) -> Volume:
        """Dose of bixel weights as a volume, Gy."""
        return self.volume(self @ weights)

    @property
    def grid(self) -> Volume:
        """Where the voxels are (all zero): for :meth:`kerma.Patient.mask`."""
        return self.volume(np.zeros(self.shape[0], dtype=np.float32))

    def volume(self, values: ArrayLike) -> Volume:
        """One value a voxel, as a volume on the grid of the matrix."""
        g = self._grid
        array = np.asarray(values, dtype=np.float32).reshape(g.size[2], g.size[1], g.size[0])
        return Volume(array, tuple(g.origin), tuple(g.spacing), np.array(g.axes).reshape(3, 3).T)
