package main

// #define KERMA_TYPES_ONLY
// #include "kerma.h"
import "C"

import (
	"bytes"
	"fmt"
	"sync"
	"unsafe"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/internal/calculation"
)

// result is a calculation with what C has been shown of it.
type result struct {
	owned
	*calculation.Calculation
	dose       C.kerma_volume
	provenance *C.char
	warnings   []*C.char
	writing    sync.Mutex
}

const defaultGrid = 2.5 // mm

//export kerma_compute_options_init
func kerma_compute_options_init(o *C.kerma_compute_options) {
	*o = C.kerma_compute_options{size: C.uint32_t(unsafe.Sizeof(*o)), grid: defaultGrid}
}

//export kerma_compute
func kerma_compute(p *C.kerma_patient, o *C.kerma_compute_options, out **C.kerma_error) (made *C.kerma_result) {
	guard(out, func() error {
		x, err := patientOf(p)
		if err != nil {
			return err
		}
		var options C.kerma_compute_options
		kerma_compute_options_init(&options)
		if o != nil {
			if o.size != options.size {
				return fmt.Errorf("%w: options of %d bytes where %d are expected: fill them with kerma_compute_options_init", errArgument, o.size, options.size)
			}
			options = *o
		}
		if options.plan < 0 || int(options.plan) >= len(x.Plans) {
			return fmt.Errorf("plan %d of %d: %w", options.plan, len(x.Plans), dicom.ErrNotFound)
		}
		plan := *x.Plans[options.plan] // writing a plan names its file
		c, err := calculation.New(x.Patient, &plan, calculation.Options{
			Engine: goString(options.engine), Heterogeneity: goString(options.heterogeneity), Machine: goString(options.machine),
			Calibration: goString(options.calibration), Spacing: float64(options.grid), ROI: goString(options.roi),
			FractionGroup: int(options.fraction_group), Threads: int(options.threads),
		})
		if err != nil {
			return err
		}
		ctx, cancel := work(options.cancel)
		defer cancel()
		c.Request.Progress = progress(options.progress, options.user, cancel)
		if c.Result, err = c.Engine.Compute(ctx, c.Request); err != nil {
			return err
		}
		r := &result{Calculation: c}
		r.dose = r.view(c.Result.Dose)
		var text bytes.Buffer
		if err := c.WriteProvenance(&text); err != nil {
			return err
		}
		r.provenance = r.text(text.String())
		for _, w := range c.Warnings() {
			r.warnings = append(r.warnings, r.text(w))
		}
		made = (*C.kerma_result)(hand(r))
		return nil
	})
	return made
}

func goString(s *C.char) string {
	if s == nil {
		return ""
	}
	return C.GoString(s)
}

//export kerma_result_free
func kerma_result_free(r *C.kerma_result) { drop(unsafe.Pointer(r)) }

//export kerma_result_dose
func kerma_result_dose(r *C.kerma_result, gray *C.kerma_volume) {
	*gray = C.kerma_volume{}
	if x := of[*result](unsafe.Pointer(r)); x != nil {
		*gray = x.dose
	}
}

//export kerma_result_provenance
func kerma_result_provenance(r *C.kerma_result) *C.char {
	if x := of[*result](unsafe.Pointer(r)); x != nil {
		return x.provenance
	}
	return nil
}

//export kerma_result_warnings
func kerma_result_warnings(r *C.kerma_result) C.int32_t {
	if x := of[*result](unsafe.Pointer(r)); x != nil {
		return C.int32_t(len(x.warnings))
	}
	return 0
}

//export kerma_result_warning
func kerma_result_warning(r *C.kerma_result, i C.int32_t) *C.char {
	if x := of[*result](unsafe.Pointer(r)); x != nil {
		return at(x.warnings, i)
	}
	return nil
}

//export kerma_result_write
func kerma_result_write(r *C.kerma_result, path *C.char, out **C.kerma_error) C.kerma_status {
	return guard(out, func() error {
		x := of[*result](unsafe.Pointer(r))
		if x == nil || path == nil {
			return fmt.Errorf("%w: no result or no path", errArgument)
		}
		x.writing.Lock()
		defer x.writing.Unlock()
		return x.WriteDose(C.GoString(path))
	})
}
