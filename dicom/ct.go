package dicom

import (
	"fmt"
	"runtime"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/suyashkumar/dicom/pkg/tag"
	"golang.org/x/sync/errgroup"
)

// maxVoxels is the largest CT volume that is read: 1 GiB, 1024 slices of
// 512 × 512.
const maxVoxels = 1 << 28

// CT is one series of CT images as a volume of Hounsfield units.
type CT struct {
	Identity
	Volume              *geometry.Volume         // HU
	SeriesUID           string                   // series instance UID
	FrameOfReferenceUID string                   // empty when the files do not say, which is a warning
	Position            geometry.PatientPosition // how the patient lay; empty when the files do not say. It does not enter the geometry
	SliceUIDs           []string                 // SOP instance UIDs of the slices used, in the order of the volume's third axis
	Warnings            []Problem                // what to know about the volume
}

// ReadCT reads the one CT series found in files and folders. It fails with
// *AmbiguousError when there are several (see Scan to choose), and with *Error
// when the series does not make a volume that can be trusted.
func ReadCT(paths ...string) (*CT, error) {
	folder, err := Scan(paths...)
	if err != nil {
		return nil, err
	}
	return folder.CT("")
}

// readCT assembles slices into a volume. Each slice is read from its file once
// more, straight into its plane, so that no more than the volume and a slice a
// worker is in memory.
func readCT(all []slice) (*CT, error) {
	s, err := newSeries(all)
	if err != nil {
		return nil, err
	}
	one := &s.slices[0]
	ct := &CT{
		Identity:            one.Identity,
		Volume:              geometry.NewVolume(s.grid),
		SeriesUID:           one.seriesUID,
		FrameOfReferenceUID: one.frame,
		Position:            one.position,
	}
	area := one.rows * one.columns
	counts := make([][2]tally, len(s.planes)) // of the one or two slices of each plane
	var group errgroup.Group
	group.SetLimit(max(1, min(workers(), maxVoxels/8/area))) // large slices fewer at a time
	for i, p := range s.planes {
		group.Go(func() error {
			plane := ct.Volume.Data[i*area : (i+1)*area]
			var err error
			if counts[i][0], err = s.slices[p.below].read(plane); err != nil || p.weight == 0 {
				return err
			}
			above := make([]float32, area)
			if counts[i][1], err = s.slices[p.below+1].read(above); err != nil {
				return err
			}
			w := float32(p.weight)
			for j := range plane {
				plane[j] += w * (above[j] - plane[j])
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	ct.Warnings = s.warnings
	ct.Warnings = append(ct.Warnings, gather(s.slices)...)
	bySlice := make([]tally, len(s.slices))
	for i, p := range s.planes {
		bySlice[p.below] = counts[i][0]
		if p.weight > 0 {
			bySlice[p.below+1] = counts[i][1]
		}
	}
	var total tally
	for i := range s.slices {
		ct.SliceUIDs = append(ct.SliceUIDs, s.slices[i].uid)
		total.padding += bySlice[i].padding
		total.saturated += bySlice[i].saturated
	}
	if total.padding > 0 {
		ct.warn(tag.PixelPaddingValue, one.stored.padding, "%d padding voxels became air (%d HU)", total.padding, airHU)
	}
	if total.saturated > 0 {
		ct.warn(tag.PixelData, nil, "%d voxels at %d HU or above: the scale of a 12-bit scanner ends there, so the density of metal is not known", total.saturated, saturationHU)
	}
	return ct, nil
}

func (ct *CT) warn(t tag.Tag, value any, format string, args ...any) {
	ct.Warnings = append(ct.Warnings, Problem{Severity: Warning, Tag: tagName(t), Value: valueText(value), Message: fmt.Sprintf(format, args...)})
}

// read opens the slice's file again and writes its Hounsfield units to out. The
// file must still be the one that was scanned.
func (s *slice) read(out []float32) (tally, error) {
	o, err := open(s.path)
	if err != nil {
		return tally{}, err
	}
	again, err := readSlice(o)
	if err != nil {
		return tally{}, err
	}
	if again.uid != s.uid || again.rows != s.rows || again.columns != s.columns || again.origin != s.origin || again.seriesUID != s.seriesUID {
		return tally{}, o.fail(tag.SOPInstanceUID, again.uid, "the file changed while it was read")
	}
	return again.hounsfield(o, out)
}

// gather joins the warnings of slices: one that many of them share is given
// once, with the first file and the count.
func gather(all []slice) []Problem {
	type key struct{ tag, value, message string }
	count := map[key]int{}
	var out []Problem
	for i := range all {
		for _, w := range all[i].warnings {
			k := key{w.Tag, w.Value, w.Message}
			if count[k]++; count[k] == 1 {
				out = append(out, w)
			}
		}
	}
	for i := range out {
		if n := count[key{out[i].Tag, out[i].Value, out[i].Message}]; n > 1 {
			out[i].Message += fmt.Sprintf(" (%d files)", n)
		}
	}
	return out
}

// workers is how many files are read at once.
func workers() int { return min(runtime.GOMAXPROCS(0), 8) }
