"""Voxel values on a regular grid in the DICOM patient frame."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._library import CVolume
from .errors import ArgumentError

if TYPE_CHECKING:
    import SimpleITK
    import xarray


class Memory:
    """Memory of the library, as NumPy finds it; keeps its owner alive."""

    def __init__(self, address: int, shape: tuple[int, ...], owner: object, kind: str = "<f4") -> None:
        self._owner = owner
        self.__array_interface__ = {"data": (address, True), "shape": shape, "typestr": kind, "version": 3}


class Volume:
    """Values on a grid.

    Attributes
    ----------
    array : numpy.ndarray
        float32, shape (z, y, x). A read-only view of the library's memory where
        the library made it: no copy.
    origin : tuple of float
        Centre of voxel 0, 0, 0: x, y, z in mm, DICOM patient frame (LPS).
    spacing : tuple of float
        Between voxel centres along x, y, z of the grid, mm.
    direction : numpy.ndarray
        Unit vectors of the grid's axes as columns, shape (3, 3).
    """

    def __init__(
        self,
        array: ArrayLike,
        origin: Sequence[float] = (0, 0, 0),
        spacing: Sequence[float] = (1, 1, 1),
        direction: ArrayLike | None = None,
    ) -> None:
        self.array: NDArray[np.float32] = np.ascontiguousarray(array, dtype=np.float32)
        if self.array.ndim != 3:
            raise ArgumentError(f"a volume has the shape (z, y, x), not {self.array.shape}")
        self.origin = _three("origin", origin)
        self.spacing = _three("spacing", spacing)
        self.direction = np.eye(3) if direction is None else np.asarray(direction, dtype=float).reshape(3, 3)

    def __repr__(self) -> str:
        z, y, x = self.array.shape
        step = " × ".join(f"{s:g}" for s in self.spacing)
        return f"Volume({x} × {y} × {z} voxels of {step} mm)"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.array, dtype=dtype) if copy else np.asarray(self.array, dtype=dtype)

    @property
    def axes(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Coordinates (z, y, x) of the planes of voxel centres in mm: what :func:`kerma.gamma` takes.

        Only for a grid along the patient's axes.
        """
        if not np.allclose(self.direction, np.eye(3), atol=1e-6):
            raise ArgumentError("the axes of an oblique grid are no coordinates")

        def places(a: int) -> NDArray[np.float64]:
            return self.origin[a] + self.spacing[a] * np.arange(self.array.shape[2 - a], dtype=np.float64)

        return places(2), places(1), places(0)

    def to_sitk(self) -> SimpleITK.Image:
        """A SimpleITK image (which owns a copy of the values)."""
        import SimpleITK

        image = SimpleITK.GetImageFromArray(self.array)
        image.SetOrigin(self.origin)
        image.SetSpacing(self.spacing)
        image.SetDirection(self.direction.ravel().tolist())
        return image

    @classmethod
    def from_sitk(cls, image: SimpleITK.Image) -> Volume:
        """A volume of a SimpleITK image (a copy, where it is not float32)."""
        import SimpleITK

        array = SimpleITK.GetArrayViewFromImage(image)
        direction = np.asarray(image.GetDirection()).reshape(3, 3)
        return cls(np.array(array, dtype=np.float32), image.GetOrigin(), image.GetSpacing(), direction)

    def to_xarray(self, name: str = "dose", unit: str = "Gy") -> xarray.DataArray:
        """An xarray.DataArray over z, y, x in mm, without a copy. Only for a grid along the patient's axes."""
        import xarray

        z, y, x = self.axes
        coordinates = {
            axis: xarray.DataArray(values, dims=axis, attrs={"units": "mm"})
            for axis, values in (("z", z), ("y", y), ("x", x))
        }
        return xarray.DataArray(self.array, dims=("z", "y", "x"), coords=coordinates, name=name, attrs={"units": unit})

    @classmethod
    def _of(cls, c: CVolume, owner: object) -> Volume:
        """What the library shows, kept by its owner."""
        shape = (c.size[2], c.size[1], c.size[0])
        array = np.asarray(Memory(c.data, shape, owner))
        return cls(array, tuple(c.origin), tuple(c.spacing), np.array(c.axes).reshape(3, 3).T)

    def _c(self) -> CVolume:
        """What is shown to the library; valid as long as this volume."""
        z, y, x = self.array.shape
        return CVolume(
            self.array.ctypes.data,
            (ctypes.c_int64 * 3)(x, y, z),
            (ctypes.c_double * 3)(*self.origin),
            (ctypes.c_double * 3)(*self.spacing),
            (ctypes.c_double * 9)(*self.direction.T.ravel()),
        )


def _three(name: str, values: Sequence[float]) -> tuple[float, float, float]:
    numbers = [float(v) for v in values]
    if len(numbers) != 3:
        raise ArgumentError(f"{name} has {len(numbers)} numbers, not three")
    return numbers[0], numbers[1], numbers[2]
