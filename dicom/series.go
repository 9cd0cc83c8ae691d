package dicom

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/suyashkumar/dicom/pkg/tag"
	"gonum.org/v1/gonum/spatial/r3"
)

// series is the slices of one CT series in order along their normal, with the
// grid that they fill.
type series struct {
	slices   []slice
	at       []float64 // mm along the normal
	grid     geometry.Grid
	planes   []blend // of the grid, from the slices
	warnings []Problem
}

// blend is one plane of the grid: a slice, or a mixture of two neighbours.
type blend struct {
	below  int     // index of the slice at or below the plane
	weight float64 // 0…1 of the next slice
}

const (
	positionTolerance = 0.01 // mm: positions that count as equal, spacings that count as uniform
	tiltTolerance     = 0.1  // degrees between the stack and the normal
	widestGap         = 4    // times the smallest, beyond which anatomy would be invented
)

// newSeries orders slices by where they lie and finds their grid. Neither the
// instance number nor the slice location nor the slice thickness is looked at.
func newSeries(all []slice) (*series, error) {
	s := &series{}
	for _, one := range all {
		if one.localizer {
			s.warn(one.path, tag.ImageType, "LOCALIZER", "a localizer image in the series is left out")
			continue
		}
		s.slices = append(s.slices, one)
	}
	if len(s.slices) == 0 {
		return nil, &Error{Message: "no CT slices"}
	}
	if err := s.agree(); err != nil {
		return nil, err
	}
	s.sort()
	if err := s.dropCopies(); err != nil {
		return nil, err
	}
	if len(s.slices) == 1 {
		return nil, &Error{File: s.slices[0].path, Tag: tagName(tag.ImagePositionPatient), Message: "a single CT slice: its thickness in space is not known (SliceThickness does not say it), so it cannot carry a dose"}
	}
	if err := s.upright(); err != nil {
		return nil, err
	}
	return s, s.layPlanes()
}

func (s *series) warn(file string, t tag.Tag, value any, format string, args ...any) {
	s.warnings = append(s.warnings, Problem{Severity: Warning, File: file, Tag: tagName(t), Value: valueText(value), Message: fmt.Sprintf(format, args...)})
}

// agree checks that all slices are of one series, one frame and one shape.
func (s *series) agree() error {
	first := &s.slices[0]
	const tolerance = 1e-4
	for i := range s.slices {
		one := &s.slices[i]
		differs := func(t tag.Tag, here, there any) error {
			return &Error{File: one.path, Tag: tagName(t), Value: valueText(here), Message: fmt.Sprintf("differs from %v in %s of the same series", there, first.path)}
		}
		switch {
		case one.seriesUID != first.seriesUID:
			return differs(tag.SeriesInstanceUID, one.seriesUID, first.seriesUID)
		case one.frame != first.frame:
			return differs(tag.FrameOfReferenceUID, one.frame, first.frame)
		case one.rows != first.rows:
			return differs(tag.Rows, one.rows, first.rows)
		case one.columns != first.columns:
			return differs(tag.Columns, one.columns, first.columns)
		case math.Abs(one.spacing[0]-first.spacing[0]) > tolerance || math.Abs(one.spacing[1]-first.spacing[1]) > tolerance:
			return differs(tag.PixelSpacing, one.spacing, first.spacing)
		case r3.Norm(r3.Sub(one.x, first.x)) > tolerance || r3.Norm(r3.Sub(one.y, first.y)) > tolerance:
			return differs(tag.ImageOrientationPatient, []r3.Vec{one.x, one.y}, []r3.Vec{first.x, first.y})
		case one.position != first.position:
			return differs(tag.PatientPosition, one.position, first.position)
		case one.PatientID != first.PatientID:
			return differs(tag.PatientID, one.PatientID, first.PatientID)
		case one.StudyUID != first.StudyUID:
			return differs(tag.StudyInstanceUID, one.StudyUID, first.StudyUID)
		}
	}
	return nil
}

// normal is the direction in which the slices are stacked: x × y.
func (s *series) normal() r3.Vec { return r3.Unit(r3.Cross(s.slices[0].x, s.slices[0].y)) }

// sort orders the slices by k = position · normal; equal ones by UID, so that
// the order never depends on file names.
func (s *series) sort() {
	n := s.normal()
	slices.SortFunc(s.slices, func(a, b slice) int {
		return cmp.Or(cmp.Compare(r3.Dot(a.origin, n), r3.Dot(b.origin, n)), strings.Compare(a.uid, b.uid), strings.Compare(a.path, b.path))
	})
	s.at = make([]float64, len(s.slices))
	for i := range s.slices {
		s.at[i] = r3.Dot(s.slices[i].origin, n)
	}
}

