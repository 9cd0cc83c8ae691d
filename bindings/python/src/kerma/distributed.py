"""Beams, matrices and whole plan libraries on the workers of a Dask cluster.

The patient is a folder that every worker sees under the same path. Work is cut
into parts that do not depend on the number of workers, and parts are put
together in a fixed order: the result has the same bits on one process
(``client=None``), on a hundred workers, and after workers were lost and their
parts computed again. That holds for workers with the same vector instructions
(:func:`kerma.simd`; set KERMA_SIMD where they differ).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas
import scipy.sparse
from numpy.typing import ArrayLike, NDArray

from ._library import simd
from .errors import AmbiguousError, ArgumentError, Error, NotFoundError
from .patient import Patient, Result, read
from .volume import Volume

if TYPE_CHECKING:
    import distributed


class PlanDose:
    """The dose of a plan, computed beam by beam.

    Attributes
    ----------
    dose : Volume
        Gy, whole course: the beams' doses added in the order of the plan, in
        float64. :meth:`kerma.Patient.compute`, which adds in float32 as it goes,
        differs from it by rounding alone.
    beams : list of dict
        Provenance of each beam's dose, as of :attr:`kerma.Result.provenance`.
    warnings : list of str
        What is to be known about this dose.
    """

    def __init__(self, dose: Volume, beams: list[dict[str, Any]], warnings: list[str]) -> None:
        self.dose, self.beams, self.warnings = dose, beams, warnings

    def __repr__(self) -> str:
        return f"PlanDose({len(self.beams)} beams: up to {self.dose.array.max():.2f} Gy)"


class Blocks:
    """A dose-influence matrix put together from blocks of columns, a beam each.

    Attributes
    ----------
    matrix : scipy.sparse.csc_matrix
        Voxels (x fastest) by bixels, Gy for one monitor unit.
    beams : list of dict
        As of :attr:`kerma.Influence.beams`.
    lost : numpy.ndarray
        Share of each column's dose that was left out.
    grid : Volume
        Where the voxels are (all zero).
    warnings : list of str
        What is to be known about this dose.
    """

    def __init__(
        self, matrix: scipy.sparse.csc_matrix, beams: list[dict[str, Any]], lost: NDArray[np.float64], grid: Volume,
        warnings: list[str],
    ) -> None:
        self.matrix, self.beams, self.lost, self.grid, self.warnings = matrix, beams, lost, grid, warnings

    def __repr__(self) -> str:
        return f"Blocks({self.matrix.shape[0]} voxels × {self.matrix.shape[1]} bixels, {self.matrix.nnz} entries)"

    def volume(self, values: ArrayLike) -> Volume:
        """One value a voxel, as a volume on the grid of the matrix."""
        g = self.grid
        return Volume(np.asarray(values, dtype=np.float32).reshape(g.array.shape), g.origin, g.spacing, g.direction)


def compute(
    folder: str | os.PathLike[str],
    client: distributed.Client | None = None,
    *,
    plan: int = 0,
    fraction_group: int = 0,
    threads: int = 1,
    **options: Any,
) -> PlanDose:
    """Compute the dose of a plan, a beam a task.

    Parameters
    ----------
    folder : path
        Of one patient's DICOM files, the same on every worker.
    client : distributed.Client, optional
        Of the cluster; without it this process does all the work.
    plan, fraction_group
        As for :meth:`kerma.Patient.compute`.
    threads : int
        Of each task; 0: one for each CPU of the worker.
    **options
        All others of :meth:`kerma.Patient.compute`.
    """
    patient = read(folder)
    whole = patient.plan(plan)
    parts = _beams(whole, fraction_group)
    asked = {**options, "threads": threads, "fraction_group": fraction_group}
    total: NDArray[np.float64] | None = None
    first: Volume | None = None
    beams, warnings = [], list(patient.warnings)
    for volume, provenance, said in _each(client, _beam, [(os.fspath(folder), part, asked) for part in parts]):
        if total is None or first is None:
            total, first = np.zeros(volume.array.shape), volume
        _same("dose grid", (first.array.shape, first.origin, first.spacing), (volume.array.shape, volume.origin, volume.spacing))
        total += volume.array
        beams.append(provenance)
        warnings += said
    if total is None or first is None:
        raise NotFoundError(f"plan {plan} has no beam in fraction group {fraction_group}")
    for key in ("kerma", "engine", "heterogeneity", "calibration", "ct_series_uid", "plan_uid", "simd"):
        for one in beams:
            _same(key, beams[0][key], one[key])
    dose = Volume(total.astype(np.float32), first.origin, first.spacing, first.direction)
    return PlanDose(dose, beams, list(dict.fromkeys(warnings)))


def influence(
    folder: str | os.PathLike[str],
    target: str,
    gantry: ArrayLike,
    couch: ArrayLike = 0,
    client: distributed.Client | None = None,
    *,
    threads: int = 1,
    **options: Any,
) -> Blocks:
    """Compute a dose-influence matrix, a beam's block of columns a task.

    Parameters
    ----------
    folder : path
        Of one patient's DICOM files, the same on every worker.
    target, gantry, couch
        As for :meth:`kerma.Patient.influence`.
    client : distributed.Client, optional
        Of the cluster; without it this process does all the work.
    threads : int
        Of each task; 0: one for each CPU of the worker.
    **options
        All others of :meth:`kerma.Patient.influence`. ``max_bytes`` is that of a block.
    """
    angles = np.atleast_1d(np.asarray(gantry, dtype=float)).ravel()
    couches = np.atleast_1d(np.asarray(couch, dtype=float)).ravel()
    if angles.size == 0:
        raise ArgumentError("no gantry angles")
    if couches.size not in (1, angles.size):
        raise ArgumentError(f"{couches.size} couch angles for {angles.size} gantry angles")
    asked = {**options, "threads": threads}
    tasks = [
        (os.fspath(folder), target, float(g), float(c), asked) for g, c in zip(angles, np.broadcast_to(couches, angles.shape))
    ]
    matrices, abouts, grids = [], [], []
    for matrix, about, grid in _each(client, _block, tasks):
        matrices.append(matrix)
        abouts.append(about)
        grids.append(grid)
    for about, grid in zip(abouts, grids):
        for key in ("kerma", "engine", "heterogeneity", "machines", "calibration", "simd"):
            _same(key, abouts[0][key], about[key])
        _same("dose grid", grids[0], grid)
    shape, origin, spacing, direction = grids[0]
    return Blocks(
        scipy.sparse.hstack(matrices, format="csc"),
        [beam for about in abouts for beam in about["beams"]],
        np.concatenate([about["lost"] for about in abouts]),
        Volume(np.zeros(shape), origin, spacing, direction),
        list(dict.fromkeys(w for about in abouts for w in about["warnings"])),
    )


def library(
    cases: Iterable[str | os.PathLike[str] | tuple[str | os.PathLike[str], int]],
    table: str | os.PathLike[str],
    client: distributed.Client | None = None,
    *,
    threads: int = 1,
    **options: Any,
) -> pandas.DataFrame:
    """Compute many plans of many patients, a plan a task, as a Dask bag.

    Parameters
    ----------
    cases : iterable
        Folders (all their plans) or (folder, index of a plan).
    table : path
        Folder for the results, a Parquet file a plan: the rows of
        :meth:`kerma.DVHs.table` with ``folder``, ``plan``, ``label``, ``engine``,
        ``kerma``, ``seconds`` and ``error``. A plan that cannot be computed has one row
        that says why. A file is there whole or not at all. The folder holds no
        Parquet file yet.
    client : distributed.Client, optional
        Of the cluster; without it this process does all the work.
    threads : int
        Of each task.
    **options
        All others of :meth:`kerma.Patient.compute`.

    Returns
    -------
    pandas.DataFrame
        All rows, in the order of the cases.
    """
    import dask.bag

    listed: list[tuple[str, int]] = []
    for case in cases:
        if isinstance(case, tuple):
            listed.append((os.fspath(case[0]), case[1]))
        else:
            listed += [(os.fspath(case), i) for i in range(max(1, len(read(case).plans)))]
    if not listed:
        raise ArgumentError("no cases")
    into = Path(table)
    into.mkdir(parents=True, exist_ok=True)
    if any(into.glob("*.parquet")):
        raise ArgumentError(f"{into} holds Parquet files already")
    asked = {**options, "threads": threads}
    tasks = [(folder, plan, asked, str(into / f"plan-{i:06d}.parquet")) for i, (folder, plan) in enumerate(listed)]
    bag = dask.bag.from_sequence(tasks, partition_size=1).map(_case)
    files = bag.compute(scheduler="synchronous" if client is None else client.get)
    return pandas.concat([pandas.read_parquet(file) for file in files], ignore_index=True)


def _each(client: distributed.Client | None, work: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]) -> Iterable[Any]:
    """The outcomes of the tasks, in their order, wherever they run."""
    if client is None:
        for task in tasks:
            yield work(*task)
        return
    # Not pure: the files of a folder may have changed since the last call.
    futures = [client.submit(work, *task, pure=False) for task in tasks]
    try:
        for i in range(len(futures)):
            outcome = futures[i].result()
            futures[i].release()
            yield outcome
    finally:
        client.cancel(futures)


def _beams(plan: dict[str, Any], fraction_group: int) -> list[dict[str, Any]]:
    """The plan with one beam at a time, of those that the fraction group delivers."""
    groups = [g for g in plan["fraction_groups"] if fraction_group in (0, g["number"])]
    if len(groups) > 1:
        raise AmbiguousError(f"fraction groups {[g['number'] for g in groups]}: give the number of one")
    delivered = {b["beam"] for g in groups for b in g["beams"]}
    return [
        {
            **plan,
            "beams": [beam],
            "fraction_groups": [
                {**g, "beams": own} for g in groups if (own := [b for b in g["beams"] if b["beam"] == beam["number"]])
            ],
        }
        for beam in plan["beams"]
        if beam["number"] in delivered
    ]


def _beam(folder: str, plan: dict[str, Any], options: dict[str, Any]) -> tuple[Volume, dict[str, Any], list[str]]:
    """The dose of a plan of one beam, as it travels."""
    result = read(folder).with_plan(plan).compute(progress=False, **options)
    dose = result.dose
    owned = Volume(np.array(dose.array), dose.origin, dose.spacing, dose.direction)
    return owned, {**result.provenance, "simd": simd()}, result.warnings


def _block(folder: str, target: str, gantry: float, couch: float, options: dict[str, Any]) -> tuple[Any, ...]:
    """The matrix of one beam, as it travels."""
    made = read(folder).influence(target, gantry, couch, progress=False, **options)
    view = made.matrix
    matrix = scipy.sparse.csc_matrix((view.data.copy(), view.indices.copy(), view.indptr.copy()), shape=view.shape)
    g = made.grid
    return matrix, {**made.about, "simd": simd()}, (g.array.shape, g.origin, g.spacing, g.direction.tolist())


def _case(task: tuple[str, int, dict[str, Any], str]) -> str:
    """Computes one plan and writes its rows; the name of the file."""
    folder, plan, options, file = task
    try:
        patient = read(folder)
        result = patient.compute(plan=plan, progress=False, **options)
        rows = _rows(patient, plan, result)
    except Error as e:
        rows = pandas.DataFrame({"structure": [None], "error": [f"{type(e).__name__}: {e}"]})
    rows.insert(0, "folder", folder)
    rows.insert(1, "plan", plan)
    columns = ["folder", "plan", "label", "structure", "engine", "kerma", "error"]
    numbers = ["seconds", "volume_cm3", "min_gy", "mean_gy", "max_gy", "d98_gy", "d95_gy", "d50_gy", "d2_gy", "v20_percent"]
    rows = rows.reindex(columns=columns + numbers)
    rows = rows.astype({**{c: "string" for c in columns if c != "plan"}, **{c: "float64" for c in numbers}})
    whole = f"{file}.{os.getpid()}.part"
    rows.to_parquet(whole)
    os.replace(whole, file)
    return file


def _rows(patient: Patient, plan: int, result: Result) -> pandas.DataFrame:
    p = result.provenance
    rows = patient.dvh(result).table().reset_index()
    return rows.assign(label=patient.plans[plan], engine=p["engine"], kerma=p["kerma"], seconds=p["seconds"])


def _same(what: str, one: Any, other: Any) -> None:
    """Parts of one result come from the same files and the same library."""
    if one != other:
        raise Error(f"workers do not agree on {what}: {one} and {other}")


__all__ = ["Blocks", "PlanDose", "compute", "influence", "library"]
