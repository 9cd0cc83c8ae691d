package main

// #define KERMA_TYPES_ONLY
// #include "kerma.h"
import "C"

import (
	"fmt"
	"unsafe"

	"github.com/kerma-rt/kerma/dose/gamma"
)

// comparison is a gamma comparison with what C has been shown of it.
type comparison struct {
	owned
	*gamma.Result
	values C.kerma_volume
}

//export kerma_gamma_options_init
func kerma_gamma_options_init(o *C.kerma_gamma_options) {
	*o = C.kerma_gamma_options{size: C.uint32_t(unsafe.Sizeof(*o)), dose_percent: 3, distance: 3, cutoff_percent: 10, max_gamma: 2}
}

//export kerma_gamma_compute
func kerma_gamma_compute(reference, evaluated *C.kerma_volume, o *C.kerma_gamma_options, out **C.kerma_error) (made *C.kerma_gamma) {
	guard(out, func() error {
		var options C.kerma_gamma_options
		kerma_gamma_options_init(&options)
		if o != nil {
			if o.size != options.size {
				return fmt.Errorf("%w: options of %d bytes where %d are expected: fill them with kerma_gamma_options_init", errArgument, o.size, options.size)
			}
			options = *o
		}
		r, err := volumeOf(reference)
		if err != nil {
			return fmt.Errorf("reference: %w", err)
		}
		e, err := volumeOf(evaluated)
		if err != nil {
			return fmt.Errorf("evaluated: %w", err)
		}
		ctx, cancel := work(options.cancel)
		defer cancel()
		g, err := gamma.Compute(ctx, r, e, gamma.Criteria{
			DosePercent: float64(options.dose_percent), Distance: float64(options.distance), CutoffPercent: float64(options.cutoff_percent),
			Local: options.local != 0, MaxGamma: float64(options.max_gamma), Normalisation: float64(options.normalisation),
			StopOncePassed: options.stop_once_passed != 0, Samples: int(options.samples),
			Subset: int(options.subset), Seed: uint64(options.seed), Threads: int(options.threads),
		})
		if err != nil {
			return err
		}
		c := &comparison{Result: g}
		c.values = c.view(g.Gamma)
		made = (*C.kerma_gamma)(hand(c))
		return nil
	})
	return made
}

//export kerma_gamma_free
func kerma_gamma_free(g *C.kerma_gamma) { drop(unsafe.Pointer(g)) }

//export kerma_gamma_get
func kerma_gamma_get(g *C.kerma_gamma, s *C.kerma_gamma_summary) {
	*s = C.kerma_gamma_summary{}
	if x := of[*comparison](unsafe.Pointer(g)); x != nil {
		*s = C.kerma_gamma_summary{
			pass_rate: C.double(x.PassRate), mean: C.double(x.Mean), max: C.double(x.Max), normalisation: C.double(x.Normalisation),
			points: C.int64_t(x.Points), passed: C.int64_t(x.Passed), below_cutoff: C.int64_t(x.BelowCutoff),
			no_reference: C.int64_t(x.NoReference), no_criterion: C.int64_t(x.NoCriterion), not_drawn: C.int64_t(x.NotDrawn),
			no_data: C.int64_t(x.NoData), unproven: C.int64_t(x.Unproven),
		}
	}
}

//export kerma_gamma_volume
func kerma_gamma_volume(g *C.kerma_gamma, values *C.kerma_volume) {
	*values = C.kerma_volume{}
	if x := of[*comparison](unsafe.Pointer(g)); x != nil {
		*values = x.values
	}
}
