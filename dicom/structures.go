package dicom

import (
	"fmt"
	"math"
	"strings"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/suyashkumar/dicom/pkg/tag"
	"gonum.org/v1/gonum/spatial/r3"
)

// Structures is an RTSTRUCT and what to know about it.
type Structures struct {
	*geometry.StructureSet
	Identity
	Warnings []Problem
}

// ReadStructures reads the structures of an RTSTRUCT. Structures without
// contours stay in the set, so that they can be named; points, open lines and
// contours that contradict themselves are left out with a warning, never closed.
func ReadStructures(path string) (*Structures, error) {
	o, err := open(path)
	if err != nil {
		return nil, err
	}
	return readStructures(o)
}

// structureReader joins the three sequences of an RTSTRUCT by ROI number: their
// order means nothing (C.8.8.5, C.8.8.6, C.8.8.8).
type structureReader struct {
	o     *object
	out   *Structures
	index map[int]int // ROI number → position in Structures
	frame []string    // frame of reference UID of each structure
}

func readStructures(o *object) (*Structures, error) {
	if class := o.text(tag.SOPClassUID); class != classStructures {
		return nil, o.fail(tag.SOPClassUID, class, "expected an RT structure set, found %s", className(class))
	}
	r := &structureReader{
		o: o,
		out: &Structures{
			StructureSet: &geometry.StructureSet{Label: o.text(tag.StructureSetLabel), UID: o.text(tag.SOPInstanceUID)},
			Identity:     o.identity(),
		},
		index: map[int]int{},
	}
	if w := o.charset.warning(); w != "" {
		r.warn(o.item, tag.SpecificCharacterSet, nil, "%s", w)
	}
	if m := o.text(tag.Modality); m != "RTSTRUCT" {
		r.warn(o.item, tag.Modality, m, "is not RTSTRUCT, though the SOP class is RT Structure Set Storage")
	}
	for _, step := range []func() error{r.names, r.contours, r.observations, r.frames, r.series} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	r.empty()
	return r.out, nil
}

func (r *structureReader) warn(it item, t tag.Tag, value any, format string, args ...any) {
	r.out.Warnings = append(r.out.Warnings, it.warning(t, value, format, args...))
}

// names reads StructureSetROISequence, which says what structures there are.
func (r *structureReader) names() error {
	items, err := r.o.items(tag.StructureSetROISequence)
	if err != nil {
		return err
	}
	if len(items) == 0 {
		return r.o.fail(tag.StructureSetROISequence, nil, "is missing or empty: the file holds no structure")
	}
	for _, it := range items {
		n, err := it.required(tag.ROINumber)
		if err != nil {
			return err
		}
		if _, twice := r.index[n]; twice {
			return it.fail(tag.ROINumber, n, "two structures have this number")
		}
		r.index[n] = len(r.out.Structures)
		r.out.Structures = append(r.out.Structures, geometry.Structure{Number: n, Name: it.text(tag.ROIName)})
		r.frame = append(r.frame, it.text(tag.ReferencedFrameOfReferenceUID))
	}
	return nil
}

// find is the structure that an item refers to; nil, with a warning, when the
// set has none of that number.
func (r *structureReader) find(it item) (*geometry.Structure, error) {
	n, err := it.required(tag.ReferencedROINumber)
	if err != nil {
		return nil, err
	}
	i, ok := r.index[n]
	if !ok {
		r.warn(it, tag.ReferencedROINumber, n, "the set names no structure of this number: left out")
		return nil, nil
	}
	return &r.out.Structures[i], nil
}

