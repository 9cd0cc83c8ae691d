package dicom

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/suyashkumar/dicom/pkg/tag"
)

// roi is a structure of a test file: its contours by kind, and how many points
// the file says each has.
type roi struct {
	number   int
	name     string
	frame    string
	contours []drawn
}

type drawn struct {
	kind  string
	said  int
	data  string
	extra string // further elements
}

func sequenceOf(t tag.Tag, items ...string) string {
	body := ""
	for _, it := range items {
		body += explicit(tag.Item, "", int64(len(it)), it)
	}
	return explicit(t, "SQ", int64(len(body)), body)
}

// structureFile is an RTSTRUCT in Explicit VR Little Endian.
func structureFile(t *testing.T, rois []roi, observations ...string) *object {
	t.Helper()
	var names, contours []string
	for _, r := range rois {
		names = append(names, explicit(tag.ROINumber, "IS", -1, fmt.Sprint(r.number))+
			explicit(tag.ReferencedFrameOfReferenceUID, "UI", -1, r.frame)+explicit(tag.ROIName, "LO", -1, r.name))
		var drawn []string
		for _, c := range r.contours {
			drawn = append(drawn, explicit(tag.ContourGeometricType, "CS", -1, c.kind)+c.extra+
				explicit(tag.NumberOfContourPoints, "IS", -1, fmt.Sprint(c.said))+explicit(tag.ContourData, "DS", -1, c.data))
		}
		// Other order than the names: they are joined by number.
		contours = append([]string{sequenceOf(tag.ContourSequence, drawn...) + explicit(tag.ReferencedROINumber, "IS", -1, fmt.Sprint(r.number))}, contours...)
	}
	file := withMeta(syntaxExplicit,
		explicit(tag.SOPClassUID, "UI", -1, classStructures)+explicit(tag.Modality, "CS", -1, "RTSTRUCT")+
			sequenceOf(tag.StructureSetROISequence, names...)+sequenceOf(tag.ROIContourSequence, contours...)+
			sequenceOf(tag.RTROIObservationsSequence, observations...))
	o, err := parse("test", file)
	require.NoError(t, err)
	return o
}

const square = `0\0\5\10\0\5\10\10\5\0\10\5`

func TestOnlyClosedContoursAreStructures(t *testing.T) {
	s, err := readStructures(structureFile(t, []roi{
		{1, "Point", "1.2", []drawn{{"POINT", 1, `1\2\3`, ""}}},
		{2, "Line", "1.2", []drawn{{"OPEN_PLANAR", 4, square, ""}, {"OPEN_NONPLANAR", 4, square, ""}}},
		{3, "Twin", "1.2", []drawn{{"CLOSED_PLANAR", 4, square, ""}, {"CLOSED_PLANAR", 2, `0\0\0\1\1\0`, ""}}},
		{4, "Twin", "1.2", []drawn{{"CLOSEDPLANAR_XOR", 5, square + `\0\0\5`, ""}}},
		{5, "None", "1.2", nil},
		{6, "Nameless", "1.2", []drawn{{"", 4, square, ""}}},
	}))
	require.NoError(t, err)
	require.Len(t, s.Structures, 6)
	var counts []int
	for _, one := range s.Structures {
		counts = append(counts, len(one.Contours))
	}
	assert.Equal(t, []int{0, 0, 1, 1, 0, 0}, counts)
	assert.Len(t, s.Structures[3].Contours[0], 4, "the first point is not repeated")
	for _, says := range []string{
		`structure 1 "Point": 1 of 1 contours left out: POINT is no closed contour`,
		`structure 2 "Line": 1 of 2 contours left out: OPEN_PLANAR`, `OPEN_NONPLANAR`,
		`structure 3 "Twin": 1 of 2 contours left out: fewer than three points`,
		`"Nameless": 1 of 1 contours left out: a contour without a geometric type`,
	} {
		assert.True(t, warned(s.Warnings, "ContourSequence", says), says)
	}
	assert.True(t, warned(s.Warnings, "ROIContourSequence", `4 structures have no closed contour: 1 "Point", 2 "Line", 5 "None", 6 "Nameless"`), "%v", s.Warnings)
}

func TestStructuresOfAnotherFrameAreLeftOut(t *testing.T) {
	s, err := readStructures(structureFile(t, []roi{
		{1, "Here", "1.2", []drawn{{"CLOSED_PLANAR", 4, square, ""}, {"CLOSED_PLANAR", 4, square, ""}}},
		{2, "Elsewhere", "1.3", []drawn{{"CLOSED_PLANAR", 4, square, ""}}},
	}))
	require.NoError(t, err)
	require.Len(t, s.Structures, 1)
	assert.Equal(t, "1.2", s.FrameOfReferenceUID)
	assert.True(t, warned(s.Warnings, "ReferencedFrameOfReferenceUID", `structure 2 "Elsewhere" left out`))
}

func observation(number int, role string, properties ...string) string {
	body := explicit(tag.ReferencedROINumber, "IS", -1, fmt.Sprint(number)) + explicit(tag.RTROIInterpretedType, "CS", -1, role)
	return body + sequenceOf(tag.ROIPhysicalPropertiesSequence, properties...)
}

func property(kind, value string) string {
	return explicit(tag.ROIPhysicalProperty, "CS", -1, kind) + explicit(tag.ROIPhysicalPropertyValue, "DS", -1, value)
}

