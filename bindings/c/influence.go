package main

// #define KERMA_TYPES_ONLY
// #include "kerma.h"
import "C"

import (
	"encoding/json"
	"fmt"
	"math"
	"sync"
	"unsafe"

	"github.com/kerma-rt/kerma/dose/influence"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/internal/calculation"
)

// matrix is an influence matrix with what C has been shown of it.
type matrix struct {
	owned
	*influence.Matrix
	about *C.char

	lock   sync.Mutex
	csc    C.kerma_csc
	pinned bool
}

//export kerma_influence_options_init
func kerma_influence_options_init(o *C.kerma_influence_options) {
	*o = C.kerma_influence_options{size: C.uint32_t(unsafe.Sizeof(*o)), bixel: 5, margin: 5, grid: 3, cutoff: influence.DefaultCutoff}
}

//export kerma_influence
func kerma_influence(p *C.kerma_patient, o *C.kerma_influence_options, out **C.kerma_error) (made *C.kerma_matrix) {
	guard(out, func() error {
		x, err := patientOf(p)
		if err != nil {
			return err
		}
		if o == nil || o.size != C.uint32_t(unsafe.Sizeof(*o)) {
			return fmt.Errorf("%w: fill the options with kerma_influence_options_init", errArgument)
		}
		if o.beams < 1 || o.beams > 10000 || o.gantry == nil {
			return fmt.Errorf("%w: %d beams", errArgument, o.beams)
		}
		b := calculation.BixelOptions{
			Target: goString(o.target), Bixel: float64(o.bixel), Margin: float64(o.margin), Spacing: float64(o.grid),
			Machine: goString(o.machine), Engine: goString(o.engine), Correction: goString(o.heterogeneity), Calibration: goString(o.calibration),
		}
		if b.Machine == "" {
			b.Machine = machine.GenericNames()[0]
		}
		for i, g := range unsafe.Slice(o.gantry, o.beams) {
			b.GantryDeg = append(b.GantryDeg, float64(g))
			if o.couch != nil {
				b.CouchDeg = append(b.CouchDeg, float64(unsafe.Slice(o.couch, o.beams)[i]))
			}
		}
		r, err := calculation.Bixels(x.Patient, b)
		if err != nil {
			return err
		}
		ctx, cancel := work(o.cancel)
		defer cancel()
		r.Cutoff, r.Threshold, r.Compensate = float64(o.cutoff), float64(o.threshold), o.compensate != 0
		r.MaxBytes, r.Threads = int64(o.max_bytes), int(o.threads)
		r.Progress = progress(o.progress, o.user, cancel)
		m := &matrix{}
		if m.Matrix, err = influence.Compute(ctx, r); err != nil {
			return err
		}
		about, err := describe(m.Matrix)
		if err != nil {
			return err
		}
		m.about = m.text(about)
		made = (*C.kerma_matrix)(hand(m))
		return nil
	})
	return made
}

// describe is what there is to know of a matrix beside its values, as JSON.
func describe(m *influence.Matrix) (string, error) {
	type beam struct {
		Name       string       `json:"name"`
		Gantry     float64      `json:"gantry_deg"`
		Couch      float64      `json:"couch_deg"`
		Collimator float64      `json:"collimator_deg"`
		Isocentre  [3]float64   `json:"isocentre_mm"`
		SAD        float64      `json:"sad_mm"`
		Size       float64      `json:"bixel_mm"`
		Bixels     [][2]float64 `json:"bixels_mm"`
	}
	p := m.Provenance
	about := struct {
		Kerma         string    `json:"kerma"`
		Engine        string    `json:"engine"`
		Heterogeneity string    `json:"heterogeneity"`
		Machines      []string  `json:"machines"`
		Calibration   string    `json:"calibration"`
		Entries       int       `json:"entries"`
		Seconds       float64   `json:"seconds"`
		Beams         []beam    `json:"beams"`
		Lost          []float64 `json:"lost"`
		Warnings      []string  `json:"warnings"`
	}{p.Version, p.Engine, p.Heterogeneity, p.Machines, p.Calibration, m.Entries(), p.Elapsed.Seconds(), nil, m.Lost, append([]string{}, m.Warnings...)}
	for _, b := range m.Beams {
		i := b.Pose.Isocentre
		about.Beams = append(about.Beams, beam{b.Name, b.Pose.GantryDeg, b.Pose.CouchDeg, b.Pose.CollimatorDeg, [3]float64{i.X, i.Y, i.Z}, b.Pose.SAD, b.Size, b.Centre})
	}
	text, err := json.Marshal(about)
	return string(text), err
}

