package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/influence"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/heterogeneity"
	"github.com/kerma-rt/kerma/internal/calculation"
	"github.com/spf13/cobra"
)

// influenceOptions is how a matrix is asked for on the command line.
type influenceOptions struct {
	calculation.BixelOptions
	ct, structures string
	cutoff         float64 // mm
	threshold      float64
	compensate     bool
	maxBytes       int64
	threads        int
	json           bool
	out            string
}

func newInfluence() *cobra.Command {
	var o influenceOptions
	cmd := &cobra.Command{
		Use:   "influence [PATIENT] --target NAME --gantry ANGLES --out FILE.npz",
		Short: "Make a dose-influence matrix: the dose of every bixel in every voxel",
		Long: `Make a dose-influence matrix: the dose of every bixel in every voxel.

PATIENT is a folder that holds CT and RTSTRUCT; --ct and --structures take the place of what it holds, or stand alone. The bixels
of each beam cover the target and its margin; the isocentre is the target's centre of gravity.

FILE.npz gets a sparse matrix that scipy.sparse.load_npz opens: voxels (x fastest) × bixels, Gy for one monitor unit through the
bixel. FILE.json beside it says where voxels and bixels are. Columns are collected in the folder FILE.blocks meanwhile: the same
command goes on from there after an interruption. An --out without .npz is the folder itself, for matrices larger than memory.
` + notice,
		Args: arguments(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(args); err != nil {
				return err
			}
			patient, err := o.read(args)
			if err != nil {
				return err
			}
			return o.run(cmd, patient)
		},
	}
	o.flags(cmd)
	return cmd
}

func (o *influenceOptions) flags(cmd *cobra.Command) {
	var engines, corrections []string
	for _, e := range dose.Engines() {
		if _, ok := e.(dose.Beamlets); ok {
			engines = append(engines, e.Name())
		}
	}
	for _, c := range heterogeneity.Corrections() {
		corrections = append(corrections, c.Name())
	}
	f := cmd.Flags()
	f.StringVar(&o.ct, "ct", "", "folder of the CT series")
	f.StringVar(&o.structures, "structures", "", "RTSTRUCT file")
	f.StringVar(&o.Target, "target", "", "structure that the bixels cover")
	f.Float64SliceVar(&o.GantryDeg, "gantry", nil, "gantry angle of each beam, degrees")
	f.Float64SliceVar(&o.CouchDeg, "couch", nil, "couch angle of each beam, or of all, degrees (default 0)")
	f.Float64Var(&o.Bixel, "bixel", 5, "side of a bixel, mm")
	f.Float64Var(&o.Margin, "margin", 5, "margin around the target, mm")
	f.Float64Var(&o.Spacing, "grid", 3, "spacing of the dose grid, mm")
	f.StringVar(&o.Machine, "machine", machine.GenericNames()[0], "machine: "+strings.Join(machine.GenericNames(), ", ")+", svd, or a machine file")
	f.StringVar(&o.Engine, "engine", engines[0], "engine: "+strings.Join(engines, ", "))
	f.StringVar(&o.Correction, "heterogeneity", "", "correction of the pencil beam: "+strings.Join(corrections, ", ")+" (default equivalent-path-length)")
	f.StringVar(&o.Calibration, "calibration", heterogeneity.DefaultCalibration.Name(), "CT calibration, or a JSON file")
	f.Float64Var(&o.cutoff, "cutoff", influence.DefaultCutoff, "distance from a bixel's centre beyond which its dose is left out, mm in the isocentre plane")
	f.Float64Var(&o.threshold, "threshold", 0, "share of a bixel's largest dose below which dose is left out")
	f.BoolVar(&o.compensate, "compensate", false, "scale each bixel by the dose that is left out of it")
	f.Int64Var(&o.maxBytes, "max-bytes", 0, "memory that columns may take at a time, bytes (default: about 256 MB)")
	f.IntVar(&o.threads, "threads", 0, "goroutines (default: one per CPU)")
	f.BoolVar(&o.json, "json", false, "print what FILE.json gets")
	f.StringVar(&o.out, "out", "", "file for the matrix, *.npz, or a folder")
}