func TestDensitiesOverrideOrAreNamed(t *testing.T) {
	rois := []roi{{1, "Couch", "1.2", []drawn{{"CLOSED_PLANAR", 4, square, ""}}}}
	s, err := readStructures(structureFile(t, rois, observation(1, "SUPPORT",
		property("REL_ELEC_DENSITY", "0.3"), property("REL_MASS_DENSITY", "0.25"), property("EFFECTIVE_Z", "7")), observation(9, "ORGAN")))
	require.NoError(t, err)
	one := s.Structures[0]
	assert.Equal(t, "SUPPORT", string(one.Role))
	assert.Equal(t, 0.3, one.RelativeElectronDensity)
	assert.Equal(t, 0.25, one.MassDensity)
	assert.True(t, warned(s.Warnings, "ROIPhysicalProperty", "not used"))
	assert.True(t, warned(s.Warnings, "ReferencedROINumber", "names no structure of this number"))
	for _, value := range []string{"0", "-1", "", "1e9"} {
		_, err := readStructures(structureFile(t, rois, observation(1, "SUPPORT", property("REL_MASS_DENSITY", value))))
		var e *Error
		assert.ErrorAs(t, err, &e, value)
	}
}

func TestContourThatCannotBePlacedIsRefused(t *testing.T) {
	for name, c := range map[string]drawn{
		"moved":        {"CLOSED_PLANAR", 4, square, explicit(tag.ContourOffsetVector, "DS", -1, `0\0\1`)},
		"not a number": {"CLOSED_PLANAR", 4, strings.Replace(square, "10", "x", 1), ""},
		"too far":      {"CLOSED_PLANAR", 4, strings.Replace(square, "10", "1e9", 1), ""},
	} {
		_, err := readStructures(structureFile(t, []roi{{1, "A", "1.2", []drawn{c}}}))
		var e *Error
		assert.ErrorAs(t, err, &e, name)
	}
	_, err := readStructures(structureFile(t, []roi{{1, "A", "1.2", nil}, {1, "B", "1.2", nil}}))
	assert.ErrorContains(t, err, "two structures have this number")
}

func TestPublicStructureSetsAreReadAsTheirNotesSay(t *testing.T) {
	for _, c := range []struct {
		file       string
		structures int
		empty      int
		names      string // of the first
		says       []string
	}{
		{file: "tg119/rtstruct.dcm", structures: 3, names: "BODY"},
		{file: "breast_eclipse/rtstruct.dcm", structures: 10, empty: 1, names: "BODY", says: []string{`1 structures have no closed contour: 2 "Areola"`}},
		{file: "lung_synthetic/rtstruct.dcm", structures: 32, empty: 29, names: "Body", says: []string{"29 structures have no closed contour", "and 24 more"}},
		{file: "lung_nsclc/rtstruct.dcm", structures: 4, names: "GTV-1"},
		{file: "proton_ramp_raystation/rtstruct.dcm", structures: 5, empty: 1, names: "Cube101010", says: []string{"POINT is no closed contour"}},
		{file: "odd_real/opentps_nonconformant/rtstruct.dcm", structures: 1, names: "TargetVolume", says: []string{"is not RTSTRUCT"}},
		{file: "odd_real/pydicom/rtstruct.dcm", structures: 3, empty: 2, names: "patient", says: []string{"POINT is no closed contour"}},
		{file: "odd_real/rtutils/rt.dcm", structures: 1, names: "ROI-1"},
		{file: "odd_real/rtutils/non_existent_reference_rt.dcm", structures: 4, names: "ROI-1"},
		{file: "odd_real/rtutils/invalid_reference_rt.dcm", structures: 4, names: "ROI-1"},
	} {
		t.Run(c.file, func(t *testing.T) {
			s, err := ReadStructures(sharedData(t, c.file))
			require.NoError(t, err)
			require.Len(t, s.Structures, c.structures)
			empty := 0
			for _, one := range s.Structures {
				if len(one.Contours) == 0 {
					empty++
				}
			}
			assert.Equal(t, c.empty, empty)
			assert.Equal(t, c.names, s.Structures[0].Name)
			all := fmt.Sprint(s.Warnings)
			for _, says := range c.says {
				assert.Contains(t, all, says)
			}
			if len(c.says) == 0 && !strings.Contains(c.file, "rtutils") {
				assert.Empty(t, s.Warnings)
			}
		})
	}
	s, err := ReadStructures(sharedData(t, "proton_ramp_raystation/rtstruct.dcm"))
	require.NoError(t, err)
	assert.Equal(t, 1.02, s.Structures[2].MassDensity)
	assert.Equal(t, 1.19, s.Structures[3].MassDensity)
	assert.InEpsilon(t, 1050, slabVolume(t, &s.Structures[0], 5), 1e-6, "cm³: 21 planes of a cube of 10 cm")

	s, err = ReadStructures(sharedData(t, "tg119/rtstruct.dcm"))
	require.NoError(t, err)
	for i, voxels := range []float64{13539.1, 167.81, 29.70} { // cm³ of the masks that the contours were traced from
		assert.InEpsilon(t, voxels, slabVolume(t, &s.Structures[i], 2.5), 0.02, s.Structures[i].Name)
	}
	ct := sharedData(t, "tg119", "ct")
	scan, err := ReadCT(ct)
	require.NoError(t, err)
	assert.Equal(t, scan.SeriesUID, s.SeriesUID)
	assert.Equal(t, scan.FrameOfReferenceUID, s.FrameOfReferenceUID)
}
