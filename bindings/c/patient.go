package main

// #define KERMA_TYPES_ONLY
// #include "kerma.h"
import "C"

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/internal/demo"
)

// patient is a dicom.Patient with what C has been shown of it.
type patient struct {
	owned
	*dicom.Patient
	ct                          C.kerma_volume
	doses                       []C.kerma_volume
	plans, structures, warnings []*C.char

	lock  sync.Mutex
	plain []*C.char // plans as JSON, made when asked for
}

func newPatient(from *dicom.Patient) *patient {
	p := &patient{Patient: from, plain: make([]*C.char, len(from.Plans))}
	if from.CT != nil {
		p.ct = p.view(from.CT.Volume)
	}
	for _, d := range from.Doses {
		p.doses = append(p.doses, p.view(d.Volume))
	}
	for _, plan := range from.Plans {
		p.plans = append(p.plans, p.text(plan.Label))
	}
	if from.Structures != nil {
		for _, s := range from.Structures.Structures {
			p.structures = append(p.structures, p.text(s.Name))
		}
	}
	for _, w := range from.Warnings {
		p.warnings = append(p.warnings, p.text(strings.Join(slices.DeleteFunc([]string{w.File, w.Tag, w.Value, w.Message}, func(s string) bool { return s == "" }), ": ")))
	}
	return p
}

//export kerma_patient_read
func kerma_patient_read(folder *C.char, out **C.kerma_error) (made *C.kerma_patient) {
	guard(out, func() error {
		if folder == nil {
			return fmt.Errorf("%w: no folder", errArgument)
		}
		p, err := dicom.ReadFolder(C.GoString(folder))
		if err != nil {
			return err
		}
		made = (*C.kerma_patient)(hand(newPatient(p)))
		return nil
	})
	return made
}

//export kerma_patient_demo
func kerma_patient_demo(name, folder *C.char, out **C.kerma_error) (made *C.kerma_patient) {
	guard(out, func() error {
		if name == nil || folder == nil {
			return fmt.Errorf("%w: no name or no folder", errArgument)
		}
		err := demo.Extract(C.GoString(name), C.GoString(folder))
		if errors.Is(err, demo.ErrCase) {
			return fmt.Errorf("%w: %w", errArgument, err)
		}
		if err != nil {
			return err
		}
		p, err := dicom.ReadFolder(C.GoString(folder))
		if err != nil {
			return err
		}
		made = (*C.kerma_patient)(hand(newPatient(p)))
		return nil
	})
	return made
}

//export kerma_patient_new
func kerma_patient_new(hu *C.kerma_volume, structures, plan *C.char, out **C.kerma_error) (made *C.kerma_patient) {
	guard(out, func() error {
		v, err := volumeOf(hu)
		if err != nil {
			return err
		}
		own, err := geometry.VolumeOf(v.Grid, slices.Clone(v.Data))
		if err != nil {
			return err
		}
		p := &dicom.Patient{CT: &dicom.CT{Volume: own, Position: geometry.HFS}}
		if structures != nil {
			if p.Structures, err = readStructures([]byte(C.GoString(structures))); err != nil {
				return err
			}
		}
		if plan != nil {
			b, err := planOf(plan)
			if err != nil {
				return err
			}
			p.Plans = []*beam.Plan{b}
		}
		made = (*C.kerma_patient)(hand(newPatient(p)))
		return nil
	})
	return made
}

func planOf(text *C.char) (*beam.Plan, error) {
	return beam.ReadJSON(bytes.NewReader([]byte(C.GoString(text))))
}

//export kerma_patient_with_plan
func kerma_patient_with_plan(p *C.kerma_patient, plan *C.char, out **C.kerma_error) (made *C.kerma_patient) {
	guard(out, func() error {
		x, err := patientOf(p)
		if err != nil {
			return err
		}
		if plan == nil {
			return fmt.Errorf("%w: no plan", errArgument)
		}
		b, err := planOf(plan)
		if err != nil {
			return err
		}
		other := *x.Patient
		other.Plans = []*beam.Plan{b}
		made = (*C.kerma_patient)(hand(newPatient(&other)))
		return nil
	})
	return made
}

//export kerma_patient_free
func kerma_patient_free(p *C.kerma_patient) { drop(unsafe.Pointer(p)) }

// patientOf is the patient behind a pointer.
func patientOf(p *C.kerma_patient) (*patient, error) {
	if x := of[*patient](unsafe.Pointer(p)); x != nil {
		return x, nil
	}
	return nil, fmt.Errorf("%w: the patient is NULL", errArgument)
}

