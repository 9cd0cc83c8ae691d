"""libkerma through ctypes: its structs, its functions, and how calls are made.

The names are those of kerma.h, which says what they mean. ctypes releases the
GIL during every call.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from ctypes import POINTER, byref, c_char_p, c_double, c_int32, c_int64, c_uint32, c_uint64, c_void_p
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from .errors import BY_STATUS, ForkError

ABI = 1

Progress = ctypes.CFUNCTYPE(ctypes.c_int, c_double, c_void_p)


class CVolume(ctypes.Structure):
    _fields_ = [
        ("data", c_void_p),
        ("size", c_int64 * 3),
        ("origin", c_double * 3),
        ("spacing", c_double * 3),
        ("axes", c_double * 9),
    ]


class ComputeOptions(ctypes.Structure):
    _fields_ = [
        ("size", c_uint32),
        ("plan", c_int32),
        ("engine", c_char_p),
        ("heterogeneity", c_char_p),
        ("machine", c_char_p),
        ("calibration", c_char_p),
        ("roi", c_char_p),
        ("grid", c_double),
        ("fraction_group", c_int32),
        ("threads", c_int32),
        ("progress", Progress),
        ("user", c_void_p),
        ("cancel", c_void_p),
    ]


class GammaOptions(ctypes.Structure):
    _fields_ = [
        ("size", c_uint32),
        ("dose_percent", c_double),
        ("distance", c_double),
        ("cutoff_percent", c_double),
        ("max_gamma", c_double),
        ("normalisation", c_double),
        ("local", c_int32),
        ("samples", c_int32),
        ("stop_once_passed", c_int32),
        ("threads", c_int32),
        ("subset", c_int64),
        ("seed", c_uint64),
        ("cancel", c_void_p),
    ]


class GammaSummary(ctypes.Structure):
    _fields_ = [
        ("pass_rate", c_double),
        ("mean", c_double),
        ("max", c_double),
        ("normalisation", c_double),
        *((name, c_int64) for name in (
            "points", "passed", "below_cutoff", "no_reference", "no_criterion", "not_drawn", "no_data", "unproven",
        )),
    ]


class InfluenceOptions(ctypes.Structure):
    _fields_ = [
        ("size", c_uint32),
        ("beams", c_int32),
        ("gantry", c_void_p),
        ("couch", c_void_p),
        ("target", c_char_p),
        ("bixel", c_double),
        ("margin", c_double),
        ("grid", c_double),
        ("engine", c_char_p),
        ("heterogeneity", c_char_p),
        ("machine", c_char_p),
        ("calibration", c_char_p),
        ("cutoff", c_double),
        ("threshold", c_double),
        ("compensate", c_int32),
        ("threads", c_int32),
        ("max_bytes", c_int64),
        ("progress", Progress),
        ("user", c_void_p),
        ("cancel", c_void_p),
    ]


class CSC(ctypes.Structure):
    _fields_ = [
        ("rows", c_int64),
        ("columns", c_int64),
        ("entries", c_int64),
        ("values", c_void_p),
        ("starts", c_void_p),
        ("indices", c_void_p),
        ("index_bytes", c_int32),
    ]


_object, _error = c_void_p, POINTER(c_void_p)

# name: (result, arguments)
_functions: dict[str, tuple[Any, list[Any]]] = {
    "kerma_abi": (c_uint32, []),
    "kerma_version": (c_char_p, []),
    "kerma_simd": (c_char_p, []),
    "kerma_error_status": (ctypes.c_int, [_object]),
    "kerma_error_message": (c_char_p, [_object]),
    "kerma_error_free": (None, [_object]),
    "kerma_cancel_new": (_object, []),
    "kerma_cancel_now": (None, [_object]),
    "kerma_cancel_free": (None, [_object]),
    "kerma_patient_read": (_object, [c_char_p, _error]),
    "kerma_patient_demo": (_object, [c_char_p, c_char_p, _error]),
    "kerma_patient_new": (_object, [POINTER(CVolume), c_char_p, c_char_p, _error]),
    "kerma_patient_with_plan": (_object, [_object, c_char_p, _error]),
    "kerma_patient_free": (None, [_object]),
    "kerma_patient_ct": (ctypes.c_int, [_object, POINTER(CVolume), _error]),
    "kerma_patient_plans": (c_int32, [_object]),
    "kerma_patient_plan": (c_char_p, [_object, c_int32]),
    "kerma_patient_plan_json": (c_char_p, [_object, c_int32, _error]),
    "kerma_patient_structures": (c_int32, [_object]),
    "kerma_patient_structure": (c_char_p, [_object, c_int32]),
    "kerma_patient_mask": (ctypes.c_int, [_object, c_int32, POINTER(CVolume), c_void_p, _error]),
    "kerma_patient_doses": (c_int32, [_object]),
    "kerma_patient_dose": (ctypes.c_int, [_object, c_int32, POINTER(CVolume), _error]),
    "kerma_patient_warnings": (c_int32, [_object]),
    "kerma_patient_warning": (c_char_p, [_object, c_int32]),
    "kerma_compute_options_init": (None, [POINTER(ComputeOptions)]),
    "kerma_compute": (_object, [_object, POINTER(ComputeOptions), _error]),
    "kerma_result_free": (None, [_object]),
    "kerma_result_dose": (None, [_object, POINTER(CVolume)]),
    "kerma_result_provenance": (c_char_p, [_object]),
    "kerma_result_warnings": (c_int32, [_object]),
    "kerma_result_warning": (c_char_p, [_object, c_int32]),
    "kerma_result_write": (ctypes.c_int, [_object, c_char_p, _error]),
    "kerma_dvh_compute": (_object, [_object, POINTER(CVolume), _error]),
    "kerma_dvh_free": (None, [_object]),
    "kerma_dvh_structures": (c_int32, [_object]),
    "kerma_dvh_structure": (c_char_p, [_object, c_int32]),
    "kerma_dvh_volume": (c_double, [_object, c_int32]),
    "kerma_dvh_statistic": (ctypes.c_int, [_object, c_int32, c_char_p, POINTER(c_double), _error]),
    "kerma_dvh_curve": (ctypes.c_int, [_object, c_int32, c_int32, c_void_p, c_void_p, _error]),
    "kerma_gamma_options_init": (None, [POINTER(GammaOptions)]),
    "kerma_gamma_compute": (_object, [POINTER(CVolume), POINTER(CVolume), POINTER(GammaOptions), _error]),
    "kerma_gamma_free": (None, [_object]),
    "kerma_gamma_get": (None, [_object, POINTER(GammaSummary)]),
    "kerma_gamma_volume": (None, [_object, POINTER(CVolume)]),
    "kerma_influence_options_init": (None, [POINTER(InfluenceOptions)]),
    "kerma_influence": (_object, [_object, POINTER(InfluenceOptions), _error]),
    "kerma_matrix_free": (None, [_object]),
    "kerma_matrix_voxels": (c_int64, [_object]),
    "kerma_matrix_bixels": (c_int64, [_object]),
    "kerma_matrix_grid": (None, [_object, POINTER(CVolume)]),
    "kerma_matrix_about": (c_char_p, [_object]),
    "kerma_matrix_csc": (ctypes.c_int, [_object, POINTER(CSC), _error]),
    "kerma_matrix_multiply": (ctypes.c_int, [_object, c_void_p, c_void_p, _error]),
    "kerma_matrix_multiply_transposed": (ctypes.c_int, [_object, c_void_p, c_void_p, _error]),
}

_lock = threading.Lock()
_loaded: ctypes.CDLL | None = None
_forked = False


def _after_fork() -> None:
    global _forked
    _forked = _loaded is not None


os.register_at_fork(after_in_child=_after_fork)


def load() -> ctypes.CDLL:
    """The library, loaded when it is first needed: a process may fork before."""
    global _loaded
    if _forked:
        raise ForkError(
            "kerma was used before this process was forked, and its threads did not come along: "
            "start processes with multiprocessing.get_context('spawn') or 'forkserver'"
        )
    with _lock:
        if _loaded is None:
            library = ctypes.CDLL(os.environ.get("KERMA_LIBRARY", str(Path(__file__).with_name("libkerma.so"))))
            for name, (result, arguments) in _functions.items():
                function = getattr(library, name)
                function.restype, function.argtypes = result, arguments
            if library.kerma_abi() != ABI:
                raise ImportError(f"libkerma has ABI {library.kerma_abi()}, this package needs {ABI}")
            _loaded = library
        return _loaded


def call(name: str, *arguments: Any) -> Any:
    """Call a function that takes an error last, and raise what it answers."""
    library = load()
    error = c_void_p()
    result = getattr(library, name)(*arguments, byref(error))
    if error.value:
        try:
            kind = BY_STATUS[library.kerma_error_status(error)]
            message = library.kerma_error_message(error).decode()
        finally:
            library.kerma_error_free(error)
        raise kind(message)
    return result


class Handle:
    """An object of the library, freed with the last that refers to it."""

    def __init__(self, pointer: int, free: str) -> None:
        self.pointer = pointer
        self._library = load()
        self._free = free
        self._process = os.getpid()

    def __del__(self) -> None:
        if self.pointer and os.getpid() == self._process:
            getattr(self._library, self._free)(self.pointer)
            self.pointer = 0


def interruptible(work: Callable[[int], Any], tick: Callable[[], None] = lambda: None) -> Any:
    """Run work(cancel) in a thread of its own and wait, so that Ctrl-C gets through.

    Python tells of Ctrl-C only between its own steps, never during a call of a
    library. ``tick`` runs while waiting, about every 50 ms.
    """
    library = load()
    cancel = Handle(library.kerma_cancel_new(), "kerma_cancel_free")
    outcome: list[Any] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(work(cancel.pointer))
        except BaseException as e:  # given to the caller below
            failure.append(e)

    thread = threading.Thread(target=run, name="kerma", daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(0.05)
            tick()
    except BaseException:
        library.kerma_cancel_now(cancel.pointer)
        thread.join()
        raise
    if failure:
        raise failure[0]
    return outcome[0]


def observed(options: Any, description: str, show: bool, compute: Callable[[], Any]) -> Any:
    """Run compute() with the progress and cancel of its options set: a bar, and Ctrl-C."""
    done = 0.0

    def tell(share: float, _: Any) -> int:
        nonlocal done
        done = share
        return 0

    options.progress = Progress(tell)
    bar_format = "{desc} {percentage:3.0f} % {bar} {elapsed}"
    with tqdm(total=1.0, desc=description, disable=not show, bar_format=bar_format) as bar:

        def work(cancel: int) -> Any:
            options.cancel = cancel
            return compute()

        outcome = interruptible(work, lambda: bar.update(done - bar.n))
        bar.update(1 - bar.n)
    return outcome


def version() -> str:
    """Version of the library."""
    text: bytes = load().kerma_version()
    return text.decode()


def simd() -> str:
    """Vector instructions in use: ``generic``, ``avx2`` or ``avx512``."""
    text: bytes = load().kerma_simd()
    return text.decode()