// check refuses what makes no sense before anything is read.
func (o *influenceOptions) check(args []string) error {
	switch {
	case o.out == "":
		return usageError{fmt.Errorf("--out is missing: where shall the matrix go?")}
	case len(args) == 0 && o.ct == "":
		return usageError{fmt.Errorf("name a patient folder, or --ct")}
	case o.Target == "":
		return usageError{fmt.Errorf("--target is missing: which structure shall the bixels cover?")}
	case len(o.GantryDeg) == 0:
		return usageError{fmt.Errorf("--gantry is missing: at which angles are the beams?")}
	case !(o.Bixel >= 1 && o.Bixel <= 100):
		return usageError{fmt.Errorf("--bixel %g: expected 1 … 100 mm", o.Bixel)}
	case !(o.Margin >= 0 && o.Margin <= 500):
		return usageError{fmt.Errorf("--margin %g: expected 0 … 500 mm", o.Margin)}
	case !(o.cutoff > 0 && o.cutoff <= 1000):
		return usageError{fmt.Errorf("--cutoff %g: expected up to 1000 mm", o.cutoff)}
	case !(o.threshold >= 0 && o.threshold < 1):
		return usageError{fmt.Errorf("--threshold %g: expected 0 … 1", o.threshold)}
	case o.maxBytes < 0:
		return usageError{fmt.Errorf("--max-bytes %d", o.maxBytes)}
	case o.threads < 0:
		return usageError{fmt.Errorf("--threads %d", o.threads)}
	}
	for _, folder := range append(args, o.ct) {
		if sameFile(folder, o.out) {
			return usageError{fmt.Errorf("--out %s is a folder of the patient: results go into another, where they overwrite nothing", o.out)}
		}
	}
	return nil
}

// read gathers CT and structures.
func (o *influenceOptions) read(args []string) (*dicom.Patient, error) {
	base := o.ct
	if len(args) > 0 {
		base = args[0]
	}
	folder, err := dicom.Scan(base)
	if err != nil {
		return nil, err
	}
	drop(folder, dicom.KindDose)
	drop(folder, dicom.KindPlan)
	if o.ct != base {
		if err := take(folder, dicom.KindCT, o.ct); err != nil {
			return nil, err
		}
	}
	if err := take(folder, dicom.KindStructures, o.structures); err != nil {
		return nil, err
	}
	for _, need := range []struct {
		kind dicom.Kind
		read func() error
	}{
		{dicom.KindCT, func() error { _, err := folder.CT(""); return err }},
		{dicom.KindStructures, func() error { _, err := folder.Structures(""); return err }},
	} {
		if len(folder.Of(need.kind)) == 0 {
			return nil, fmt.Errorf("%s: %w", base, need.read())
		}
	}
	return folder.Patient(dicom.Choice{})
}

// names is the file of the matrix, empty where it stays a folder, that folder,
// and the file that describes it.
func (o *influenceOptions) names() (npz, folder, about string) {
	if base, ok := strings.CutSuffix(o.out, ".npz"); ok {
		return o.out, base + ".blocks", base + ".json"
	}
	folder = filepath.Clean(o.out)
	return "", folder, folder + ".json"
}

func (o *influenceOptions) run(cmd *cobra.Command, patient *dicom.Patient) error {
	began := time.Now()
	request, err := calculation.Bixels(patient, o.BixelOptions)
	if err != nil {
		return err
	}
	request.Cutoff, request.Threshold, request.Compensate = o.cutoff, o.threshold, o.compensate
	request.MaxBytes, request.Threads = o.maxBytes, o.threads
	npz, folder, about := o.names()
	if err := writable(filepath.Dir(folder)); err != nil {
		return err
	}
	bar := newProgress("influence", cmd.ErrOrStderr())
	request.Progress = bar.set
	stream, err := influence.NewStream(cmd.Context(), request, folder)
	if err == nil {
		err = o.announce(cmd, stream, &request)
	}
	var store *influence.Store
	if err == nil {
		store, err = stream.Make(cmd.Context())
	}
	bar.stop(err == nil)
	if errors.Is(err, influence.ErrOther) {
		return fmt.Errorf("%w: remove it, or choose another --out", err)
	}
	if err != nil {
		return err
	}
	if npz != "" {
		stop := newWaiting("writing "+npz, cmd.ErrOrStderr())
		err := writeFile(npz, func(w io.Writer) error { return store.WriteNPZ(cmd.Context(), w) })
		stop()
		if err != nil {
			return err
		}
	}
	d := o.describe(patient, store, time.Since(began))
	if err := writeFile(about, func(w io.Writer) error { return encode(w, d) }); err != nil {
		return err
	}
	if npz != "" {
		if err := store.Remove(); err != nil {
			return err
		}
	}
	if o.json {
		return encode(cmd.OutOrStdout(), d)
	}
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, "%d voxels × %d bixels, %d entries, %.2f %% of the dose left out, %.1f s\n", store.Voxels(), store.Columns(), store.Entries(), d.LostPercent, d.Seconds)
	for _, warning := range d.Warnings {
		fmt.Fprintln(w, "warning:", warning)
	}
	fmt.Fprintf(w, "%s\nwritten to %s and %s\n", notice, o.out, about)
	return nil
}

