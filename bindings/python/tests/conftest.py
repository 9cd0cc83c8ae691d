import pytest

import kerma


@pytest.fixture(scope="session")
def patient(tmp_path_factory):
    return kerma.demo("lung", tmp_path_factory.mktemp("lung"))


@pytest.fixture(scope="session")
def result(patient):
    return patient.compute(grid=5, progress=False)
