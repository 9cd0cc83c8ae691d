package dose

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/internal/collapsedcone"
	"github.com/kerma-rt/kerma/internal/version"
)

// CollapsedCone computes dose to the medium by collapsed-cone superposition
// (Ahnesjö 1989, Med Phys 16:577). What the photons of every energy release in a
// voxel, attenuated by the materials on their way, is carried along straight
// lines in some dozens of directions, whose kernels are those of water with
// lengths scaled by density:
//
//	D(P) = 1/ρ(P) Σ_m Σ_g ∫ T_g(s)·K_gm(∫ρ dl from s to P) ds,
//
// over directions m, groups g of photon energies and the line of direction m
// that ends in P. Kernels are tilted along the ray of each releasing voxel.
// Primary and scattered parts go apart, after the energy-absorption coefficients
// of the medium.
//
// What electrons that scattering has turned deposit beyond those that go straight
// is superposed along their most likely paths (package internal/kernels/curved).
//
// Against Monte Carlo (package benchmarks, absolute) docs/validation.md says how
// many voxels are within 2 %/2 mm. What is left: up to 3 % low in the last
// millimetres of lung before water, 2 % low deep in lung in fields of 3 cm at
// 6 MV, 7 % low in water just before aluminium, from which electrons scatter back.
type CollapsedCone struct {
	// Directions is about how many cones carry the energy; 0 stands for 112, with
	// which dose above a tenth of the maximum is within 0.5 % of it, rms, of what
	// 1600 give (48: 0.8 %, 300: 0.3 %; small fields, water, lung and thorax).
	Directions int
	ArcStepDeg float64 // most that an arc moves within a sample, degrees; 0: 2
	// SectorDeg is the most that an arc moves within one transport, degrees;
	// its samples share the cones, and a voxel releases along the mean of its
	// rays. 0 stands for 10, which moves the dose of an arc of
	// 120° by 0.1 % of its maximum, rms.
	SectorDeg float64
	// DoseToWater asks for the dose to a small piece of water in the medium
	// instead of the dose to the medium: times the ratio of collision stopping
	// powers (Bragg–Gray; 1.13 in cortical bone, 1.01 in muscle).
	DoseToWater bool
	// StraightElectrons leaves out what turned electrons add. It saves time where
	// densities differ, up to half of it in a chest, and costs
	// 2 to 5 % of the dose in and behind lung, most at high energy.
	StraightElectrons bool
}

const (
	defaultDirections = 112
	maxDirections     = 2000
	energyGroups      = 2
	defaultSectorDeg  = 10
)

// Name is "collapsed-cone".
func (CollapsedCone) Name() string { return "collapsed-cone" }

