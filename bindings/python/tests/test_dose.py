"""A patient, its dose and what is read off it."""

import json
import pickle
import threading
import time

import numpy as np
import pytest

import kerma


def test_a_folder_is_a_patient(patient):
    assert patient.ct.array.min() < -900
    assert patient.plans
    assert "BODY" in {s.upper() for s in patient.structures} or patient.structures
    assert patient.plan()["beams"]


def test_dose_is_a_view_and_outlives_everything(patient):
    result = patient.compute(grid=8, progress=False)
    array, maximum = result.dose.array, result.provenance["maximum_gy"]
    assert not array.flags.writeable and not array.flags.owndata
    assert array.max() == pytest.approx(maximum)
    del result
    for _ in range(3):
        patient.compute(grid=10, progress=False)
    assert array.max() == pytest.approx(maximum)


def test_the_same_request_has_the_same_bits_whatever_the_threads(patient, result):
    again = patient.compute(grid=5, threads=1, progress=False)
    assert np.array_equal(again.dose.array, result.dose.array)


def test_figures_of_a_structure(patient, result):
    histograms = patient.dvh(result)
    table = histograms.table()
    name = table["mean_gy"].idxmax()
    one = histograms[name]
    assert one.D95 == pytest.approx(table.loc[name, "d95_gy"])
    assert one.min <= one.D98 <= one.mean <= one.D2 <= one.max
    assert one.D95.units == "Gy" and one.D95.value == float(one.D95)
    assert one.V20Gy.units == "cm3" and one.relative_volume.V20Gy.units == "%"
    assert one.V20Gy == pytest.approx(one.volume * one.relative_volume.V20Gy / 100, rel=1e-3)
    dose, volume = one.cumulative(100)
    assert len(dose) == 101 and np.all(np.diff(volume) <= 1e-9)
    assert pickle.loads(pickle.dumps(one.D95)).units == "Gy"
    with pytest.raises(AttributeError):
        _ = one.D95inches


def test_dose_is_written(patient, tmp_path):
    patient.compute(grid=10, progress=False).write(tmp_path / "dose.dcm")
    import pydicom

    d = pydicom.dcmread(tmp_path / "dose.dcm")
    assert d.Modality == "RTDOSE" and d.DoseUnits == "GY"


def test_a_patient_from_memory_gets_the_same_dose(patient, result):
    contours = {}
    ct = kerma.Volume(patient.ct.array.copy(), patient.ct.origin, patient.ct.spacing, patient.ct.direction)
    own = kerma.Patient.of(ct, contours or None, patient.plan())
    dose = own.compute(grid=20, progress=False).dose
    assert 0.5 < dose.array.max() / result.dose.array.max() < 1.5
    assert json.dumps(own.plan()) == json.dumps(patient.plan())


def test_a_changed_plan_changes_the_dose_of_no_other(patient, result):
    plan = patient.plan()
    for beam in plan["fraction_groups"][0]["beams"]:
        beam["meterset"] *= 2
    twice = patient.with_plan(plan)
    assert np.shares_memory(twice.ct.array, patient.ct.array)
    dose = twice.compute(grid=5, progress=False).dose.array
    assert dose == pytest.approx(2 * result.dose.array, rel=1e-5, abs=1e-6)
    assert patient.plan() != plan
    with pytest.raises(kerma.InputError, match="plan"):
        patient.with_plan({"label": "nothing"})


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"engine": "crystal ball"}, kerma.ArgumentError, "crystal ball"),
        ({"grid": -1}, kerma.ArgumentError, "-1"),
        ({"roi": "nothing"}, kerma.NotFoundError, "nothing"),
        ({"plan": 3}, kerma.NotFoundError, "plan 3"),
        ({"machine": "no such"}, kerma.ArgumentError, "no such"),
    ],
)
def test_what_is_none_is_refused(patient, options, error, says):
    with pytest.raises(error, match=says):
        patient.compute(progress=False, **options)


def test_errors_are_python_errors_too(tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        kerma.read(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(kerma.Error):
        kerma.read(tmp_path / "empty")
    with pytest.raises(ValueError):
        kerma.Volume(np.zeros((2, 2)))


def test_the_gil_is_free_during_a_calculation(patient):
    ticks = 0
    done = threading.Event()

    def count():
        nonlocal ticks
        while not done.is_set():
            ticks += 1
            time.sleep(0.002)

    thread = threading.Thread(target=count)
    thread.start()
    patient.compute(grid=4, progress=False)
    done.set()
    thread.join()
    assert ticks > 5
