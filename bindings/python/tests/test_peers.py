"""What others read of ours, and what they make of the same files."""

import numpy as np
import pytest

import kerma


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tg119")
    patient = kerma.demo("tg119", folder)
    patient.compute(grid=0.8, roi="OuterTarget", progress=False).write(folder / "dose.dcm")
    return folder


@pytest.fixture(scope="module")
def read(folder):
    return kerma.read(folder)


def structures(folder):
    import pydicom

    return next(f for f in sorted(folder.rglob("*.dcm")) if pydicom.dcmread(f, stop_before_pixels=True).Modality == "RTSTRUCT")


def test_pydicom_reads_the_dose(folder, read):
    pydicom = pytest.importorskip("pydicom")
    d = pydicom.dcmread(folder / "dose.dcm")
    values = d.pixel_array * float(d.DoseGridScaling)
    ours = read.doses[-1]
    assert values == pytest.approx(ours.array, abs=1e-6 * ours.array.max().item())
    assert tuple(map(float, d.ImagePositionPatient)) == pytest.approx(ours.origin)
    assert [float(s) for s in d.PixelSpacing] == pytest.approx([ours.spacing[1], ours.spacing[0]])


def test_simpleitk_reads_the_dose_where_it_is(folder, read):
    sitk = pytest.importorskip("SimpleITK")
    image = sitk.ReadImage(str(folder / "dose.dcm"))
    ours = read.doses[-1]
    assert image.GetOrigin() == pytest.approx(ours.origin, abs=1e-3)
    assert image.GetSpacing() == pytest.approx(ours.spacing, abs=1e-3)
    values = sitk.GetArrayFromImage(image).astype(float)
    if "3004|000e" in image.GetMetaDataKeys() and values.max() > 1000:  # raw integers
        values *= float(image.GetMetaData("3004|000e"))
    assert values == pytest.approx(ours.array, abs=1e-5 * ours.array.max().item())


def test_a_simpleitk_image_comes_back_as_it_was():
    pytest.importorskip("SimpleITK")
    c, s = np.cos(0.2), np.sin(0.2)
    volume = kerma.Volume(
        np.random.default_rng(1).random((4, 5, 6)), (1, -2, 3), (1.5, 2, 2.5), [[c, -s, 0], [s, c, 0], [0, 0, 1]]
    )
    again = kerma.Volume.from_sitk(volume.to_sitk())
    assert np.array_equal(again.array, volume.array)
    assert again.origin == volume.origin and again.spacing == volume.spacing
    assert np.array_equal(again.direction, volume.direction)
    image = volume.to_sitk()
    index = (5, 1, 2)
    point = np.array(volume.origin) + volume.direction @ (np.array(index) * volume.spacing)
    assert image.TransformIndexToPhysicalPoint(index) == pytest.approx(point)


def test_xarray_finds_the_dose_of_a_point(read):
    pytest.importorskip("xarray")
    dose = read.doses[-1]
    field = dose.to_xarray()
    z, y, x = (a[3] for a in dose.axes)
    assert float(field.sel(z=z, y=y, x=x)) == dose.array[3, 3, 3]
    assert np.shares_memory(field.values, dose.array)


def test_dicompyler_has_the_same_histograms(folder, read):
    dvhcalc = pytest.importorskip("dicompylercore.dvhcalc")
    dicomparser = pytest.importorskip("dicompylercore.dicomparser")
    file = str(structures(folder))
    ours = read.dvh(read.doses[-1])
    parsed = dicomparser.DicomParser(file).GetStructures()
    for number, structure in parsed.items():
        name = structure["name"]
        if name == "BODY":
            continue  # reaches beyond the dose, which dicompyler counts as no volume
        theirs = dvhcalc.get_dvh(file, str(folder / "dose.dcm"), number)
        one = ours[name]
        print(f"{name}: ours {one.volume:.2f} cm³, D95 {one.D95:.2f}; theirs {theirs.volume:.2f}, {theirs.D95.value:.2f}")
        assert one.volume == pytest.approx(theirs.volume, rel=0.07)  # theirs counts centres of dose voxels; see the next test
        assert one.mean == pytest.approx(theirs.mean, rel=0.015)
        for figure in ("D95", "D50", "D2"):
            assert getattr(one, figure) == pytest.approx(getattr(theirs, figure).value, rel=0.02, abs=0.5), figure
        assert one.relative_volume.V30Gy == pytest.approx(theirs.relative_volume.V30Gy.value, abs=2)
        assert one.V30Gy.units == theirs.V30Gy.units and one.D95.units == theirs.D95.units


def test_volumes_are_those_of_the_contours(folder, read):
    pydicom = pytest.importorskip("pydicom")
    ours = read.dvh(read.doses[-1])
    file = pydicom.dcmread(structures(folder))
    names = {r.ROINumber: r.ROIName for r in file.StructureSetROISequence}
    for roi in file.ROIContourSequence:
        name = names[roi.ReferencedROINumber]
        if name == "BODY":
            continue  # reaches beyond the dose
        area = 0.0
        for contour in roi.ContourSequence:
            x, y, _ = np.array(contour.ContourData, float).reshape(-1, 3).T
            area += abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2
        assert ours[name].volume == pytest.approx(area * read.ct.spacing[2] / 1000, rel=0.01), name