// contours reads ROIContourSequence.
func (r *structureReader) contours() error {
	items, err := r.o.items(tag.ROIContourSequence)
	if err != nil {
		return err
	}
	for _, it := range items {
		s, err := r.find(it)
		if err != nil {
			return err
		}
		if s == nil {
			continue
		}
		if c, err := it.numbers(tag.ROIDisplayColor); err == nil && len(c) == 3 {
			for i := range c {
				s.Color[i] = uint8(max(0, min(255, c[i])))
			}
		}
		all, err := it.items(tag.ContourSequence)
		if err != nil {
			return err
		}
		dropped := map[string]int{}
		var why []string
		tilted := 0
		for _, one := range all {
			contour, reason, err := readContour(one)
			if err != nil {
				return err
			}
			if reason != "" {
				if dropped[reason]++; dropped[reason] == 1 {
					why = append(why, reason)
				}
				continue
			}
			if !axial(contour) {
				tilted++
			}
			s.Contours = append(s.Contours, contour)
		}
		for _, reason := range why {
			r.warn(it, tag.ContourSequence, nil, "structure %d %q: %d of %d contours left out: %s", s.Number, s.Name, dropped[reason], len(all), reason)
		}
		if tilted > 0 {
			r.warn(it, tag.ContourData, nil, "structure %d %q: %d of %d contours do not lie in an axial plane", s.Number, s.Name, tilted, len(all))
		}
	}
	return nil
}

// readContour reads one closed contour, or says why it is none. Both closed
// kinds are combined by the even–odd rule, which is what CLOSEDPLANAR_XOR means
// (C.8.8.6.3) and how nested contours are drawn in practice.
func readContour(it item) (contour geometry.Contour, reason string, err error) {
	switch kind := it.text(tag.ContourGeometricType); kind {
	case "CLOSED_PLANAR", "CLOSEDPLANAR_XOR":
	default:
		return nil, fmt.Sprintf("%s is no closed contour", kindName(kind)), nil
	}
	if offset, err := it.numbers(tag.ContourOffsetVector); err != nil {
		return nil, "", err
	} else if len(offset) > 0 && !allZeros(offset) {
		return nil, "", it.fail(tag.ContourOffsetVector, offset, "a contour moved by an offset is not supported")
	}
	v, err := it.numbers(tag.ContourData)
	if err != nil {
		return nil, "", err
	}
	if len(v)%3 != 0 {
		return nil, "the number of coordinates is not a multiple of three", nil
	}
	if n, ok, err := it.integer(tag.NumberOfContourPoints); err != nil {
		return nil, "", err
	} else if ok && n != len(v)/3 {
		return nil, "NumberOfContourPoints is not the number of points", nil
	}
	contour = make(geometry.Contour, len(v)/3)
	for i := range contour {
		p := r3.Vec{X: v[3*i], Y: v[3*i+1], Z: v[3*i+2]}
		if math.Abs(p.X) > farthest || math.Abs(p.Y) > farthest || math.Abs(p.Z) > farthest {
			return nil, "", it.fail(tag.ContourData, p, "is not a place in a patient, mm")
		}
		contour[i] = p
	}
	for n := len(contour); n > 1 && contour[0] == contour[n-1]; n-- {
		contour = contour[:n-1]
	}
	if len(contour) < 3 {
		return nil, "fewer than three points enclose nothing", nil
	}
	return contour, "", nil
}

func kindName(kind string) string {
	if kind == "" {
		return "a contour without a geometric type"
	}
	return kind
}

func allZeros(v []float64) bool {
	for _, x := range v {
		if x != 0 {
			return false
		}
	}
	return true
}

// axial reports whether a contour lies in a plane of one z, as far as decimal
// strings are exact.
func axial(c geometry.Contour) bool {
	const rounding = 0.1 // mm
	low, high := c[0].Z, c[0].Z
	for _, p := range c {
		low, high = min(low, p.Z), max(high, p.Z)
	}
	return high-low <= rounding
}

