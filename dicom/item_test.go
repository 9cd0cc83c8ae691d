package dicom

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/suyashkumar/dicom/pkg/tag"
)

func parseExplicit(t *testing.T, dataset string) *object {
	t.Helper()
	o, err := parse("test", withMeta(syntaxExplicit, dataset))
	require.NoError(t, err)
	return o
}

func TestDecimalStringsAreReadAsTheStandardAndRealFilesWriteThem(t *testing.T) {
	for s, want := range map[string]float64{
		" 1.5 ": 1.5, "+2": 2, "-3.25e-2": -0.0325, "1E3\x00": 1000, "0.123456789012345678901234": 0.12345678901234568, ".5": 0.5, "5.": 5,
	} {
		o := parseExplicit(t, explicit(tag.SliceThickness, "DS", -1, s))
		v, ok, err := o.number(tag.SliceThickness)
		require.NoError(t, err, s)
		assert.True(t, ok)
		assert.Equal(t, want, v)
	}
	for _, s := range []string{"NaN", "Inf", "-infinity", "1,5", "0x10", "1_000", "1e", "--1", "1 2", "1e400", "five"} {
		o := parseExplicit(t, explicit(tag.SliceThickness, "DS", -1, s))
		_, _, err := o.number(tag.SliceThickness)
		var e *Error
		require.ErrorAs(t, err, &e, s)
		assert.Equal(t, "(0018,0050) SliceThickness", e.Tag)
		assert.Equal(t, "test", e.File)
	}
	o := parseExplicit(t, explicit(tag.SliceThickness, "DS", -1, "  "))
	_, ok, err := o.number(tag.SliceThickness)
	assert.NoError(t, err)
	assert.False(t, ok)
	assert.False(t, o.has(tag.SliceThickness))
}

func TestIntegerRefusesFractionsAndLists(t *testing.T) {
	for s, want := range map[string]int{"7": 7, " -12 ": -12, "3.0": 3} {
		v, ok, err := parseExplicit(t, explicit(tag.BeamNumber, "IS", -1, s)).integer(tag.BeamNumber)
		require.NoError(t, err)
		assert.True(t, ok)
		assert.Equal(t, want, v)
	}
	for _, s := range []string{"1.5", `1\2`, "1e300"} {
		_, _, err := parseExplicit(t, explicit(tag.BeamNumber, "IS", -1, s)).integer(tag.BeamNumber)
		assert.Error(t, err, s)
	}
}

func TestKnownAttributesStoredAsUNAreDecodedByTheDictionary(t *testing.T) {
	fd := string(binary.LittleEndian.AppendUint64(nil, math.Float64bits(2.5)))
	inside := implicit(tag.Item, -1, implicit(tag.BeamNumber, -1, "3 ")+implicit(tag.BeamName, -1, "LAO "))
	for name, sequence := range map[string]string{
		"implicit inside, defined":   explicit(tag.BeamSequence, "UN", -1, inside),
		"implicit inside, undefined": explicit(tag.BeamSequence, "UN", int64(undefined), inside+implicit(tag.SequenceDelimitationItem, 0, "")),
		"explicit inside, undefined": explicit(tag.BeamSequence, "UN", int64(undefined), explicit(tag.Item, "", int64(undefined),
			explicit(tag.BeamNumber, "IS", -1, "3 ")+explicit(tag.BeamName, "LO", -1, "LAO ")+explicit(tag.ItemDelimitationItem, "", 0, ""))+explicit(tag.SequenceDelimitationItem, "", 0, "")),
	} {
		t.Run(name, func(t *testing.T) {
			o := parseExplicit(t, explicit(tag.Modality, "UN", -1, "RTPLAN")+explicit(tag.RealWorldValueIntercept, "UN", -1, fd)+
				explicit(tag.Rows, "UN", -1, ushort(512))+explicit(tag.DVHData, "UN", -1, `1\2\3.5 `)+sequence+explicit(tag.ApprovalStatus, "CS", -1, "APPROVED"))
			assert.Equal(t, "RTPLAN", o.text(tag.Modality))
			v, ok, err := o.number(tag.RealWorldValueIntercept)
			require.NoError(t, err)
			assert.True(t, ok)
			assert.Equal(t, 2.5, v)
			n, _, err := o.integer(tag.Rows)
			require.NoError(t, err)
			assert.Equal(t, 512, n)
			list, err := o.numbers(tag.DVHData)
			require.NoError(t, err)
			assert.Equal(t, []float64{1, 2, 3.5}, list)
			items, err := o.items(tag.BeamSequence)
			require.NoError(t, err)
			require.Len(t, items, 1)
			assert.Equal(t, "LAO", items[0].text(tag.BeamName))
			n, _, err = items[0].integer(tag.BeamNumber)
			require.NoError(t, err)
			assert.Equal(t, 3, n)
			assert.Equal(t, "APPROVED", o.text(tag.ApprovalStatus), "what stands behind the sequence")
		})
	}
}

