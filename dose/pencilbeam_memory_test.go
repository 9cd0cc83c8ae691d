package dose_test

import (
	"errors"
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/heterogeneity"
	"github.com/kerma-rt/kerma/internal/kernels/simd"
)

func TestTooLittleMemoryIsRefused(t *testing.T) {
	r := sweep(t, 4, 0, 0)
	r.MaxBytes = 1000
	_, err := dose.PencilBeam{}.Compute(t.Context(), r)
	var refused *dose.MemoryError
	require.ErrorAs(t, err, &refused)
	require.ErrorContains(t, err, "1000 allowed")
	r.MaxBytes = refused.Needed
	compute(t, dose.PencilBeam{}, r)
	r.MaxBytes = -1
	_, err = dose.PencilBeam{}.Compute(t.Context(), r)
	require.ErrorIs(t, err, dose.ErrRequest)
}

// sweep is a small field that the gantry moves through some degrees, on a box of
// water with lung in it.
func sweep(t testing.TB, degrees, collimator, couch float64) dose.Request {
	t.Helper()
	m, err := machine.Generic("generic_6mv")
	require.NoError(t, err)
	tissue := box(t, r3.Vec{X: -90, Y: -70, Z: -60}, r3.Vec{X: 90, Y: 70, Z: 60}, 3)
	v := tissue.ElectronDensity
	for i := range v.Data {
		n := v.Grid.Size()
		if x, y := i%n[0], i/n[0]%n[1]; x > 10 && x < 25 && y > 12 && y < 30 {
			v.Data[i] = 0.26
		}
	}
	plan := open(20, 100)
	for i := range plan.Beams[0].Points {
		p := &plan.Beams[0].Points[i]
		p.GantryDeg, p.CollimatorDeg, p.CouchDeg = degrees*p.Weight, collimator, couch
		if p.Weight == 0 && degrees > 0 {
			p.GantryTurn = beam.Rising
		}
	}
	return dose.Request{Tissue: tissue, Plan: plan, Machines: machine.Set{m}, Threads: 2}
}

// peak is how far the memory of live and not yet collected objects rises above
// what it was before, in bytes, while f runs.
func peak(f func()) int64 {
	objects := func() int64 {
		s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(s)
		return int64(s[0].Value.Uint64())
	}
	defer debug.SetGCPercent(debug.SetGCPercent(5))
	runtime.GC()
	before, most := objects(), int64(0)
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-end:
				return
			case <-time.After(200 * time.Microsecond):
				most = max(most, objects())
			}
		}
	}()
	f()
	close(end)
	<-done
	return most - before
}

func TestMemoryBudgetIsKeptAndChangesNoBit(t *testing.T) {
	if testing.Short() {
		t.Skip("computes an arc a dozen times; a shorter test runs the same code")
	}
	for _, c := range []heterogeneity.Correction{heterogeneity.EquivalentPathLength{}, heterogeneity.None{}, heterogeneity.ModifiedBatho{}} {
		e := dose.PencilBeam{Heterogeneity: c}
		r := sweep(t, 20, 30, 0)
		want := compute(t, e, r)

		var refused *dose.MemoryError
		r.MaxBytes = 1
		_, err := e.Compute(t.Context(), r)
		require.ErrorAs(t, err, &refused)
		require.ErrorIs(t, err, dose.ErrRequest)
		require.EqualValues(t, 1, refused.Allowed)
		least := refused.Needed
		r.MaxBytes = least - 1
		_, err = e.Compute(t.Context(), r)
		require.True(t, errors.As(err, &refused), "%v", err)

		for _, times := range []float64{1, 1.5, 4} {
			r.MaxBytes = int64(float64(least) * times)
			var got *dose.Result
			used := peak(func() { got = compute(t, e, r) })
			require.Equal(t, want.Dose.Data, got.Dose.Data, "%s, %d bytes", c.Name(), r.MaxBytes)
			t.Logf("%s: %.1f of %.1f MB", c.Name(), float64(used)/1e6, float64(r.MaxBytes)/1e6)
			// Slack: what waits for the collector, a tenth and 4 MB.
			assert.LessOrEqual(t, float64(used), 1.1*float64(r.MaxBytes)+4e6, c.Name())
		}
	}
}

// Threads change nothing, and levels of vector instructions what rounding does.
func TestThreadsAndLevelsGiveOneDose(t *testing.T) {
	if testing.Short() {
		t.Skip("computes plain Go at length; a shorter test runs the same code")
	}
	for _, c := range []struct{ degrees, collimator, couch float64 }{{0, 0, 0}, {12, 35, 0}, {0, 10, 25}} {
		r := sweep(t, c.degrees, c.collimator, c.couch)
		var first []float32
		for _, level := range simd.Available() {
			defer simd.Set(level)()
			var want []float32
			for _, threads := range []int{1, 5} {
				r.Threads = threads
				got := compute(t, dose.PencilBeam{}, r).Dose.Data
				if want == nil {
					want = got
				}
				require.Equal(t, want, got, "%v, %d threads", level, threads)
			}
			if first == nil {
				first = want
			}
			var most, worst float64
			for i, d := range first {
				most = max(most, float64(d))
				worst = max(worst, math.Abs(float64(d-want[i])))
			}
			t.Logf("%+v %v: %.2g of the maximum", c, level, worst/most)
			assert.Less(t, worst, 1e-5*most)
		}
	}
}

func TestCollapsedConeRefusesTooLittleMemory(t *testing.T) {
	r := sweep(t, 1, 0, 0)
	r.MaxBytes = 1000
	_, err := dose.CollapsedCone{}.Compute(t.Context(), r)
	var refused *dose.MemoryError
	require.ErrorAs(t, err, &refused)
	r.MaxBytes = refused.Needed
	compute(t, dose.CollapsedCone{}, r)
}
