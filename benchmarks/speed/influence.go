package speed

import (
	"context"
	"fmt"
	"slices"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/dose/influence"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
)

// target is the structure of the TG-119 phantom that bixels are laid on.
const target = "OuterTarget"

// phantom is the TG-119 phantom as matrices are made of it.
type phantom struct {
	ct         *geometry.Volume
	structures *geometry.StructureSet
	tissue     *heterogeneity.Tissue
	target     *geometry.Mask
	grid       geometry.Grid // of the dose, cubes of 3 mm
}

func (o Options) phantom() (*phantom, error) {
	var p phantom
	if o.Patient == "" {
		patient, err := embedded("tg119")
		if err != nil {
			return nil, err
		}
		p.ct, p.structures = patient.CT.Volume, patient.Structures
	} else {
		folder, err := dicom.Scan(o.Patient)
		if err != nil {
			return nil, err
		}
		ct, err := folder.CT("")
		if err != nil {
			return nil, err
		}
		set, err := folder.Structures("")
		if err != nil {
			return nil, err
		}
		p.ct, p.structures = ct.Volume, set.StructureSet
	}
	s, err := p.structures.Named(target)
	if err != nil {
		return nil, err
	}
	if p.target, _, err = geometry.NewMask(p.ct.Grid, s); err != nil {
		return nil, err
	}
	if p.tissue, err = heterogeneity.MatRadCalibration.Apply(p.ct, p.structures); err != nil {
		return nil, err
	}
	p.grid, err = p.ct.Grid.WithSpacing([3]float64{3, 3, 3})
	return &p, err
}

// request is the matrix of equispaced coplanar beams: bixels of 5 mm, 5 mm
// around the target.
func (p *phantom) request(beams, threads int) (influence.Request, error) {
	m, err := machine.GenericSVD()
	if err != nil {
		return influence.Request{}, err
	}
	r := influence.Request{Tissue: p.tissue, Machine: m, Grid: p.grid, Cutoff: 50, Threads: threads}
	for n := range beams {
		pose := geometry.Pose{Position: geometry.HFS, Isocentre: influence.Isocentre(p.target), SAD: 1000, GantryDeg: 360 * float64(n) / float64(beams)}
		b, err := influence.Cover(p.target, 5, pose, 5)
		if err != nil {
			return r, err
		}
		r.Beams = append(r.Beams, b)
	}
	return r, nil
}

// matrix is a job that makes an influence matrix; again, in the memory of the
// one before.
func matrix(beams int, again bool) func(context.Context, Options, int) (run, error) {
	return func(ctx context.Context, o Options, threads int) (run, error) {
		p, err := o.phantom()
		if err != nil {
			return run{}, err
		}
		r, err := p.request(beams, threads)
		if err != nil {
			return run{}, err
		}
		m, err := influence.Compute(ctx, r)
		if err != nil {
			return run{}, err
		}
		return run{units: float64(m.Entries()), unit: "entries", do: func(ctx context.Context) (func() string, error) {
			m, err := influence.Compute(ctx, r)
			if again {
				r.Reuse = m
			}
			return func() string {
				return fmt.Sprintf("%d bixels, %d entries in %.0f MB", m.Columns(), m.Entries(), float64(held(m))/1e6)
			}, err
		}}, nil
	}
}

// held is the memory (bytes) of a matrix.
func held(m *influence.Matrix) int {
	return 4*len(m.Value) + 8*len(m.Run) + 8*(len(m.Start)+len(m.RunStart)+len(m.Lost))
}

// product is a job that multiplies a matrix, or its transpose, by a vector.
func product(beams int, transposed bool) func(context.Context, Options, int) (run, error) {
	return func(ctx context.Context, o Options, threads int) (run, error) {
		p, err := o.phantom()
		if err != nil {
			return run{}, err
		}
		r, err := p.request(beams, threads)
		if err != nil {
			return run{}, err
		}
		m, err := influence.Compute(ctx, r)
		if err != nil {
			return run{}, err
		}
		voxels, columns := make([]float32, m.Voxels()), make([]float64, m.Columns())
		for i := range voxels {
			voxels[i] = 1
		}
		for j := range columns {
			columns[j] = 1
		}
		do := func(context.Context) (func() string, error) {
			err := m.Multiply(voxels, columns)
			return func() string { return fmt.Sprintf("maximum %.4f Gy", slices.Max(voxels)) }, err
		}
		if transposed {
			do = func(context.Context) (func() string, error) {
				err := m.MultiplyTransposed(columns, voxels)
				return func() string { return fmt.Sprintf("maximum %.4f", slices.Max(columns)) }, err
			}
		}
		return run{units: float64(m.Entries()), unit: "entries", do: do}, nil
	}
}

// bixels is the growth of a matrix with its beams.
func bixels(ctx context.Context, o Options, beams float64) (run, float64, error) {
	p, err := o.phantom()
	if err != nil {
		return run{}, 0, err
	}
	r, err := p.request(int(beams), o.Threads)
	if err != nil {
		return run{}, 0, err
	}
	columns := 0
	for _, b := range r.Beams {
		columns += len(b.Centre)
	}
	prepared, err := matrix(int(beams), false)(ctx, o, o.Threads)
	return prepared, float64(columns), err
}
