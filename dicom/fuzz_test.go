package dicom

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/suyashkumar/dicom/pkg/tag"
)

// fuzz feeds data to the parser and what it accepts to read, which stands for
// one of the readers of this package. Anything but a value or an *Error is a
// finding: a panic, death for want of memory, an error without a name.
func fuzz(f *testing.F, seeds []string, read func(o *object) error) {
	for _, s := range seeds {
		data, err := os.ReadFile(filepath.Join(oddDir(f), s))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := parse("fuzz", append([]byte(nil), data...))
		if err == nil {
			err = read(o)
		}
		var e *Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("%T is not an *Error: %v", err, err)
		}
	})
}

// FuzzCT reads one image as a slice and its pixels as Hounsfield units.
func FuzzCT(f *testing.F) {
	seeds := []string{
		"ct_hfs/ct_000.dcm", "ct_unsigned_padding/ct_000.dcm", "ct_with_localizer/aa_localizer.dcm", "ts_big_endian/ct_000.dcm",
		"ts_deflated/ct_000.dcm", "ts_implicit/ct_000.dcm", "ts_rle/ct_000.dcm", "broken/no_preamble.dcm", "broken/truncated_header.dcm",
	}
	fuzz(f, seeds, func(o *object) error {
		s, err := readSlice(o)
		if err != nil || s.localizer {
			return err
		}
		out := make([]float32, s.rows*s.columns)
		count, err := s.hounsfield(o, out)
		if err == nil && count.padding > len(out) {
			return errors.New("more padding than pixels")
		}
		return err
	})
}

// FuzzItem reads every attribute of a file in every way.
func FuzzItem(f *testing.F) {
	seeds := []string{"rp_arc_cw.dcm", "rs_kinds.dcm", "rd_private_utf8.dcm", "rp_brachy_hdr.dcm", "rp_deflated.dcm", "rd_deflated.dcm"}
	fuzz(f, seeds, func(o *object) error { return readAll(o.item, 0) })
}

func readAll(it item, depth int) error {
	var errs []error
	for _, e := range it.elements {
		t := e.Tag
		it.has(t)
		it.text(t)
		_, _, err := it.number(t)
		errs = append(errs, err)
		_, _, err = it.integer(t)
		errs = append(errs, err)
		items, err := it.items(t)
		errs = append(errs, err, it.fail(t, nil, "for its path"))
		for _, inner := range items {
			if depth > maxDepth+1 {
				return errors.New("deeper than the walk allows")
			}
			errs = append(errs, readAll(inner, depth+1))
		}
	}
	_, err := it.vector(tag.PixelSpacing, 2)
	errs = append(errs, err)
	for _, err := range errs {
		var e *Error
		if err != nil && !errors.As(err, &e) {
			return err
		}
	}
	return nil
}

// FuzzInspect reads a file as whatever it says it is, for `kerma info`.
func FuzzInspect(f *testing.F) {
	seeds := []string{"rp_arc_cw.dcm", "rs_kinds.dcm", "rd_plain.dcm", "ct_hfs/ct_000.dcm", "rp_brachy_hdr.dcm"}
	fuzz(f, seeds, func(o *object) error {
		var info Info
		return errors.Join(info.inspectStructures(o), info.inspectPlan(o), info.inspectDose(o))
	})
}
