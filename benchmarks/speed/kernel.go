package speed

import (
	"context"

	"github.com/kerma-rt/kerma/internal/kernels/limits"
	"github.com/kerma-rt/kerma/internal/kernels/simd"
)

// Kernel is one hot loop on one level of vector instructions, held against the
// machine.
type Kernel struct {
	Kernel   string  `json:"kernel"`
	SIMD     string  `json:"simd"`
	Unit     string  `json:"unit"` // an element
	NS       float64 `json:"ns_per_unit"`
	LimitNS  float64 `json:"limit_ns_per_unit"`
	Limit    string  `json:"limit"`    // what sets it
	Fraction float64 `json:"fraction"` // of the limit that is reached
}

// kernel is a loop to be timed on one thread.
type kernel struct {
	name, unit string
	// prepare makes the loop, and tells how many units a call of it does.
	prepare func() (call func(), units float64, err error)
	// least is the time (s) that the machine needs for what one unit cannot do
	// without, and what that is.
	least func(l limits.Limits) (seconds float64, what string)
}

// time times a kernel on every level.
func (k kernel) time(ctx context.Context, r *Report) error {
	call, units, err := k.prepare()
	if err != nil {
		return err
	}
	least, what := k.least(r.Limits[0])
	for _, level := range simd.Available() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		restore := simd.Set(level)
		seconds := limits.Time(call) / units
		restore()
		r.Kernels = append(r.Kernels, Kernel{
			Kernel: k.name, SIMD: level.String(), Unit: k.unit,
			NS: 1e9 * seconds, LimitNS: 1e9 * least, Limit: what, Fraction: least / seconds,
		})
	}
	return nil
}
