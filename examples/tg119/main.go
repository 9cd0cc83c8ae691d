// Tg119 plans the C-shape of AAPM TG-119 with nine equispaced beams: bixels that
// cover the target, the influence matrix, the fluence map that minimises the
// objectives, and the dose held against the goals of the report (Ezzell et al.,
// Med Phys 36 (2009) 5359, table of planning goals: PTV D95 ≥ 50 Gy, PTV D10 < 55
// Gy, core D10 < 25 Gy in the easier version).
//
//	go run ./examples/tg119 [voxel size in mm, 3]
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"time"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/dvh"
	"github.com/kerma-rt/kerma/dose/influence"
	"github.com/kerma-rt/kerma/dose/influence/objective"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
	"github.com/kerma-rt/kerma/internal/demo"
)

func main() {
	voxel := 3.0
	if len(os.Args) > 1 {
		var err error
		if voxel, err = strconv.ParseFloat(os.Args[1], 64); err != nil {
			log.Fatal(err)
		}
	}
	goals, err := plan(context.Background(), os.Stdout, voxel)
	if err != nil {
		log.Fatal(err)
	}
	for _, g := range goals {
		if !g.reached() {
			os.Exit(3)
		}
	}
}

// goal is one line of the report's table.
type goal struct {
	what     string
	gy       float64 // achieved
	atLeast  bool
	wantedGy float64
}

func (g goal) reached() bool {
	if g.atLeast {
		return g.gy >= g.wantedGy
	}
	return g.gy < g.wantedGy
}

// plan makes the plan on dose voxels of the given size (mm) and prints it.
func plan(ctx context.Context, out io.Writer, voxel float64) ([]goal, error) {
	// The patient: the phantom that comes with Kerma. Any DICOM folder would do.
	folder, err := os.MkdirTemp("", "tg119")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	if err := demo.Extract("tg119", folder); err != nil {
		return nil, err
	}
	patient, err := dicom.ReadFolder(folder)
	if err != nil {
		return nil, err
	}
	tissue, err := heterogeneity.DefaultCalibration.Apply(patient.CT.Volume, patient.Structures)
	if err != nil {
		return nil, err
	}
	grid, err := patient.CT.Volume.Grid.WithSpacing([3]float64{voxel, voxel, voxel})
	if err != nil {
		return nil, err
	}
	linac, err := machine.Generic("generic_6mv")
	if err != nil {
		return nil, err
	}

	// What the objectives look at. A voxel of two structures belongs to the more
	// important one.
	var structures [3]*geometry.Structure
	var masks [3]*geometry.Mask
	for i, name := range []string{"OuterTarget", "Core", "BODY"} {
		if structures[i], err = patient.Structures.Named(name); err != nil {
			return nil, err
		}
		if masks[i], _, err = geometry.NewMask(grid, structures[i]); err != nil {
			return nil, err
		}
	}
	target, core := objective.RegionOf(masks[0]), objective.RegionOf(masks[1])
	body, err := objective.RegionOf(masks[2]).Without(target, core)
	if err != nil {
		return nil, err
	}

	// Nine beams of 5 mm bixels, and the dose that each bixel gives to each voxel.
	var beams []dose.Bixels
	for gantry := 0.0; gantry < 360; gantry += 40 {
		pose := geometry.Pose{Position: geometry.HFS, Isocentre: influence.Isocentre(masks[0]), SAD: linac.SAD, GantryDeg: gantry}
		b, err := influence.Cover(masks[0], 5, pose, 5)
		if err != nil {
			return nil, err
		}
		beams = append(beams, b)
	}
	started := time.Now()
	matrix, err := influence.Compute(ctx, influence.Request{Tissue: tissue, Machine: linac, Grid: grid, Beams: beams})
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "%d bixels, %d voxels, %.1f million entries in %.1f s\n",
		matrix.Columns(), matrix.Voxels(), float64(matrix.Entries())/1e6, time.Since(started).Seconds())

	for _, w := range matrix.Warnings {
		fmt.Fprintf(out, "warning: %s\n", w)
	}

	// The fluence map.
	started = time.Now()
	solution, err := objective.Problem{
		Matrix: matrix,
		Grid:   grid,
		Objectives: []objective.Objective{
			objective.SquaredDeviation{Region: target, Dose: objective.Uniform(52.5), Penalty: 3000},
			objective.MinDVH{Region: target, Dose: 52, Volume: 98, Penalty: 10000},
			objective.SquaredOverdosing{Region: core, Dose: objective.Uniform(22), Penalty: 300},
			objective.SquaredOverdosing{Region: body, Dose: objective.Uniform(30), Penalty: 30},
		},
	}.Minimise(ctx)
	if err != nil {
		return nil, err
	}
	last := solution.History[len(solution.History)-1]
	fmt.Fprintf(out, "%s after %d iterations, %d doses, %.1f s\n\n", solution.Status, last.Number, last.Products, time.Since(started).Seconds())

	// The verdict.
	var histograms [3]dvh.Histogram
	for i, s := range structures {
		if histograms[i], err = dvh.Of(solution.Dose, s); err != nil {
			return nil, err
		}
	}
	goals := []goal{
		{"PTV D95", histograms[0].DoseAt(95), true, 50},
		{"PTV D10", histograms[0].DoseAt(10), false, 55},
		{"core D10", histograms[1].DoseAt(10), false, 25},
	}
	for _, g := range goals {
		sign, verdict := "<", "FAIL"
		if g.atLeast {
			sign = "≥"
		}
		if g.reached() {
			verdict = "pass"
		}
		fmt.Fprintf(out, "%-9s %5.2f Gy  %s %2.0f Gy  %s\n", g.what, g.gy, sign, g.wantedGy, verdict)
	}
	fmt.Fprintf(out, "\n  Gy  target    core    body   %% of the volume with this dose or more\n")
	for gy := 0.0; gy <= 60; gy += 5 {
		fmt.Fprintf(out, "%4.0f  %6.1f  %6.1f  %6.1f\n", gy, histograms[0].PercentAt(gy), histograms[1].PercentAt(gy), histograms[2].PercentAt(gy))
	}
	return goals, nil
}
