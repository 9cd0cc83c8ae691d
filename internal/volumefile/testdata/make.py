"""The test volumes of this package, written by the programs that define the formats: nibabel, pynrrd, SimpleITK, NumPy.

Every file holds value(i, j, k) of its own index; oblique.* are one volume, so all must put the same value in the same place.
Run with nibabel 5.4, pynrrd 1.1, SimpleITK 2.5.
"""
import json
import os

import nibabel
import nrrd
import numpy
import SimpleITK

here = os.path.dirname(os.path.abspath(__file__))
size, spacing, origin = (5, 4, 3), (2.0, 3.0, 2.5), (-10.0, 20.0, 30.0)  # x, y, z; LPS
a, b = numpy.radians(20), numpy.radians(35)
turn = numpy.array([[numpy.cos(a), -numpy.sin(a), 0], [numpy.sin(a), numpy.cos(a), 0], [0, 0, 1]]) @ numpy.array(
    [[1, 0, 0], [0, numpy.cos(b), -numpy.sin(b)], [0, numpy.sin(b), numpy.cos(b)]]
)
zyx = numpy.arange(60, dtype=numpy.float32).reshape(3, 4, 5) / 4

image = SimpleITK.GetImageFromArray(zyx)
image.SetSpacing(spacing)
image.SetOrigin(origin)
image.SetDirection(turn.ravel().tolist())
SimpleITK.WriteImage(image, os.path.join(here, "oblique.nrrd"), useCompression=False)
SimpleITK.WriteImage(image, os.path.join(here, "oblique_packed.nrrd"), useCompression=True)
SimpleITK.WriteImage(image, os.path.join(here, "oblique.nii.gz"))

steps = turn * numpy.array(spacing)  # columns, LPS
flip = numpy.diag([-1, -1, 1])
nrrd.write(
    os.path.join(here, "oblique_ras.nrrd"), zyx.T.astype(numpy.float64),
    {"space": "right-anterior-superior", "space directions": (flip @ steps).T, "space origin": flip @ origin, "encoding": "gzip"},
)
nrrd.write(  # big endian whole numbers, of the value × 4
    os.path.join(here, "oblique_int16.nrrd"), (4 * zyx.T).astype(">i2"),
    {"space": "left-posterior-superior", "space directions": steps.T, "space origin": list(origin), "encoding": "raw", "endian": "big"},
)

affine = numpy.eye(4)
affine[:3, :3], affine[:3, 3] = flip @ steps, flip @ origin
nifti = nibabel.Nifti1Image(zyx.T, affine)
nifti.set_qform(None, 0)
nifti.set_sform(affine, 1)
nifti.to_filename(os.path.join(here, "oblique_sform.nii"))
nifti.set_sform(None, 0)
nifti.set_qform(affine, 1)
nifti.to_filename(os.path.join(here, "oblique_qform.nii"))

# The same volume stored with its last axis the other way around: left-handed, qfac −1.
mirrored = affine.copy()
mirrored[:3, 3] += 2 * mirrored[:3, 2]
mirrored[:3, 2] *= -1
nifti = nibabel.Nifti1Image(zyx.T[:, :, ::-1], mirrored)
nifti.set_sform(None, 0)
nifti.set_qform(mirrored, 1)
nifti.to_filename(os.path.join(here, "oblique_mirrored.nii"))

# Scaled whole numbers, big endian: value = stored / 4.
header = nibabel.Nifti1Header(endianness=">")
header.set_data_dtype(">i2")
nifti = nibabel.Nifti1Image((4 * zyx.T).astype(numpy.int16), affine, header)
nifti.header.set_slope_inter(0.25, 0)
nifti.set_qform(affine, 1)
with open(os.path.join(here, "oblique_scaled.nii"), "wb") as f:
    nifti.header.set_data_offset(352)
    f.write(nifti.header.binaryblock + b"\0" * 4 + (4 * zyx).astype(">i2").tobytes())

numpy.save(os.path.join(here, "oblique.npy"), zyx)
with open(os.path.join(here, "oblique.json"), "w") as f:
    json.dump({"origin_mm": origin, "spacing_mm": spacing, "directions": turn.T.tolist(), "unit": "Gy"}, f)
