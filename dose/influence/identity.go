package influence

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"runtime"

	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/internal/kernels/simd"
	"github.com/kerma-rt/kerma/internal/version"
)

// identity is a hash of all that determines the bits of the matrix: the
// version of Kerma, the instructions it runs on, the engine with its options,
// tissue, machine, grid, bixels and what is left out.
func (r *Request) identity() (string, error) {
	h := sha256.New()
	settings, err := json.Marshal(map[string]any{
		"version": version.Version, "architecture": runtime.GOARCH, "simd": simd.Current().String(),
		"engine":  fmt.Sprintf("%#v", r.engine()),
		"machine": r.Machine.Hash, "name": r.Machine.Name,
		"grid": recordOf(r.grid()), "beams": r.Beams,
		"cutoff": r.reach(), "threshold": r.Threshold, "compensate": r.Compensate,
		"calibration": r.Tissue.Calibration, "materials": r.Tissue.Materials,
	})
	if err != nil {
		return "", fmt.Errorf("influence: a request that cannot be told from others: %w", err)
	}
	h.Write(settings)
	t := r.Tissue
	hashVolume(h, t.Density)
	hashVolume(h, t.ElectronDensity)
	h.Write(t.Material)
	if t.Body != nil {
		fmt.Fprint(h, recordOf(t.Body.Grid), t.Body.Box)
		hashFloats(h, t.Body.Fraction)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// engine is Engine, with its default.
func (r *Request) engine() dose.Beamlets {
	if r.Engine == nil {
		return dose.PencilBeam{}
	}
	return r.Engine
}

func hashVolume(h hash.Hash, v *geometry.Volume) {
	if v != nil {
		fmt.Fprint(h, recordOf(v.Grid))
		hashFloats(h, v.Data)
	}
}

func hashFloats(h hash.Hash, v []float32) {
	fmt.Fprint(h, " ", len(v), " ")
	e := encoder{w: h, buffer: make([]byte, 1<<16)}
	e.floats(v)
}
