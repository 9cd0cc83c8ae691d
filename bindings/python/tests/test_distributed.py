"""Several processes, one of them killed: the same bits."""

import os
import signal
import threading
import time

import numpy as np
import pandas
import pytest

import kerma
import kerma.distributed


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tg119")
    kerma.demo("tg119", folder)
    return folder


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        with distributed.Client(cluster) as client:
            yield client


def kill_one_at_work(client, busy):
    """Kills a worker process that has a task, while the work goes on."""
    pids = client.run(os.getpid)
    while busy.is_alive():
        for address, tasks in client.processing().items():
            if tasks and address in pids:
                os.kill(pids[address], signal.SIGKILL)
                return pids[address]
        time.sleep(0.01)
    return None


def test_beams_of_one_process_make_the_dose_of_the_plan(folder):
    parts = kerma.distributed.compute(folder, grid=6)
    whole = kerma.read(folder).compute(grid=6, progress=False)
    assert len(parts.beams) == 9
    assert np.abs(parts.dose.array - whole.dose.array).max() < 1e-5 * whole.dose.array.max()
    assert set(whole.warnings) - set(parts.warnings) <= {w for w in whole.warnings if "ApprovalStatus" in w}
    assert any("ApprovalStatus" in w for w in parts.warnings)


def test_a_dose_survives_the_loss_of_a_worker(folder, client):
    alone = kerma.distributed.compute(folder, grid=3)
    made = []
    busy = threading.Thread(target=lambda: made.append(kerma.distributed.compute(folder, client, grid=3)))
    busy.start()
    killed = kill_one_at_work(client, busy)
    busy.join()
    assert killed is not None, "the work was over before a worker could be killed"
    assert np.array_equal(made[0].dose.array, alone.dose.array)
    client.wait_for_workers(2, timeout=60)
    assert killed not in client.run(os.getpid).values()


def test_blocks_of_columns_are_the_matrix(folder, client):
    options = {"bixel": 10, "grid": 6}
    angles = [0, 72, 144, 216, 288]
    whole = kerma.read(folder).influence("OuterTarget", angles, progress=False, **options)
    for blocks in (
        kerma.distributed.influence(folder, "OuterTarget", angles, client=client, **options),
        kerma.distributed.influence(folder, "OuterTarget", angles, **options),
    ):
        for part in ("data", "indices", "indptr"):
            assert np.array_equal(getattr(blocks.matrix, part), getattr(whole.matrix, part)), part
        assert blocks.beams == whole.beams and np.array_equal(blocks.lost, whole.lost)
        weights = np.linspace(0, 1, whole.shape[1])
        dose = blocks.volume(blocks.matrix @ weights)
        assert dose.array == pytest.approx(whole.dose(weights).array, abs=1e-4 * float(dose.array.max()))
        assert dose.origin == whole.dose(weights).origin


def test_a_library_of_plans_is_a_table(folder, client, tmp_path):
    pytest.importorskip("pyarrow")
    lung = tmp_path / "lung"
    kerma.demo("lung", lung)
    cases = [folder, (lung, 0), (lung, 7), tmp_path / "nobody"]
    with pytest.raises(kerma.FileError, match="nobody"):
        kerma.distributed.library(cases, tmp_path / "none", client, grid=8)
    cases[-1] = (tmp_path / "nobody", 0)
    table = kerma.distributed.library(cases, tmp_path / "table", client, grid=8)
    alone = kerma.distributed.library(cases, tmp_path / "alone", grid=8)
    pandas.testing.assert_frame_equal(table.drop(columns="seconds"), alone.drop(columns="seconds"))
    assert list(table["error"].dropna().str.split(":").str[0]) == ["NotFoundError", "FileError"]
    target = table[table["structure"] == "OuterTarget"].iloc[0]
    patient = kerma.read(folder)
    own = patient.dvh(patient.compute(grid=8, progress=False)).table().loc["OuterTarget"]
    assert target["d95_gy"] == own["d95_gy"] and target["label"] == "TG119_IMRT9"
    assert len(pandas.read_parquet(tmp_path / "table")) == len(table)
    with pytest.raises(kerma.ArgumentError, match="already"):
        kerma.distributed.library(cases, tmp_path / "table", client, grid=8)


def test_a_beam_of_another_fraction_group_is_not_added(folder):
    plan = kerma.read(folder).plan()
    group = plan["fraction_groups"][0]
    plan["fraction_groups"] = [{**group, "beams": group["beams"][:4]}, {**group, "number": 2, "beams": group["beams"][4:]}]
    with pytest.raises(kerma.AmbiguousError, match=r"\[1, 2\]"):
        kerma.distributed._beams(plan, 0)
    parts = kerma.distributed._beams(plan, 2)
    assert [p["beams"][0]["number"] for p in parts] == [5, 6, 7, 8, 9]
    assert all(len(p["fraction_groups"][0]["beams"]) == 1 for p in parts)


def test_what_cannot_be_done_is_said(folder, client):
    with pytest.raises(kerma.NotFoundError, match="nobody"):
        kerma.distributed.influence(folder, "nobody", [0, 90], client=client)
    with pytest.raises(kerma.NotFoundError, match="9"):
        kerma.distributed.compute(folder, client, plan=9)
    with pytest.raises(kerma.ArgumentError, match="couch"):
        kerma.distributed.influence(folder, "OuterTarget", [0, 90, 180], [0, 1])
    with pytest.raises(kerma.ArgumentError, match="gantry"):
        kerma.distributed.influence(folder, "OuterTarget", [])
