//go:build unix

package dose_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/heterogeneity"
	"github.com/kerma-rt/kerma/internal/shareddata"
)

// BenchmarkPencilBeamOnThePhantom is whole jobs on the TG-119 phantom: an open
// 10×10 field on 167×167×108 voxels of 3 mm, along the slices and with couch
// and collimator turned; nine beams of a step-and-shoot plan; and two arcs on
// 2.5 mm. CPU is user and system time, which other jobs on the machine do not
// change as they do elapsed time.
func BenchmarkPencilBeamOnThePhantom(b *testing.B) {
	patient, err := dicom.ReadFolder(shareddata.Path(b, "dicom", "tg119"))
	require.NoError(b, err)
	arcs, err := dicom.ReadFolder(shareddata.Path(b, "dicom", "tg119_vmat_ncsa"))
	require.NoError(b, err)
	tissue, err := heterogeneity.MatRadCalibration.Apply(patient.CT.Volume, patient.Structures)
	require.NoError(b, err)
	fine, err := patient.CT.Volume.Grid.WithSpacing([3]float64{2.5, 2.5, 2.5})
	require.NoError(b, err)
	generic, err := machine.Generic("generic_6mv")
	require.NoError(b, err)

	coplanar := grid(b, r3.Vec{X: -250, Y: -250, Z: -160.75}, [3]float64{3, 3, 3}, [3]int{167, 167, 108})
	field := func(gantry, couch, collimator float64, m *machine.Machine) dose.Request {
		p := open(50, 100)
		for i := range p.Beams[0].Points {
			c := &p.Beams[0].Points[i]
			c.Isocentre = r3.Vec{X: -1.6910699919549188, Y: -16.58527755430407, Z: 0.142129257173508}
			c.GantryDeg, c.CouchDeg, c.CollimatorDeg = gantry, couch, collimator
		}
		return dose.Request{Tissue: tissue, Plan: p, Machines: machine.Set{m}, Grid: coplanar}
	}
	for _, c := range []struct {
		name    string
		request dose.Request
	}{
		{"open/SVD", field(40, 0, 0, svd(b))},
		{"open/generic", field(40, 0, 0, generic)},
		{"open/SVD/turned", field(40, 20, 10, svd(b))},
		{"open/generic/turned", field(40, 20, 10, generic)},
		{"IMRT/SVD", dose.Request{Tissue: tissue, Plan: patient.Plans[0], Machines: machine.Set{svd(b)}, Grid: patient.Doses[0].Volume.Grid}},
		{"VMAT/generic", dose.Request{Tissue: tissue, Plan: arcs.Plans[0], Machines: machine.Set{generic}, Grid: fine}},
	} {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/%d", c.name, threads), func(b *testing.B) {
				r := c.request
				r.Threads = threads
				began := cpu(b)
				for b.Loop() {
					_, err := dose.PencilBeam{}.Compute(b.Context(), r)
					require.NoError(b, err)
				}
				b.ReportMetric(float64((cpu(b)-began).Microseconds())/1000/float64(b.N), "CPU-ms/op")
			})
		}
	}
}

// cpu is the user and system time of this process so far.
func cpu(t testing.TB) time.Duration {
	var u syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