// announce says before the start how large the matrix gets and how long that
// takes.
func (o *influenceOptions) announce(cmd *cobra.Command, stream *influence.Stream, r *influence.Request) error {
	expected, err := stream.Expect(cmd.Context())
	if err != nil {
		return err
	}
	s := stream.Size
	w := cmd.ErrOrStderr()
	fmt.Fprintf(w, "%d beams, %d bixels, %d voxels, %.1f million entries: %s in blocks", len(r.Beams), s.Columns, r.Grid.Len(), float64(s.Entries)/1e6, size(s.Bytes))
	if strings.HasSuffix(o.out, ".npz") {
		fmt.Fprintf(w, " first, %s as .npz", size(s.NPZ()))
	}
	if s.Kept > 0 {
		fmt.Fprintf(w, "; %.0f %% are there from before", 100*float64(s.Kept)/float64(s.Bytes))
	}
	fmt.Fprintf(w, "; about %v to compute\n", expected.Round(100*time.Millisecond))
	return nil
}

func size(bytes int64) string {
	if bytes < 1e9 {
		return fmt.Sprintf("%.0f MB", float64(bytes)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(bytes)/1e9)
}

// matrixDescription is what FILE.json gets.
type matrixDescription struct {
	Notice        string         `json:"notice"`
	Kerma         string         `json:"kerma"`
	Engine        string         `json:"engine"`
	Heterogeneity string         `json:"heterogeneity"`
	Machines      []string       `json:"machines"`
	Calibration   string         `json:"calibration"`
	CTSeriesUID   string         `json:"ct_series_uid"`
	Target        string         `json:"target"`
	Unit          string         `json:"unit"`
	Voxels        int            `json:"voxels"`
	Columns       int            `json:"columns"`
	Entries       int64          `json:"entries"`
	Cutoff        float64        `json:"cutoff_mm"`
	Threshold     float64        `json:"threshold"`
	Compensated   bool           `json:"compensated"`
	LostPercent   float64        `json:"lost_percent"` // mean over the bixels
	Grid          map[string]any `json:"grid"`
	Beams         []beamOfBixels `json:"beams"`
	Seconds       float64        `json:"seconds"`
	Warnings      []string       `json:"warnings"`
}

type beamOfBixels struct {
	Name        string       `json:"name"`
	FirstColumn int          `json:"first_column"`
	Gantry      float64      `json:"gantry_deg"`
	Couch       float64      `json:"couch_deg"`
	Collimator  float64      `json:"collimator_deg"`
	Isocentre   [3]float64   `json:"isocentre_mm"`
	SAD         float64      `json:"sad_mm"`
	Size        float64      `json:"bixel_mm"`
	Bixels      [][2]float64 `json:"bixels_mm"` // x and y of each centre in the isocentre plane
}

func (o *influenceOptions) describe(patient *dicom.Patient, s *influence.Store, elapsed time.Duration) *matrixDescription {
	p, g := s.Provenance, s.Grid
	origin := g.Origin()
	var axes [3][3]float64
	for a, v := range g.Axes() {
		axes[a] = [3]float64{v.X, v.Y, v.Z}
	}
	d := &matrixDescription{
		Notice: notice, Kerma: p.Version, Engine: p.Engine, Heterogeneity: p.Heterogeneity, Machines: p.Machines, Calibration: p.Calibration,
		CTSeriesUID: patient.CT.SeriesUID, Target: o.Target, Unit: "Gy for one monitor unit through the bixel",
		Voxels: s.Voxels(), Columns: s.Columns(), Entries: s.Entries(),
		Cutoff: o.cutoff, Threshold: o.threshold, Compensated: o.compensate,
		Grid: map[string]any{
			"size": g.Size(), "spacing_mm": g.Spacing(), "origin_mm": [3]float64{origin.X, origin.Y, origin.Z}, "directions": axes,
			"order": "x fastest, then y, then z",
		},
		Seconds: elapsed.Seconds(), Warnings: append([]string{}, s.Warnings...),
	}
	for _, l := range s.Lost {
		d.LostPercent += 100 * l / float64(len(s.Lost))
	}
	column := 0
	for _, b := range s.Beams {
		i := b.Pose.Isocentre
		d.Beams = append(d.Beams, beamOfBixels{
			Name: b.Name, FirstColumn: column, Gantry: b.Pose.GantryDeg, Couch: b.Pose.CouchDeg, Collimator: b.Pose.CollimatorDeg,
			Isocentre: [3]float64{i.X, i.Y, i.Z}, SAD: b.Pose.SAD, Size: b.Size, Bixels: b.Centre,
		})
		column += len(b.Centre)
	}
	return d
}
