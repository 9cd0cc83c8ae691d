package dose

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/heterogeneity"
	"github.com/kerma-rt/kerma/internal/kernels/beamlet"
	"github.com/kerma-rt/kerma/internal/kernels/parallel"
	"github.com/kerma-rt/kerma/internal/kernels/pencil"
	"github.com/kerma-rt/kerma/internal/version"
)

var _ Beamlets = PencilBeam{}

// Beamlets computes bixels by the pencil beams of Compute, each a square of
// fluence that is blurred by the source and as high as the machine's profile
// at its middle; see bixelKernel. Leakage is not part of a bixel. The factor
// of a Factored correction is that of the field that all bixels of a beam open
// together. With a Spreading correction each bixel is a field of its own, which
// takes some thousand times as long.
func (e PencilBeam) Beamlets(ctx context.Context, r BeamletRequest) (*BeamletResult, error) {
	if e.Heterogeneity == nil {
		e.Heterogeneity = heterogeneity.EquivalentPathLength{}
	}
	if _, ok := e.Heterogeneity.(heterogeneity.Spreading); ok {
		return apart(ctx, e, r)
	}
	began := time.Now()
	j, err := prepareBeamlets(ctx, r)
	if err != nil {
		return nil, err
	}
	m := r.Machine
	p := &pencilJob{job: j.job, correction: e.Heterogeneity, tables: map[*machine.Machine]*pencil.Depths{}, ratios: map[*machine.Machine]heterogeneity.TissueRatios{}}
	table, err := p.table(m)
	if err != nil {
		return nil, err
	}
	p.progress = newProgress((2*len(j.fields)+1)*j.slabs(), j.Progress)
	defer p.progress.stop()

	at, start, runStart, err := j.count(ctx)
	if err != nil {
		return nil, err
	}
	p.progress.add(j.slabs())
	value, run, err := j.place(start, runStart)
	if err != nil {
		return nil, err
	}
	kernels := map[float64]*bixelKernel{}
	for i, f := range j.fields {
		kernel := kernels[f.Size]
		if kernel == nil {
			if kernel, err = newBixelKernel(m, f.Size, r.Reach); err != nil {
				return nil, err
			}
			kernels[f.Size] = kernel
		}
		if err := p.bixels(ctx, j, f, table, kernel, at[i], value, run); err != nil {
			return nil, fmt.Errorf("%v: %w", f.Beam, err)
		}
	}
	result := j.result()
	result.Provenance.Engine = e.Name()
	result.Provenance.Heterogeneity = e.Heterogeneity.Name()
	result.Provenance.Elapsed = time.Since(began)
	return result, nil
}

// result is what is known without the dose.
func (j *beamletJob) result() *BeamletResult {
	m := j.request.Machine
	r := &BeamletResult{Warnings: append(j.warnings, m.Notes...), Beyond: make([]float64, j.columns)}
	for _, f := range j.fields {
		r.Beams = append(r.Beams, BeamResult{Number: f.Number, Name: f.Bixels.Name, MU: 1, Machine: m.Name, SSD: f.ssd})
	}
	r.Provenance = Provenance{Version: version.Version, Machines: []string{m.Name + " " + m.Hash}, Grid: j.Grid, Calibration: j.Tissue.Calibration}
	return r
}

// bixels writes the columns of one beam.
func (p *pencilJob) bixels(ctx context.Context, j *beamletJob, f *bixelField, table *pencil.Depths, kernel *bixelKernel, at sizes, value []float32, run []Run) error {
	ssd := f.ssd
	if math.IsNaN(ssd) {
		ssd = f.sad // as for a plan
	}
	along, across := kernel.at(ssd, len(f.lattice.X), len(f.lattice.Y))
	var water heterogeneity.Water
	if _, ok := p.correction.(heterogeneity.Factored); ok {
		water = p.openWater(f.machine, f.open(kernel.pixel))
	}
	rays, err := p.rays(ctx, f.frame, &f.around, water, fieldRays, fieldStep)
	if err != nil {
		return err
	}
	if rays == nil {
		return nil // nothing in reach, so no voxels
	}
	factor := f.machine.Calibration.FluencePerMU
	k := across.Components
	step := f.affine.Step[0]
	return parallel.For(ctx, len(at), p.Threads, func(n int) error {
		w := &beamlet.Writer{Lattice: f.lattice, P: along, Q: across, Columns: at[n], Value: value, Run: run}
		amplitude := make([]float32, beamlet.Lanes*k)
		var depth, correction [beamlet.Lanes]float64
		var wrong error
		j.blocks(f, n, func(b *beamlet.Block, voxel [3]int) {
			first := f.affine.At(float64(voxel[0]), float64(voxel[1]), float64(voxel[2]))
			rays.Row(depth[:], first, step)
			if rays.factors != nil {
				rays.factors.Row(correction[:], first, step)
			}
			clear(amplitude)
			for v, d := range depth {
				if b.Inside>>v&1 == 0 {
					continue
				}
				a := f.sad - first.Z - float64(v)*step.Z
				m := f.sad / a
				scale := factor * m * m
				if rays.factors != nil {
					scale *= correction[v]
				}
				if !(d >= 0) || math.IsNaN(scale) {
					wrong = fmt.Errorf("dose: voxel (%d, %d, %d) at a depth of %v mm, factor %v", voxel[0]+v, voxel[1], voxel[2], d, scale)
					return
				}
				of := amplitude[v*k : (v+1)*k]
				table.At(of, d, a/f.sad)
				for c := range of {
					of[c] *= float32(scale)
				}
			}
			w.Add(b, amplitude)
		})
		p.progress.add(2)
		return wrong
	})
}

// open is the fluence of all bixels together.
func (f *bixelField) open(pixel float64) *beam.Fluence {
	margin := blurMargin * f.machine.SourceSigma
	n := int(math.Round(f.Size / pixel))
	edge := int(math.Ceil(margin / pixel))
	nx, ny := len(f.lattice.X), len(f.lattice.Y)
	m := &beam.Fluence{
		X: float64(f.lattice.X[0]) - f.Size/2 - float64(edge)*pixel, Y: float64(f.lattice.Y[0]) - f.Size/2 - float64(edge)*pixel,
		Spacing: pixel, NX: nx*n + 2*edge, NY: ny*n + 2*edge,
	}
	m.Value = make([]float64, m.NX*m.NY)
	for y := range ny * n {
		for x := range nx * n {
			if f.all[y/n*nx+x/n] >= 0 {
				m.Value[(edge+y)*m.NX+edge+x] = 1
			}
		}
	}
	m.Blur(f.machine.SourceSigma)
	m.Shape(f.machine.Profile)
	return m
}