func TestErrorNamesThePathToTheAttribute(t *testing.T) {
	point := explicit(tag.Item, "", -1, explicit(tag.GantryAngle, "DS", -1, "9O"))
	beam := explicit(tag.Item, "", -1, explicit(tag.ControlPointSequence, "SQ", -1, explicit(tag.Item, "", 0, "")+point))
	o := parseExplicit(t, explicit(tag.BeamSequence, "SQ", -1, explicit(tag.Item, "", 0, "")+explicit(tag.Item, "", 0, "")+beam))
	beams, err := o.items(tag.BeamSequence)
	require.NoError(t, err)
	points, err := beams[2].items(tag.ControlPointSequence)
	require.NoError(t, err)
	_, _, err = points[1].number(tag.GantryAngle)
	assert.EqualError(t, err, `dicom: test: BeamSequence[2]/ControlPointSequence[1]/(300A,011E) GantryAngle = "9O": value 1 is not a finite decimal number`)
}

func TestTextIsDecodedByTheFilesCharacterSet(t *testing.T) {
	for _, c := range []struct{ set, bytes, want string }{
		{"", "M\xfcller", "Müller"},     // none named, Latin-1 all the same
		{"", "M\xc3\xbcller", "Müller"}, // none named, UTF-8
		{"ISO_IR 100", "M\xfcller", "Müller"},
		{"ISO_IR 192", "M\xc3\xbcller", "Müller"},
		{"ISO_IR 144", "\xbb\xee\xda", "Люк"},
		{"ISO_IR 166", "\xa1\xd2", "กา"},
		{"ISO_IR 13", "\xd4\xcf\xc0\xde", "ﾔﾏﾀﾞ"},
		{`\ISO 2022 IR 87`, "\x1b$B;3ED\x1b(B", "山田"},
		{`\ISO 2022 IR 149`, "\x1b$)C\xb1\xe8", "김"},
		{"GB18030", "\xcd\xf5", "王"},
		{"NOT_A_SET", "M\xfcller", "Müller"},
	} {
		dataset := explicit(tag.PatientName, "PN", -1, c.bytes)
		if c.set != "" {
			dataset = explicit(tag.SpecificCharacterSet, "CS", -1, c.set) + dataset
		}
		assert.Equal(t, c.want, parseExplicit(t, dataset).text(tag.PatientName), "%q", c.set)
	}
	assert.Contains(t, parseExplicit(t, explicit(tag.PatientName, "PN", -1, "M\xfcller")).charset.warning(), "no character set is named")
	assert.Empty(t, parseExplicit(t, explicit(tag.PatientName, "PN", -1, "Mueller")).charset.warning())
	o := parseExplicit(t, explicit(tag.SpecificCharacterSet, "UN", -1, "ISO_IR 100")+explicit(tag.PatientName, "PN", -1, "M\xfcller"))
	assert.Equal(t, "Müller", o.text(tag.PatientName))
}

func TestFilesWithoutPreambleOrMetaAreRead(t *testing.T) {
	body := explicit(tag.SOPClassUID, "UI", -1, classCT+"\x00") + explicit(tag.PatientID, "LO", -1, "P1")
	plain := implicit(tag.SOPClassUID, -1, classCT+"\x00") + implicit(tag.PatientID, -1, "P1")
	whole := withMeta(syntaxExplicit, body)
	for name, data := range map[string][]byte{
		"meta, no preamble": whole[132:],
		"implicit, bare":    []byte(plain),
		"explicit, bare":    []byte(body),
		"preamble, no meta": append(whole[:132:132], plain...),
		"zero padding":      append(whole[:len(whole):len(whole)], make([]byte, 100)...),
		"deflated":          withMeta(syntaxDeflated, body),
	} {
		o, err := parse("test", data)
		require.NoError(t, err, name)
		assert.Equal(t, classCT, o.text(tag.SOPClassUID), name)
		assert.Equal(t, "P1", o.text(tag.PatientID), name)
	}
	for _, data := range []string{"", "short", "PK\x03\x04 and the rest of an archive", strings.Repeat("text ", 100)} {
		_, err := parse("test", []byte(data))
		assert.ErrorIs(t, err, ErrNotDICOM)
	}
}

// A cut at any byte is either refused or, between two elements, leaves what is
// before it readable and the pixels missing: never present and short.
func TestCutFilesNeverYieldPixels(t *testing.T) {
	whole := phantomSeries(orientations["HFS"][0], orientations["HFS"][1], []float64{0}, ramp)[0].file()
	for n := range len(whole) {
		o, err := parse("test", append([]byte(nil), whole[:n]...))
		if err != nil {
			var e *Error
			require.ErrorAs(t, err, &e)
			continue
		}
		_, err = o.pixels()
		require.Error(t, err, "cut at %d of %d", n, len(whole))
		_, err = readSlice(o)
		require.Error(t, err, "cut at %d of %d", n, len(whole))
	}
}

func TestLongListsAreReadWhole(t *testing.T) {
	var b strings.Builder
	for i := range 300_000 {
		if i > 0 {
			b.WriteByte('\\')
		}
		b.WriteString(strconv.FormatFloat(float64(i)/8, 'g', -1, 64))
	}
	if b.Len()%2 != 0 {
		b.WriteByte(' ')
	}
	for _, data := range [][]byte{
		withMeta(syntaxImplicit, implicit(tag.SOPClassUID, -1, classCT+"\x00")+implicit(tag.ContourData, -1, b.String())),
		withMeta(syntaxExplicit, explicit(tag.ContourData, "UN", -1, b.String())),
	} {
		o, err := parse("test", data)
		require.NoError(t, err)
		v, err := o.numbers(tag.ContourData)
		require.NoError(t, err)
		require.Len(t, v, 300_000)
		assert.Equal(t, 299_999.0/8, v[299_999])
	}
}