//export kerma_matrix_free
func kerma_matrix_free(m *C.kerma_matrix) { drop(unsafe.Pointer(m)) }

//export kerma_matrix_voxels
func kerma_matrix_voxels(m *C.kerma_matrix) C.int64_t {
	if x := of[*matrix](unsafe.Pointer(m)); x != nil {
		return C.int64_t(x.Voxels())
	}
	return 0
}

//export kerma_matrix_bixels
func kerma_matrix_bixels(m *C.kerma_matrix) C.int64_t {
	if x := of[*matrix](unsafe.Pointer(m)); x != nil {
		return C.int64_t(x.Columns())
	}
	return 0
}

//export kerma_matrix_grid
func kerma_matrix_grid(m *C.kerma_matrix, grid *C.kerma_volume) {
	*grid = C.kerma_volume{}
	if x := of[*matrix](unsafe.Pointer(m)); x != nil {
		show(grid, x.Grid)
	}
}

//export kerma_matrix_about
func kerma_matrix_about(m *C.kerma_matrix) *C.char {
	if x := of[*matrix](unsafe.Pointer(m)); x != nil {
		return x.about
	}
	return nil
}

//export kerma_matrix_csc
func kerma_matrix_csc(m *C.kerma_matrix, view *C.kerma_csc, out **C.kerma_error) C.kerma_status {
	return guard(out, func() error {
		x := of[*matrix](unsafe.Pointer(m))
		if x == nil || view == nil {
			return fmt.Errorf("%w: no matrix or no room for the view", errArgument)
		}
		x.lock.Lock()
		defer x.lock.Unlock()
		if !x.pinned {
			x.show()
		}
		*view = x.csc
		return nil
	})
}

// show makes the indices and pins what C sees of the matrix.
func (x *matrix) show() {
	x.csc.rows, x.csc.columns, x.csc.entries = C.int64_t(x.Voxels()), C.int64_t(x.Columns()), C.int64_t(x.Entries())
	if x.Entries() > 0 {
		x.pins.Pin(&x.Value[0])
		x.csc.values = (*C.float)(&x.Value[0])
	}
	if x.Entries() <= math.MaxInt32 {
		starts, indices := make([]int32, 0, len(x.Start)), make([]int32, 0, x.Entries()+1)
		for _, s := range x.Start {
			starts = append(starts, int32(s))
		}
		for j := range x.Columns() {
			indices = x.Index(indices, j)
		}
		x.csc.index_bytes = 4
		x.csc.starts, x.csc.indices = keep(x, starts), keep(x, indices)
	} else {
		indices := make([]int64, 0, x.Entries())
		var column []int32
		for j := range x.Columns() {
			column = x.Index(column[:0], j)
			for _, i := range column {
				indices = append(indices, int64(i))
			}
		}
		x.csc.index_bytes = 8
		x.csc.starts, x.csc.indices = keep(x, x.Start), keep(x, indices)
	}
	x.pinned = true
}

// keep pins a slice for as long as the matrix lives.
func keep[T int32 | int64](x *matrix, s []T) unsafe.Pointer {
	if cap(s) == 0 {
		return nil
	}
	first := &s[:1][0]
	x.pins.Pin(first)
	return unsafe.Pointer(first)
}

//export kerma_matrix_multiply
func kerma_matrix_multiply(m *C.kerma_matrix, weights *C.double, gray *C.float, out **C.kerma_error) C.kerma_status {
	return guard(out, func() error {
		x := of[*matrix](unsafe.Pointer(m))
		if x == nil || weights == nil || gray == nil {
			return fmt.Errorf("%w: no matrix, no weights or no room for the dose", errArgument)
		}
		return x.Multiply(unsafe.Slice((*float32)(unsafe.Pointer(gray)), x.Voxels()), unsafe.Slice((*float64)(unsafe.Pointer(weights)), x.Columns()))
	})
}

//export kerma_matrix_multiply_transposed
func kerma_matrix_multiply_transposed(m *C.kerma_matrix, gradient *C.float, weights *C.double, out **C.kerma_error) C.kerma_status {
	return guard(out, func() error {
		x := of[*matrix](unsafe.Pointer(m))
		if x == nil || weights == nil || gradient == nil {
			return fmt.Errorf("%w: no matrix, no gradient or no room for the weights", errArgument)
		}
		return x.MultiplyTransposed(unsafe.Slice((*float64)(unsafe.Pointer(weights)), x.Columns()), unsafe.Slice((*float32)(unsafe.Pointer(gradient)), x.Voxels()))
	})
}
