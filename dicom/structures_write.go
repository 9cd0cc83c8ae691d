package dicom

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/suyashkumar/dicom/pkg/tag"
	"gonum.org/v1/gonum/spatial/r3"
)

// WriteStructures writes a structure set that was drawn on a CT, which gives
// patient, study and frame of reference. The set gets a UID where it has none.
// Structures without a number get one. The file is read back and compared before
// it takes its name.
func WriteStructures(path string, s *geometry.StructureSet, c *CT) error {
	fail := func(t tag.Tag, value any, message string) error {
		return &Error{File: path, Tag: tagName(t), Value: valueText(value), Message: message}
	}
	switch {
	case c.StudyUID == "" || c.SeriesUID == "" || c.FrameOfReferenceUID == "" || len(c.SliceUIDs) == 0:
		return fail(tag.ReferencedFrameOfReferenceSequence, nil, "structures cannot be written without the UIDs of their CT: write that first")
	case s.FrameOfReferenceUID != "" && s.FrameOfReferenceUID != c.FrameOfReferenceUID:
		return fail(tag.FrameOfReferenceUID, s.FrameOfReferenceUID, "the CT is in another frame of reference")
	}
	numbers := map[int]bool{}
	for i := range s.Structures {
		if n := s.Structures[i].Number; n != 0 {
			if numbers[n] {
				return fail(tag.ROINumber, n, "is the number of two structures")
			}
			numbers[n] = true
		}
	}
	next := 1
	for i := range s.Structures {
		if s.Structures[i].Number == 0 {
			for numbers[next] {
				next++
			}
			s.Structures[i].Number = next
			numbers[next] = true
		}
	}
	if s.UID == "" {
		var err error
		if s.UID, err = newUID(); err != nil {
			return err
		}
	}
	s.FrameOfReferenceUID, s.SeriesUID = c.FrameOfReferenceUID, c.SeriesUID
	series, err := newUID()
	if err != nil {
		return err
	}
	return structuresDataset(s, c, series, time.Now()).write(path, func(temporary string) error {
		back, err := ReadStructures(temporary)
		if err != nil {
			return err
		}
		return sameStructures(back.StructureSet, s)
	})
}