// dropCopies leaves out slices that repeat another one exactly. Two different
// images at one place are a repeated or a 4-D scan: which of them to take is
// not for a reader to say.
func (s *series) dropCopies() error {
	kept, at := s.slices[:1:1], s.at[:1:1]
	var copies []*slice
	for i := 1; i < len(s.slices); i++ {
		last, one := &kept[len(kept)-1], &s.slices[i]
		if s.at[i]-at[len(at)-1] > positionTolerance {
			kept, at = append(kept, *one), append(at, s.at[i])
			continue
		}
		same, err := sameImage(last, one)
		if err != nil {
			return err
		}
		if !same {
			return &Error{File: one.path, Tag: tagName(tag.ImagePositionPatient), Value: fmt.Sprint(one.origin),
				Message: fmt.Sprintf("two different images at one place (a repeated or 4-D scan): instances %s and %s", last.uid, one.uid)}
		}
		copies = append(copies, one)
	}
	if n := len(copies); n > 0 {
		s.warn(copies[0].path, tag.ImagePositionPatient, copies[0].origin, "the same image twice at one place, of %d places: instance %s and the like are left out", n, copies[0].uid)
	}
	s.slices, s.at = kept, at
	return nil
}

// sameImage reports whether two slices hold the same Hounsfield units.
func sameImage(a, b *slice) (bool, error) {
	var hu [2][]float32
	for i, s := range []*slice{a, b} {
		hu[i] = make([]float32, s.rows*s.columns)
		if _, err := s.read(hu[i]); err != nil {
			return false, err
		}
	}
	return r3.Norm(r3.Sub(a.origin, b.origin)) <= positionTolerance && slices.Equal(hu[0], hu[1]), nil
}

// upright refuses a stack that leans: slices of a tilted gantry, each shifted
// against the last, are a sheared volume that an orthogonal grid would bend.
func (s *series) upright() error {
	n, first := s.normal(), s.slices[0].origin
	limit := math.Tan(tiltTolerance * math.Pi / 180)
	for i := range s.slices {
		k := s.at[i] - s.at[0]
		aside := r3.Norm(r3.Sub(r3.Sub(s.slices[i].origin, first), r3.Scale(k, n)))
		if aside > limit*k+positionTolerance {
			return &Error{File: s.slices[i].path, Tag: tagName(tag.ImagePositionPatient), Value: fmt.Sprint(s.slices[i].origin),
				Message: fmt.Sprintf("the slices are stacked %.1f° off their normal (gantry tilt or shear): resample the scan onto an upright grid first", math.Atan2(aside, k)*180/math.Pi)}
		}
	}
	return nil
}

// layPlanes finds the planes of the grid. Slices at even distances are its
// planes. Others are interpolated linearly onto planes from the first slice to
// the last, as near to the smallest distance as fits a whole number of times, so
// that no detail is dropped and both ends stay.
func (s *series) layPlanes() error {
	n := len(s.slices)
	first, length := s.at[0], s.at[n-1]-s.at[0]
	smallest, largest, gap := math.Inf(1), 0.0, 0
	for i := 1; i < n; i++ {
		step := s.at[i] - s.at[i-1]
		smallest = min(smallest, step)
		if step > largest {
			largest, gap = step, i
		}
	}
	spacing, worst := length/float64(n-1), 0.0
	for i := range s.at {
		worst = max(worst, math.Abs(s.at[i]-first-float64(i)*spacing))
	}
	count, even := n, worst <= max(positionTolerance, 0.01*spacing)
	switch {
	case even && worst > positionTolerance:
		s.warn("", tag.ImagePositionPatient, nil, "slice distances vary from %.4g to %.4g mm: taken as %.4g mm, no slice moves by more than %.2g mm", smallest, largest, spacing, worst)
	case !even && largest > widestGap*smallest:
		return &Error{File: s.slices[gap].path, Tag: tagName(tag.ImagePositionPatient), Value: fmt.Sprint(s.slices[gap].origin), Message: fmt.Sprintf("slice distances from %.4g to %.4g mm: too uneven to interpolate, slices are missing", smallest, largest)}
	case !even:
		count = int(math.Round(length/smallest)) + 1
		spacing = length / float64(count-1)
		s.warn(s.slices[gap].path, tag.ImagePositionPatient, s.slices[gap].origin,
			"slice distances from %.4g to %.4g mm (the widest below this slice), %d slices: interpolated linearly to %d planes %.4g mm apart", smallest, largest, n, count, spacing)
	}
	one := &s.slices[0]
	if int64(count)*int64(one.rows)*int64(one.columns) > maxVoxels {
		return &Error{File: one.path, Message: fmt.Sprintf("%d × %d × %d voxels are more than the limit of %d", one.columns, one.rows, count, maxVoxels)}
	}
	grid, err := geometry.NewGrid(one.origin, [3]float64{one.spacing[0], one.spacing[1], spacing},
		[3]int{one.columns, one.rows, count}, [3]r3.Vec{one.x, one.y, s.normal()})
	if err != nil {
		return &Error{File: one.path, Message: "the slices make no grid", Err: err}
	}
	s.grid = grid
	s.planes = make([]blend, count)
	for i, below := 0, 0; i < count; i++ {
		if even {
			s.planes[i] = blend{below: i}
			continue
		}
		k := first + float64(i)*spacing
		for below < n-2 && s.at[below+1] <= k {
			below++
		}
		const negligible = 1e-3 // of a slice distance
		switch w := (k - s.at[below]) / (s.at[below+1] - s.at[below]); {
		case w < negligible:
			s.planes[i] = blend{below: below}
		case w > 1-negligible:
			s.planes[i] = blend{below: below + 1}
		default:
			s.planes[i] = blend{below: below, weight: w}
		}
	}
	return nil
}