//export kerma_patient_ct
func kerma_patient_ct(p *C.kerma_patient, hu *C.kerma_volume, out **C.kerma_error) C.kerma_status {
	return guard(out, func() error {
		x, err := patientOf(p)
		if err != nil {
			return err
		}
		if x.CT == nil {
			return fmt.Errorf("a CT is %w", dicom.ErrNotFound)
		}
		*hu = x.ct
		return nil
	})
}

//export kerma_patient_plans
func kerma_patient_plans(p *C.kerma_patient) C.int32_t {
	return count(p, func(x *patient) []*C.char { return x.plans })
}

//export kerma_patient_plan
func kerma_patient_plan(p *C.kerma_patient, i C.int32_t) *C.char {
	return pick(p, i, func(x *patient) []*C.char { return x.plans })
}

//export kerma_patient_structures
func kerma_patient_structures(p *C.kerma_patient) C.int32_t {
	return count(p, func(x *patient) []*C.char { return x.structures })
}

//export kerma_patient_structure
func kerma_patient_structure(p *C.kerma_patient, i C.int32_t) *C.char {
	return pick(p, i, func(x *patient) []*C.char { return x.structures })
}

//export kerma_patient_warnings
func kerma_patient_warnings(p *C.kerma_patient) C.int32_t {
	return count(p, func(x *patient) []*C.char { return x.warnings })
}

//export kerma_patient_warning
func kerma_patient_warning(p *C.kerma_patient, i C.int32_t) *C.char {
	return pick(p, i, func(x *patient) []*C.char { return x.warnings })
}

func count(p *C.kerma_patient, texts func(*patient) []*C.char) C.int32_t {
	if x := of[*patient](unsafe.Pointer(p)); x != nil {
		return C.int32_t(len(texts(x)))
	}
	return 0
}

func pick(p *C.kerma_patient, i C.int32_t, texts func(*patient) []*C.char) *C.char {
	if x := of[*patient](unsafe.Pointer(p)); x != nil {
		return at(texts(x), i)
	}
	return nil
}

//export kerma_patient_plan_json
func kerma_patient_plan_json(p *C.kerma_patient, i C.int32_t, out **C.kerma_error) (text *C.char) {
	guard(out, func() error {
		x, err := patientOf(p)
		if err != nil {
			return err
		}
		if i < 0 || int(i) >= len(x.Plans) {
			return fmt.Errorf("plan %d of %d: %w", i, len(x.Plans), dicom.ErrNotFound)
		}
		x.lock.Lock()
		defer x.lock.Unlock()
		if x.plain[i] == nil {
			var b bytes.Buffer
			if err := x.Plans[i].WriteJSON(&b); err != nil {
				return err
			}
			x.plain[i] = x.text(b.String())
		}
		text = x.plain[i]
		return nil
	})
	return text
}

//export kerma_patient_mask
func kerma_patient_mask(p *C.kerma_patient, i C.int32_t, grid *C.kerma_volume, mask *C.float, out **C.kerma_error) C.kerma_status {
	return guard(out, func() error {
		x, err := patientOf(p)
		if err != nil {
			return err
		}
		if i < 0 || int(i) >= len(x.structures) {
			return fmt.Errorf("structure %d of %d: %w", i, len(x.structures), geometry.ErrStructure)
		}
		if mask == nil {
			return fmt.Errorf("%w: no room for the mask", errArgument)
		}
		g, err := gridOf(grid)
		if err != nil {
			return err
		}
		m, _, err := geometry.NewMask(g, &x.Structures.Structures[i])
		if err != nil {
			return err
		}
		into := unsafe.Slice((*float32)(unsafe.Pointer(mask)), g.Len())
		clear(into)
		m.Each(func(i, j, k int, fraction float32) { into[g.Offset(i, j, k)] = fraction })
		return nil
	})
}

//export kerma_patient_doses
func kerma_patient_doses(p *C.kerma_patient) C.int32_t {
	if x := of[*patient](unsafe.Pointer(p)); x != nil {
		return C.int32_t(len(x.doses))
	}
	return 0
}

//export kerma_patient_dose
func kerma_patient_dose(p *C.kerma_patient, i C.int32_t, gray *C.kerma_volume, out **C.kerma_error) C.kerma_status {
	return guard(out, func() error {
		x, err := patientOf(p)
		if err != nil {
			return err
		}
		if i < 0 || int(i) >= len(x.doses) {
			return fmt.Errorf("dose %d of %d: %w", i, len(x.doses), dicom.ErrNotFound)
		}
		if d := x.Doses[i]; d.Unit != dicom.Gray {
			return fmt.Errorf("dose %d is in units of %s, not Gy: %w", i, d.Unit, dicom.ErrUnmodelled)
		}
		*gray = x.doses[i]
		return nil
	})
}
