"""Radiotherapy dose from DICOM, proven against Monte Carlo.

>>> import kerma
>>> patient = kerma.read("patient/")
>>> result = patient.compute(engine="collapsed-cone", grid=2.5)
>>> patient.dvh(result)["PTV"].D95

Coordinates are those of the DICOM patient frame (LPS) in mm, dose is in Gy,
arrays have the shape (z, y, x). Not for clinical use without independent
commissioning and validation.
"""

from ._gamma import Gamma, compare, gamma
from ._library import simd, version
from .dvh import DVH, DVHs
from .errors import (
    AmbiguousError,
    ArgumentError,
    CancelledError,
    Error,
    FileError,
    ForkError,
    InputError,
    InternalError,
    NotFoundError,
    UnmodelledError,
)
from .influence import Influence
from .outline import contours
from .patient import Patient, Result, demo, read
from .volume import Volume

__all__ = [
    "DVH",
    "AmbiguousError",
    "ArgumentError",
    "CancelledError",
    "DVHs",
    "Error",
    "FileError",
    "ForkError",
    "Gamma",
    "Influence",
    "InputError",
    "InternalError",
    "NotFoundError",
    "Patient",
    "Result",
    "UnmodelledError",
    "Volume",
    "compare",
    "contours",
    "demo",
    "gamma",
    "read",
    "simd",
    "version",
]
