"""A patient, the dose of a plan, and what is read off it."""

from __future__ import annotations

import ctypes
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._library import ComputeOptions, CVolume, Handle, InfluenceOptions, call, interruptible, load, observed
from .dvh import DVHs
from .errors import ArgumentError, NotFoundError
from .influence import Influence
from .volume import Volume


class Result:
    """The dose of a plan.

    Attributes
    ----------
    dose : Volume
        Gy, whole course; a view of the library's memory.
    provenance : dict
        Engine, machines, correction, grid, beams, warnings.
    warnings : list of str
        What is to be known about this dose.
    """

    def __init__(self, handle: Handle) -> None:
        library = load()
        self._handle = handle
        c = CVolume()
        library.kerma_result_dose(handle.pointer, ctypes.byref(c))
        self.dose = Volume._of(c, handle)
        self.provenance: dict[str, Any] = json.loads(library.kerma_result_provenance(handle.pointer))
        count = library.kerma_result_warnings(handle.pointer)
        self.warnings = [library.kerma_result_warning(handle.pointer, i).decode() for i in range(count)]

    def __repr__(self) -> str:
        p = self.provenance
        return f"Result({p['engine']}, {p['heterogeneity']}: up to {p['maximum_gy']:.2f} Gy, {p['seconds']:.1f} s)"

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write an RTDOSE, whole or not at all, and plan.dcm beside it for a plan that is in no DICOM file."""
        call("kerma_result_write", self._handle.pointer, os.fsencode(path))


class Patient:
    """CT, structures, plans and doses that belong together.

    Attributes
    ----------
    ct : Volume or None
        HU; a view of the library's memory.
    structures : list of str
        Names, in the order of the set.
    plans : list of str
        Labels.
    doses : list of Volume
        Gy, of the plans.
    warnings : list of str
        What is to be known about these files.
    """

    def __init__(self, handle: Handle) -> None:
        library = load()
        self._handle = handle
        pointer = handle.pointer
        self.structures = [
            library.kerma_patient_structure(pointer, i).decode() for i in range(library.kerma_patient_structures(pointer))
        ]
        self.plans = [library.kerma_patient_plan(pointer, i).decode() for i in range(library.kerma_patient_plans(pointer))]
        self.warnings = [
            library.kerma_patient_warning(pointer, i).decode() for i in range(library.kerma_patient_warnings(pointer))
        ]
        c = CVolume()
        self.ct: Volume | None = None
        try:
            call("kerma_patient_ct", pointer, ctypes.byref(c))
            self.ct = Volume._of(c, handle)
        except NotFoundError:
            pass
        self.doses = []
        for i in range(library.kerma_patient_doses(pointer)):
            call("kerma_patient_dose", pointer, i, ctypes.byref(c))
            self.doses.append(Volume._of(c, handle))

    def __repr__(self) -> str:
        return f"Patient({self.ct}, {len(self.structures)} structures, plans {self.plans})"

    @classmethod
    def of(
        cls,
        ct: Volume,
        structures: Mapping[str, Sequence[Any]] | None = None,
        plan: Mapping[str, Any] | None = None,
        external: str | None = None,
    ) -> Patient:
        """A patient from memory.

        Parameters
        ----------
        ct : Volume
            HU.
        structures : mapping of name to contours, optional
            Each contour is a sequence of points (x, y, z) in mm, closed, in one
            plane. :func:`kerma.contours` makes them from a mask.
        plan : mapping, optional
            A plan in the form of ``plan.json``, as :meth:`plan` returns it.
        external : str, optional
            Name of the structure that is the body.
        """
        text = None
        if structures is not None:
            text = json.dumps({
                "structures": [
                    {
                        "name": name,
                        "role": "EXTERNAL" if name == external else "",
                        "contours": [np.asarray(c, dtype=float).tolist() for c in contours],
                    }
                    for name, contours in structures.items()
                ]
            }).encode()
        plan_text = None if plan is None else json.dumps(plan).encode()
        pointer = call("kerma_patient_new", ctypes.byref(ct._c()), text, plan_text)
        return cls(Handle(pointer, "kerma_patient_free"))

    def plan(self, index: int = 0) -> dict[str, Any]:
        """A plan as plain data: beams, control points, devices, fraction groups."""
        plan: dict[str, Any] = json.loads(call("kerma_patient_plan_json", self._handle.pointer, index))
        return plan

    def with_plan(self, plan: Mapping[str, Any]) -> Patient:
        """The same patient with another plan, in the form of :meth:`plan`; nothing of it is copied."""
        pointer = call("kerma_patient_with_plan", self._handle.pointer, json.dumps(plan).encode())
        return Patient(Handle(pointer, "kerma_patient_free"))

    def mask(self, structure: str, grid: Volume | None = None) -> NDArray[np.float32]:
        """Share of each voxel of ``grid`` (default: the CT) inside a structure.

        Returns
        -------
        numpy.ndarray
            float32, 0 to 1, shape (z, y, x).
        """
        on = grid if grid is not None else self.ct
        if on is None:
            raise NotFoundError("no CT, so a grid is needed")
        out = np.empty(on.array.shape, dtype=np.float32)
        call("kerma_patient_mask", self._handle.pointer, self._index(structure), ctypes.byref(on._c()), out.ctypes.data)
        return out

    def _index(self, structure: str) -> int:
        try:
            return self.structures.index(structure)
        except ValueError:
            raise NotFoundError(f"no structure {structure!r}: there are {', '.join(self.structures)}") from None

    def compute(
        self,
        engine: str | None = None,
        heterogeneity: str | None = None,
        machine: str | os.PathLike[str] | None = None,
        grid: float = 2.5,
        *,
        plan: int = 0,
        roi: str | None = None,
        calibration: str | os.PathLike[str] | None = None,
        fraction_group: int = 0,
        threads: int = 0,
        progress: bool = True,
    ) -> Result:
        """Compute the dose of a plan. Ctrl-C ends it.

        Parameters
        ----------
        engine : str, optional
            ``pencil-beam`` (default) or ``collapsed-cone``.
        heterogeneity : str, optional
            Correction of the pencil beam: ``none``, ``equivalent-path-length``,
            ``batho``, ``modified-batho``, ``etar``, ``density-scaled`` …
        machine : str or path, optional
            ``generic`` (default), the name of an embedded machine, or a machine file.
        grid : float
            Spacing of the dose grid, mm.
        plan : int
            Which of :attr:`plans`.
        roi : str, optional
            Compute only around this structure.
        calibration : str or path, optional
            CT calibration: a name or a file.
        fraction_group : int
            Number of the fraction group, where the plan has several.
        threads : int
            0: one for each CPU.
        progress : bool
            Show a progress bar.
        """
        names = {
            "engine": engine, "heterogeneity": heterogeneity, "machine": machine, "roi": roi, "calibration": calibration,
        }
        options = ComputeOptions()
        load().kerma_compute_options_init(ctypes.byref(options))
        for name, value in names.items():
            if value is not None:
                setattr(options, name, os.fsencode(value))
        options.plan, options.grid = plan, grid
        options.fraction_group, options.threads = fraction_group, threads
        pointer = observed(
            options, "dose", progress, lambda: call("kerma_compute", self._handle.pointer, ctypes.byref(options))
        )
        return Result(Handle(pointer, "kerma_result_free"))

    def influence(
        self,
        target: str,
        gantry: ArrayLike,
        couch: ArrayLike = 0,
        bixel: float = 5,
        grid: float = 3,
        machine: str | os.PathLike[str] | None = None,
        *,
        margin: float = 5,
        engine: str | None = None,
        heterogeneity: str | None = None,
        calibration: str | os.PathLike[str] | None = None,
        cutoff: float = 50,
        threshold: float = 0,
        compensate: bool = False,
        max_bytes: int = 0,
        threads: int = 0,
        progress: bool = True,
    ) -> Influence:
        """Dose-influence matrix of beams on the centre of gravity of a target. Ctrl-C ends it.

        Parameters
        ----------
        target : str
            Structure that the bixels cover.
        gantry : float or sequence
            Gantry angle of each beam, degrees.
        couch : float or sequence
            Couch angle of each beam, or of all, degrees.
        bixel : float
            Side of a bixel, mm in the isocentre plane.
        grid : float
            Spacing of the dose grid, mm.
        machine : str or path, optional
            Name of an embedded machine (default ``generic_6mv``), ``svd``, or a machine file.
        margin : float
            Around the target, mm.
        engine, heterogeneity, calibration
            As for :meth:`compute`.
        cutoff : float
            Distance from a bixel's centre beyond which its dose is left out, mm.
        threshold : float
            Share of a bixel's largest dose below which dose is left out.
        compensate : bool
            Scale each bixel by what has been left out of it.
        max_bytes : int
            Memory that the matrix may take; 0: no limit.
        """
        angles = np.atleast_1d(np.asarray(gantry, dtype=float)).ravel()
        couches = np.atleast_1d(np.asarray(couch, dtype=float)).ravel()
        if couches.size not in (1, angles.size):
            raise ArgumentError(f"{couches.size} couch angles for {angles.size} gantry angles")
        angles, couches = np.ascontiguousarray(angles), np.ascontiguousarray(np.broadcast_to(couches, angles.shape))
        options = InfluenceOptions()
        load().kerma_influence_options_init(ctypes.byref(options))
        names = {
            "target": target, "engine": engine, "heterogeneity": heterogeneity, "machine": machine, "calibration": calibration,
        }
        for name, value in names.items():
            if value is not None:
                setattr(options, name, os.fsencode(value))
        options.beams, options.gantry, options.couch = angles.size, angles.ctypes.data, couches.ctypes.data
        options.bixel, options.margin, options.grid = bixel, margin, grid
        options.cutoff, options.threshold, options.compensate = cutoff, threshold, compensate
        options.max_bytes, options.threads = max_bytes, threads
        pointer = observed(
            options, "influence", progress, lambda: call("kerma_influence", self._handle.pointer, ctypes.byref(options))
        )
        return Influence(Handle(pointer, "kerma_matrix_free"))

    def dvh(self, dose: Result | Volume) -> DVHs:
        """Dose-volume histograms of every structure: by name, and as a pandas table."""
        volume = dose.dose if isinstance(dose, Result) else dose
        pointer = interruptible(lambda _: call("kerma_dvh_compute", self._handle.pointer, ctypes.byref(volume._c())))
        return DVHs(Handle(pointer, "kerma_dvh_free"))


def read(folder: str | os.PathLike[str]) -> Patient:
    """Read the one patient in a folder of DICOM files.

    Raises
    ------
    InputError
        A file is at fault: the message names file, tag and value.
    AmbiguousError
        The folder holds several CT series or plans that do not belong together.
    """
    pointer = interruptible(lambda _: call("kerma_patient_read", os.fsencode(folder)))
    return Patient(Handle(pointer, "kerma_patient_free"))


def demo(name: str = "tg119", folder: str | os.PathLike[str] | None = None) -> Patient:
    """An embedded patient, ``tg119`` or ``lung``, written to a folder (default: one that goes away) and read."""
    if folder is not None:
        return Patient(Handle(call("kerma_patient_demo", name.encode(), os.fsencode(Path(folder))), "kerma_patient_free"))
    with tempfile.TemporaryDirectory() as temporary:
        return demo(name, temporary)


__all__ = ["Patient", "Result", "demo", "read"]
