package dicom

import (
	"errors"
	"testing"
)

// FuzzPlan reads plans, and what is read makes segments that keep the meterset.
func FuzzPlan(f *testing.F) {
	seeds := []string{
		"rp_open_jaws_mlc.dcm", "rp_jaws_only.dcm", "rp_arc_full_two_points.dcm", "rp_mlcy.dcm", "rp_two_fraction_groups.dcm",
		"rp_wedge_standard.dcm", "rp_bolus.dcm", "rp_brachy_hdr.dcm", "rp_setup_beam_first.dcm", "rp_electron_applicator.dcm", "rp_table_pitch_roll.dcm",
	}
	fuzz(f, seeds, func(o *object) error {
		p, err := readPlan(o, PlanOptions{WithoutModifiers: true})
		if err != nil {
			return err
		}
		for i := range p.Beams {
			const meterset = 100
			segments, err := p.Beams[i].Segments(meterset, 30)
			if err != nil {
				continue // too many samples
			}
			sum := 0.0
			for _, s := range segments {
				sum += s.MU
			}
			if !(sum > 0.999999*meterset && sum < 1.000001*meterset) {
				return errors.New("segments do not add up")
			}
		}
		return nil
	})
}

// FuzzStructures reads structure sets; every contour must have three corners.
func FuzzStructures(f *testing.F) {
	seeds := []string{"rs_kinds.dcm", "rs_bad_counts.dcm", "rs_bowtie.dcm", "rs_other_frame.dcm", "rs_off_slice.dcm"}
	fuzz(f, seeds, func(o *object) error {
		s, err := readStructures(o)
		if err != nil {
			return err
		}
		for _, one := range s.Structures {
			for _, c := range one.Contours {
				if len(c) < 3 {
					return errors.New("a contour that encloses nothing")
				}
			}
		}
		return nil
	})
}

// FuzzDose reads doses; a volume must hold its voxels, none below zero.
func FuzzDose(f *testing.F) {
	seeds := []string{
		"rd_plain.dcm", "rd_offsets_absolute.dcm", "rd_offsets_descending.dcm", "rd_offsets_nonuniform.dcm", "rd_one_plane.dcm", "rd_32bit.dcm",
		"rd_big_endian.dcm", "rd_deflated.dcm", "rd_signed_error_type.dcm", "rd_frames_lie.dcm", "rd_private_utf8.dcm", "rd_rle.dcm",
	}
	fuzz(f, seeds, func(o *object) error {
		d, err := readDose(o)
		if err != nil {
			return err
		}
		if len(d.Volume.Data) != d.Volume.Grid.Len() {
			return errors.New("a volume without its voxels")
		}
		for _, v := range d.Volume.Data {
			if !(v >= 0) && d.Type != Difference {
				return errors.New("a dose below zero")
			}
		}
		return nil
	})
}
