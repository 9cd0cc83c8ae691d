package main

// #define KERMA_TYPES_ONLY
// #include "kerma.h"
import "C"

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/dose/dvh"
	"github.com/kerma-rt/kerma/geometry"
)

// histograms is the histograms of a structure set.
type histograms struct {
	owned
	all   []dvh.Histogram
	names []*C.char
}

//export kerma_dvh_compute
func kerma_dvh_compute(p *C.kerma_patient, gray *C.kerma_volume, out **C.kerma_error) (made *C.kerma_dvh) {
	guard(out, func() error {
		x, err := patientOf(p)
		if err != nil {
			return err
		}
		if x.Structures == nil {
			return fmt.Errorf("a structure set is %w", dicom.ErrNotFound)
		}
		v, err := volumeOf(gray)
		if err != nil {
			return err
		}
		h := &histograms{all: dvh.Compute(v, x.Structures)}
		for i := range h.all {
			h.names = append(h.names, h.text(h.all[i].Structure))
		}
		made = (*C.kerma_dvh)(hand(h))
		return nil
	})
	return made
}

//export kerma_dvh_free
func kerma_dvh_free(h *C.kerma_dvh) { drop(unsafe.Pointer(h)) }

//export kerma_dvh_structures
func kerma_dvh_structures(h *C.kerma_dvh) C.int32_t {
	if x := of[*histograms](unsafe.Pointer(h)); x != nil {
		return C.int32_t(len(x.all))
	}
	return 0
}

//export kerma_dvh_structure
func kerma_dvh_structure(h *C.kerma_dvh, i C.int32_t) *C.char {
	if x := of[*histograms](unsafe.Pointer(h)); x != nil {
		return at(x.names, i)
	}
	return nil
}

//export kerma_dvh_volume
func kerma_dvh_volume(h *C.kerma_dvh, i C.int32_t) C.double {
	one, err := histogram(h, i)
	if err != nil {
		return C.double(math.NaN())
	}
	return C.double(one.Volume)
}

// histogram is the one of a structure.
func histogram(h *C.kerma_dvh, i C.int32_t) (*dvh.Histogram, error) {
	x := of[*histograms](unsafe.Pointer(h))
	if x == nil {
		return nil, fmt.Errorf("%w: the histograms are NULL", errArgument)
	}
	if i < 0 || int(i) >= len(x.all) {
		return nil, fmt.Errorf("structure %d of %d: %w", i, len(x.all), geometry.ErrStructure)
	}
	return &x.all[i], nil
}

//export kerma_dvh_statistic
func kerma_dvh_statistic(h *C.kerma_dvh, i C.int32_t, name *C.char, value *C.double, out **C.kerma_error) C.kerma_status {
	return guard(out, func() error {
		one, err := histogram(h, i)
		if err != nil {
			return err
		}
		if one.Err != nil {
			return one.Err
		}
		if name == nil || value == nil {
			return fmt.Errorf("%w: no name or no room for the value", errArgument)
		}
		v, _, err := one.Statistic(C.GoString(name))
		*value = C.double(v)
		return err
	})
}

//export kerma_dvh_curve
func kerma_dvh_curve(h *C.kerma_dvh, i, n C.int32_t, gray, cm3 *C.double, out **C.kerma_error) C.kerma_status {
	return guard(out, func() error {
		one, err := histogram(h, i)
		if err != nil {
			return err
		}
		if one.Err != nil {
			return one.Err
		}
		if gray == nil || cm3 == nil {
			return fmt.Errorf("%w: no room for the curve", errArgument)
		}
		points := one.Cumulative(int(n))
		if points == nil {
			return fmt.Errorf("%w: %d points of the histogram of %s, which has %g cm³ in the dose grid", errArgument, n, one.Structure, one.Inside())
		}
		doses, volumes := unsafe.Slice(gray, len(points)), unsafe.Slice(cm3, len(points))
		for j, p := range points {
			doses[j], volumes[j] = C.double(p.Dose), C.double(p.Volume)
		}
		return nil
	})
}
