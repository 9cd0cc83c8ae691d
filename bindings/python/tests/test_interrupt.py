"""Ctrl-C, processes and forks."""

import multiprocessing
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import kerma

long_work = """
    import sys, threading, time, os, signal
    import kerma
    patient = kerma.demo("lung")
    def stop():
        time.sleep(1.0)
        global pressed
        pressed = time.monotonic()
        os.kill(os.getpid(), signal.SIGINT)
    threading.Thread(target=stop).start()
    try:
        patient.compute(engine="collapsed-cone", grid=1.0, progress=False)
    except KeyboardInterrupt:
        print(time.monotonic() - pressed)
        sys.exit(0)
    sys.exit("finished")
"""


def test_ctrl_c_ends_a_calculation():
    out = subprocess.run([sys.executable, "-c", textwrap.dedent(long_work)], capture_output=True, text=True)
    assert out.returncode == 0, out.stderr
    assert float(out.stdout) < 2, "seconds from Ctrl-C to KeyboardInterrupt"  # 0.2 on an idle machine


def _dose(grid):
    return kerma.demo("lung").compute(grid=grid, progress=False).dose.array.copy()


def test_spawned_processes_compute_the_same(result):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        for dose in pool.map(_dose, [5, 5]):
            assert np.array_equal(dose, result.dose.array)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_is_refused_with_the_way_out(patient):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            patient.compute(grid=10, progress=False)
            os.write(write, b"computed")
        except kerma.ForkError as e:
            os.write(write, str(e).encode())
        os._exit(0)
    os.close(write)
    says = os.read(read, 4096).decode()
    os.waitpid(child, 0)
    assert "spawn" in says