// Compute returns the dose of the whole course; see Engine. It fails with
// ErrRequest, with the errors of package beam about the plan and of package
// machine about a beam without its machine or a material without attenuation,
// and with the error of ctx.
func (e CollapsedCone) Compute(ctx context.Context, r Request) (*Result, error) {
	began := time.Now()
	if e.Directions == 0 {
		e.Directions = defaultDirections
	}
	if e.SectorDeg == 0 {
		e.SectorDeg = defaultSectorDeg
	}
	if e.Directions < 40 || e.Directions > maxDirections || !(e.SectorDeg >= 0 && e.SectorDeg <= 30) {
		return nil, fmt.Errorf("%w: %d directions (40 … %d), sectors of %g° (0 … 30)", ErrRequest, e.Directions, maxDirections, e.SectorDeg)
	}
	j, err := prepare(ctx, r, e.ArcStepDeg)
	if err != nil {
		return nil, err
	}
	if err := j.checkDensity(); err != nil {
		return nil, err
	}
	var spectra []machine.Spectrum
	index := map[*machine.Machine]int{}
	var sectors [][][]int // by beam: its segments in runs
	transports := 0
	for i := range j.beams {
		d := &j.beams[i]
		if d.machine.Beam == nil {
			return nil, fmt.Errorf("%w: machine %q has no spectrum", ErrRequest, d.machine.Name)
		}
		if _, ok := index[d.machine]; !ok {
			index[d.machine] = len(spectra)
			spectra = append(spectra, d.machine.Beam.Spectrum)
		}
		sectors = append(sectors, d.sectors(e.SectorDeg))
		transports += len(sectors[i])
	}
	const parts = 1000
	told := newProgress(parts*transports, j.Progress)
	defer told.stop()
	done := 0.0
	calculation, err := collapsedcone.New(ctx, j.Tissue, j.Grid, j.inside, spectra, collapsedcone.Setting{
		Directions: e.Directions, Groups: energyGroups, ToWater: e.DoseToWater, Straight: e.StraightElectrons, Threads: j.Threads, MaxBytes: j.MaxBytes,
		Done: func(share float64) {
			before := int(math.Round(done * parts))
			done += share
			told.add(int(math.Round(done*parts)) - before)
		},
	})
	var large *collapsedcone.MemoryError
	if errors.As(err, &large) {
		return nil, &MemoryError{Needed: large.Needed, Allowed: j.MaxBytes}
	}
	if errors.Is(err, collapsedcone.ErrTooLarge) {
		return nil, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	if err != nil {
		return nil, err
	}
	for i := range j.beams {
		d := &j.beams[i]
		for _, run := range sectors[i] {
			poses, err := d.poses(run)
			if err != nil {
				return nil, fmt.Errorf("%v: %w", d.Beam, err)
			}
			if err := calculation.Add(ctx, index[d.machine], poses); err != nil {
				return nil, fmt.Errorf("%v: %w", d.Beam, err)
			}
		}
	}
	fraction := make([]float64, j.Grid.Len())
	if err := calculation.Dose(ctx, fraction, j.inside); err != nil {
		return nil, err
	}
	result, err := j.result(fraction)
	if err != nil {
		return nil, err
	}
	result.Provenance.Engine = e.Name()
	result.Provenance.Version = version.Version
	result.Provenance.Heterogeneity = "superposition, dose to medium"
	if e.DoseToWater {
		result.Provenance.Heterogeneity = "superposition, dose to water"
	}
	result.Provenance.Elapsed = time.Since(began)
	return result, nil
}

// densest (g/cm³) is more than any matter has.
const densest = 25

// checkDensity makes sure of what this engine reads of the tissue beyond what
// prepare has checked.
func (j *job) checkDensity() error {
	t := j.Tissue
	switch {
	case t.Density == nil || !t.Density.Grid.Equal(t.ElectronDensity.Grid, 1e-3) || len(t.Density.Data) != len(t.ElectronDensity.Data):
		return fmt.Errorf("%w: no mass density on the grid of the CT", ErrRequest)
	case len(t.Material) != len(t.Density.Data):
		return fmt.Errorf("%w: materials of %d voxels, there are %d", ErrRequest, len(t.Material), len(t.Density.Data))
	}
	for i, d := range t.Density.Data {
		if !(d >= 0 && d < densest) {
			return fmt.Errorf("%w: voxel %d of the CT has a density of %v g/cm³", ErrRequest, i, d)
		}
		if int(t.Material[i]) >= len(t.Materials) {
			return fmt.Errorf("%w: voxel %d of the CT is of material %d, there are %d", ErrRequest, i, t.Material[i], len(t.Materials))
		}
	}
	return nil
}

// sectors divides the segments of a beam into runs whose axes are within deg of
// the first.
func (d *delivery) sectors(deg float64) [][]int {
	var runs [][]int
	for i := range d.segments {
		if n := len(runs); n > 0 {
			first := d.frames[runs[n-1][0]]
			if turnDeg(first, d.frames[i]) <= deg+1e-6 && first.Isocentre() == d.frames[i].Isocentre() {
				runs[n-1] = append(runs[n-1], i)
				continue
			}
		}
		runs = append(runs, []int{i})
	}
	return runs
}

// turnDeg is the angle between the axes of two frames, degrees.
func turnDeg(a, b geometry.Frame) float64 {
	cos := r3.Cos(r3.Sub(a.Isocentre(), a.Source()), r3.Sub(b.Isocentre(), b.Source()))
	return math.Acos(min(max(cos, -1), 1)) * 180 / math.Pi
}

// fluencePixel is that of maps for superposition, mm: edges are exact in it, and
// a voxel takes the mean over many.
const fluencePixel = 1

// poses makes the fluence of some segments.
func (d *delivery) poses(segments []int) ([]collapsedcone.Pose, error) {
	m := d.machine
	leak := beam.Leakage{Jaws: m.JawTransmission, Leaves: m.LeafTransmission}
	var poses []collapsedcone.Pose
	for _, i := range segments {
		apertures := d.segments[i].Apertures
		f, err := beam.NewFluence(d.Devices, apertures, leak, blurMargin*m.SourceSigma, fluencePixel, 1)
		if err != nil {
			return nil, err
		}
		for _, a := range apertures {
			f.Add(d.Devices, a, leak)
		}
		f.Blur(m.SourceSigma)
		f.Shape(m.Profile)
		poses = append(poses, collapsedcone.Pose{Frame: d.frames[i], Fluence: f, PerMU: m.Calibration.FluencePerMU})
	}
	return poses, nil
}
