package dicom

import (
	"encoding/binary"
	"fmt"
	"math"
	"path/filepath"
	"time"

	"github.com/suyashkumar/dicom/pkg/tag"
	"gonum.org/v1/gonum/spatial/r3"
)

// WriteCT writes a CT as one file for each slice, CT0001.dcm and so on in dir,
// Hounsfield units rounded to whole numbers. The study must be given; the UIDs
// of series, frame of reference and slices are drawn and set in c where it lacks
// them. The files are read back and compared.
func WriteCT(dir string, c *CT) error {
	fail := func(t tag.Tag, value any, message string) error {
		return &Error{File: dir, Tag: tagName(t), Value: valueText(value), Message: message}
	}
	if c.Volume == nil || c.Volume.Grid.Len() == 0 || len(c.Volume.Data) != c.Volume.Grid.Len() {
		return fail(tag.PixelData, nil, "a CT cannot be written without a volume")
	}
	g := c.Volume.Grid
	size := g.Size()
	switch {
	case c.Position == "":
		return fail(tag.PatientPosition, nil, "a CT cannot be written without the position of the patient")
	case size[0] > math.MaxUint16 || size[1] > math.MaxUint16:
		return fail(tag.Rows, size, "the grid is too large for a file")
	case r3.Dot(r3.Cross(g.Axis(0), g.Axis(1)), g.Axis(2)) < 0.99:
		return fail(tag.ImageOrientationPatient, g.String(), "the slices do not follow each other along their normal")
	case len(c.SliceUIDs) != 0 && len(c.SliceUIDs) != size[2]:
		return fail(tag.SOPInstanceUID, len(c.SliceUIDs), fmt.Sprintf("%d slices are expected", size[2]))
	}
	for i, v := range c.Volume.Data {
		if !(v >= math.MinInt16 && v <= math.MaxInt16) {
			return fail(tag.PixelData, v, fmt.Sprintf("voxel (%d, %d, %d): CT numbers have 16 bits", i%size[0], i/size[0]%size[1], i/size[0]/size[1]))
		}
	}
	wanted := []*string{&c.StudyUID, &c.SeriesUID, &c.FrameOfReferenceUID}
	if len(c.SliceUIDs) == 0 {
		c.SliceUIDs = make([]string, size[2])
		for k := range c.SliceUIDs {
			wanted = append(wanted, &c.SliceUIDs[k])
		}
	}
	for _, u := range wanted {
		if *u == "" {
			var err error
			if *u, err = newUID(); err != nil {
				return err
			}
		}
	}
	at := time.Now()
	var files []string
	for k := range size[2] {
		file := filepath.Join(dir, fmt.Sprintf("CT%04d.dcm", k+1))
		err := c.slice(k, at).write(file, func(temporary string) error {
			o, err := open(temporary)
			if err == nil && o.text(tag.SOPInstanceUID) != c.SliceUIDs[k] {
				err = fmt.Errorf("another instance UID than written")
			}
			return err
		})
		if err != nil {
			return err
		}
		files = append(files, file)
	}
	back, err := ReadCT(files...)
	if err != nil {
		return &Error{File: dir, Message: "the files do not hold what was written to them", Err: err}
	}
	if !back.Volume.Grid.Equal(g, 1e-3) {
		return fail(tag.ImagePositionPatient, back.Volume.Grid.String(), "the grid is not that which was written: "+g.String())
	}
	for i, v := range back.Volume.Data {
		if math.Abs(float64(v-c.Volume.Data[i])) > 0.5 {
			return fail(tag.PixelData, v, fmt.Sprintf("voxel %d is not what was written: %v", i, c.Volume.Data[i]))
		}
	}
	return nil
}

// slice is one image.
func (c *CT) slice(k int, at time.Time) *dataset {
	g := c.Volume.Grid
	size, spacing, p, x, y := g.Size(), g.Spacing(), g.Point(0, 0, float64(k)), g.Axis(0), g.Axis(1)
	d := &dataset{}
	d.origin(classCT, c.SliceUIDs[k], c.SeriesUID, "CT", c.Identity, at)
	d.add(tag.ImageType, []string{"DERIVED", "SECONDARY", "AXIAL"})
	d.text(tag.KVP, "")
	d.text(tag.AcquisitionNumber, "")
	d.text(tag.Laterality, "")
	d.text(tag.PatientPosition, string(c.Position))
	d.text(tag.FrameOfReferenceUID, c.FrameOfReferenceUID)
	d.text(tag.PositionReferenceIndicator, "")
	d.whole(tag.InstanceNumber, k+1)
	d.decimals(tag.SliceThickness, spacing[2])
	d.decimals(tag.ImagePositionPatient, p.X, p.Y, p.Z)
	d.decimals(tag.ImageOrientationPatient, x.X, x.Y, x.Z, y.X, y.Y, y.Z)
	d.decimals(tag.PixelSpacing, spacing[1], spacing[0])
	d.short(tag.SamplesPerPixel, 1)
	d.text(tag.PhotometricInterpretation, "MONOCHROME2")
	d.short(tag.Rows, size[1])
	d.short(tag.Columns, size[0])
	d.short(tag.BitsAllocated, 16)
	d.short(tag.BitsStored, 16)
	d.short(tag.HighBit, 15)
	d.short(tag.PixelRepresentation, 1)
	d.decimals(tag.RescaleIntercept, 0)
	d.decimals(tag.RescaleSlope, 1)
	d.text(tag.RescaleType, "HU")
	plane := c.Volume.Data[k*size[0]*size[1]:][:size[0]*size[1]]
	pixels := make([]byte, 0, 2*len(plane))
	for _, v := range plane {
		pixels = binary.LittleEndian.AppendUint16(pixels, uint16(int16(math.Round(float64(v)))))
	}
	d.pixels(pixels)
	return d
}
