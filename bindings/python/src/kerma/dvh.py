"""Dose-volume histograms."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator, Mapping

import numpy as np
import pandas
from numpy.typing import NDArray

from ._library import Handle, call, load
from .errors import ArgumentError, Error


class Value(float):
    """A number with its unit: a float that answers ``.value`` and ``.units`` as dicompyler's does."""

    units: str

    def __new__(cls, value: float, units: str) -> Value:
        made = super().__new__(cls, value)
        made.units = units
        return made

    @property
    def value(self) -> float:
        return float(self)

    def __repr__(self) -> str:
        return f"{float(self):.2f} {self.units}"

    def __reduce__(self) -> tuple[type[Value], tuple[float, str]]:
        return Value, (float(self), self.units)


_STATISTIC = re.compile(r"^(D\d|V\d|Dm)", re.IGNORECASE)


class DVH:
    """The histogram of one structure.

    Figures are attributes under the names and in the units of dicompyler-core:
    ``D95`` and ``D2cc`` in Gy, ``V20Gy`` in cm³, or in percent of the volume
    from :attr:`relative_volume`; ``mean``, ``max``, ``min``, ``volume``. Each is
    a number that says its unit.
    """

    def __init__(self, handle: Handle, index: int, name: str, relative: bool = False) -> None:
        self._handle, self._index, self.name, self._relative = handle, index, name, relative

    @property
    def relative_volume(self) -> DVH:
        """The same histogram with its volumes in percent."""
        return DVH(self._handle, self._index, self.name, relative=True)

    def statistic(self, name: str) -> Value:
        """A figure by name, such as ``"D95"`` or ``"V20Gy"``."""
        asked, units = name, "Gy"
        if name[:1] in "vV":
            asked, units = (name, "%") if self._relative else (f"{name}cc", "cm3")
        value = ctypes.c_double()
        call("kerma_dvh_statistic", self._handle.pointer, self._index, asked.encode(), ctypes.byref(value))
        return Value(value.value, units)

    def __getattr__(self, name: str) -> Value:
        if not _STATISTIC.match(name):
            raise AttributeError(name)
        try:
            return self.statistic(name.replace("_", "."))
        except ArgumentError as e:
            raise AttributeError(str(e)) from None

    @property
    def volume(self) -> float:
        """Of the whole structure, cm³."""
        return float(load().kerma_dvh_volume(self._handle.pointer, self._index))

    @property
    def mean(self) -> Value:
        """Gy."""
        return self.statistic("Dmean")

    @property
    def max(self) -> Value:
        """Gy."""
        return self.statistic("Dmax")

    @property
    def min(self) -> Value:
        """Gy."""
        return self.statistic("Dmin")

    def cumulative(self, points: int = 300) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Dose (Gy) and the volume (cm³) that receives at least that, at points + 1 doses from zero to the highest."""
        gray, cm3 = np.empty(points + 1), np.empty(points + 1)
        call("kerma_dvh_curve", self._handle.pointer, self._index, points, gray.ctypes.data, cm3.ctypes.data)
        return gray, cm3

    def __repr__(self) -> str:
        try:
            return f"DVH({self.name}: {self.volume:.1f} cm³, mean {self.mean!r})"
        except Error as e:
            return f"DVH({self.name}: {e})"


class DVHs(Mapping[str, DVH]):
    """The histograms of a structure set, by name (of structures that share one, the first)."""

    def __init__(self, handle: Handle) -> None:
        library = load()
        self._all = [
            DVH(handle, i, library.kerma_dvh_structure(handle.pointer, i).decode())
            for i in range(library.kerma_dvh_structures(handle.pointer))
        ]
        self._named = {d.name: d for d in reversed(self._all)}

    def __getitem__(self, name: str) -> DVH:
        return self._named[name]

    def __iter__(self) -> Iterator[str]:
        return iter(d.name for d in self._all if self._named[d.name] is d)

    def __len__(self) -> int:
        return len(self._named)

    def table(self) -> pandas.DataFrame:
        """A row for each structure that has a dose: volume in cm³, doses in Gy, V20Gy in percent."""
        names = {
            "min_gy": "Dmin", "mean_gy": "Dmean", "max_gy": "Dmax", "d98_gy": "D98", "d95_gy": "D95", "d50_gy": "D50",
            "d2_gy": "D2", "v20_percent": "V20Gy",
        }
        rows = {}
        for d in self._all:
            try:
                rows[d.name] = {"volume_cm3": d.volume, **{k: float(d.relative_volume.statistic(s)) for k, s in names.items()}}
            except Error:
                continue
        table = pandas.DataFrame.from_dict(rows, orient="index", columns=["volume_cm3", *names])
        table.index.name = "structure"
        return table

    def __repr__(self) -> str:
        return self.table().to_string(float_format=lambda v: f"{v:.2f}")

    def _repr_html_(self) -> str:
        html: str = self.table().to_html(float_format=lambda v: f"{v:.2f}")
        return html