func structuresDataset(s *geometry.StructureSet, c *CT, series string, at time.Time) *dataset {
	d := &dataset{}
	d.origin(classStructures, s.UID, series, "RTSTRUCT", c.Identity, at)
	d.text(tag.FrameOfReferenceUID, c.FrameOfReferenceUID)
	d.text(tag.PositionReferenceIndicator, "")
	label := cut(s.Label, 16)
	if label == "" {
		label = "structures"
	}
	d.text(tag.StructureSetLabel, label)
	d.text(tag.StructureSetDate, at.Format("20060102"))
	d.text(tag.StructureSetTime, at.Format("150405"))
	d.text(tag.ApprovalStatus, "UNAPPROVED")

	var images []*dataset
	for _, u := range c.SliceUIDs {
		images = append(images, reference(classCT, u))
	}
	of, study, frame := &dataset{}, &dataset{}, &dataset{}
	of.text(tag.SeriesInstanceUID, c.SeriesUID)
	of.sequence(tag.ContourImageSequence, images...)
	study.text(tag.ReferencedSOPClassUID, "1.2.840.10008.3.1.2.3.1") // detached study management
	study.text(tag.ReferencedSOPInstanceUID, c.StudyUID)
	study.sequence(tag.RTReferencedSeriesSequence, of)
	frame.text(tag.FrameOfReferenceUID, c.FrameOfReferenceUID)
	frame.sequence(tag.RTReferencedStudySequence, study)
	d.sequence(tag.ReferencedFrameOfReferenceSequence, frame)

	var rois, contours, observations []*dataset
	for i := range s.Structures {
		one := &s.Structures[i]
		roi := &dataset{}
		roi.whole(tag.ROINumber, one.Number)
		roi.text(tag.ReferencedFrameOfReferenceUID, c.FrameOfReferenceUID)
		roi.long(tag.ROIName, strings.ReplaceAll(one.Name, `\`, "/"), 64)
		roi.text(tag.ROIGenerationAlgorithm, "")
		rois = append(rois, roi)
		contours = append(contours, contourItem(one, c))
		observations = append(observations, observationItem(one, i+1))
	}
	d.sequence(tag.StructureSetROISequence, rois...)
	d.sequence(tag.ROIContourSequence, contours...)
	d.sequence(tag.RTROIObservationsSequence, observations...)
	return d
}

func reference(class, instance string) *dataset {
	d := &dataset{}
	d.text(tag.ReferencedSOPClassUID, class)
	d.text(tag.ReferencedSOPInstanceUID, instance)
	return d
}

func contourItem(s *geometry.Structure, c *CT) *dataset {
	d := &dataset{}
	if s.Color != [3]uint8{} {
		d.text(tag.ROIDisplayColor, fmt.Sprintf(`%d\%d\%d`, s.Color[0], s.Color[1], s.Color[2]))
	}
	d.whole(tag.ReferencedROINumber, s.Number)
	var items []*dataset
	for _, contour := range s.Contours {
		if len(contour) == 0 {
			continue
		}
		item := &dataset{}
		// The slice that the contour was drawn on, where there is one.
		if k := math.Round(c.Volume.Grid.Index(contour[0]).Z); k >= 0 && int(k) < len(c.SliceUIDs) {
			item.sequence(tag.ContourImageSequence, reference(classCT, c.SliceUIDs[int(k)]))
		}
		item.text(tag.ContourGeometricType, "CLOSED_PLANAR")
		item.whole(tag.NumberOfContourPoints, len(contour))
		values := make([]float64, 0, 3*len(contour))
		for _, p := range contour {
			values = append(values, p.X, p.Y, p.Z)
		}
		item.decimals(tag.ContourData, values...)
		items = append(items, item)
	}
	if len(items) > 0 {
		d.sequence(tag.ContourSequence, items...)
	}
	return d
}

func observationItem(s *geometry.Structure, number int) *dataset {
	d := &dataset{}
	d.whole(tag.ObservationNumber, number)
	d.whole(tag.ReferencedROINumber, s.Number)
	d.text(tag.RTROIInterpretedType, string(s.Role))
	d.text(tag.ROIInterpreter, "")
	var properties []*dataset
	for _, p := range []struct {
		name  string
		value float64
	}{{"REL_ELEC_DENSITY", s.RelativeElectronDensity}, {"REL_MASS_DENSITY", s.MassDensity}} {
		if p.value > 0 {
			one := &dataset{}
			one.text(tag.ROIPhysicalProperty, p.name)
			one.decimals(tag.ROIPhysicalPropertyValue, p.value)
			properties = append(properties, one)
		}
	}
	if len(properties) > 0 {
		d.sequence(tag.ROIPhysicalPropertiesSequence, properties...)
	}
	return d
}

// sameStructures fails unless two sets have the same structures, each point
// within what decimal strings can hold.
func sameStructures(got, want *geometry.StructureSet) error {
	if len(got.Structures) != len(want.Structures) {
		return fmt.Errorf("%d structures, written were %d", len(got.Structures), len(want.Structures))
	}
	byNumber := map[int]*geometry.Structure{}
	for i := range got.Structures {
		byNumber[got.Structures[i].Number] = &got.Structures[i]
	}
	for i := range want.Structures {
		w := &want.Structures[i]
		g := byNumber[w.Number]
		if g == nil || len(g.Contours) != len(w.Contours) || g.Role != w.Role ||
			math.Abs(g.MassDensity-w.MassDensity) > 1e-6 || math.Abs(g.RelativeElectronDensity-w.RelativeElectronDensity) > 1e-6 {
			return fmt.Errorf("structure %d %q is not what was written", w.Number, w.Name)
		}
		for n, c := range w.Contours {
			if len(g.Contours[n]) != len(c) {
				return fmt.Errorf("contour %d of %q has %d points, written were %d", n, w.Name, len(g.Contours[n]), len(c))
			}
			for m, p := range c {
				if r3.Norm(r3.Sub(p, g.Contours[n][m])) > 1e-3 {
					return fmt.Errorf("point %d of contour %d of %q is %v, written was %v", m, n, w.Name, g.Contours[n][m], p)
				}
			}
		}
	}
	return nil
}