// observations reads RTROIObservationsSequence: roles and density overrides.
func (r *structureReader) observations() error {
	items, err := r.o.items(tag.RTROIObservationsSequence)
	if err != nil {
		return err
	}
	for _, it := range items {
		s, err := r.find(it)
		if err != nil {
			return err
		}
		if s == nil {
			continue
		}
		role := geometry.Role(it.text(tag.RTROIInterpretedType))
		switch {
		case role == "" || role == s.Role:
		case s.Role == "":
			s.Role = role
		default:
			r.warn(it, tag.RTROIInterpretedType, role, "structure %d %q is %s already", s.Number, s.Name, s.Role)
		}
		if err := r.properties(it, s); err != nil {
			return err
		}
	}
	return nil
}

// properties reads ROIPhysicalPropertiesSequence (C.8.8.8): densities that
// replace those of the CT. Both are relative to water, so that a relative mass
// density is one in g/cm³.
func (r *structureReader) properties(it item, s *geometry.Structure) error {
	items, err := it.items(tag.ROIPhysicalPropertiesSequence)
	if err != nil {
		return err
	}
	for _, one := range items {
		kind := one.text(tag.ROIPhysicalProperty)
		var to *float64
		switch kind {
		case "REL_ELEC_DENSITY":
			to = &s.RelativeElectronDensity
		case "REL_MASS_DENSITY":
			to = &s.MassDensity
		default:
			r.warn(one, tag.ROIPhysicalProperty, kind, "structure %d %q: this property is not used", s.Number, s.Name)
			continue
		}
		v, ok, err := one.number(tag.ROIPhysicalPropertyValue)
		if err != nil {
			return err
		}
		if !ok || !(v > 0 && v < 100) {
			return one.fail(tag.ROIPhysicalPropertyValue, v, "structure %d %q: expected %s above zero and below 100", s.Number, s.Name, kind)
		}
		if *to != 0 && *to != v {
			return one.fail(tag.ROIPhysicalPropertyValue, v, "structure %d %q: %s is %g already", s.Number, s.Name, kind, *to)
		}
		*to = v
	}
	return nil
}

// frames settles the one frame of reference of the set: that of most contours.
// Structures in another frame are left out with a warning, since their
// coordinates mean other places.
func (r *structureReader) frames() error {
	count := map[string]int{}
	for i, s := range r.out.Structures {
		count[r.frame[i]] += 1 + len(s.Contours)
	}
	best := r.frame[0]
	for _, f := range r.frame {
		if count[f] > count[best] {
			best = f
		}
	}
	r.out.FrameOfReferenceUID = best
	if best == "" {
		r.out.FrameOfReferenceUID = r.o.text(tag.FrameOfReferenceUID)
	}
	if r.out.FrameOfReferenceUID == "" {
		r.warn(r.o.item, tag.ReferencedFrameOfReferenceUID, nil, "is missing: the structures cannot be checked to share the frame of the image")
	}
	kept := r.out.Structures[:0]
	for i, s := range r.out.Structures {
		if r.frame[i] == best {
			kept = append(kept, s)
			continue
		}
		r.warn(r.o.item, tag.ReferencedFrameOfReferenceUID, r.frame[i], "structure %d %q left out: it is drawn in another frame of reference than the others, %s", s.Number, s.Name, best)
	}
	r.out.Structures = kept
	return nil
}

// series finds the one image series that the structures were drawn on.
func (r *structureReader) series() error {
	var s scanned
	if err := s.readStructureLinks(r.o); err != nil {
		return err
	}
	if len(s.SeriesUIDs) == 1 {
		r.out.SeriesUID = s.SeriesUIDs[0]
	}
	return nil
}

// empty warns of the structures that have no closed contour, in one line.
func (r *structureReader) empty() {
	const named = 5
	var names []string
	n := 0
	for _, s := range r.out.Structures {
		if len(s.Contours) > 0 {
			continue
		}
		if n++; n <= named {
			names = append(names, fmt.Sprintf("%d %q", s.Number, s.Name))
		}
	}
	if n > named {
		names = append(names, fmt.Sprintf("and %d more", n-named))
	}
	if n > 0 {
		r.warn(r.o.item, tag.ROIContourSequence, nil, "%d structures have no closed contour: %s", n, strings.Join(names, ", "))
	}
}
