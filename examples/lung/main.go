// Lung paints dose by numbers: a tumour in the lung gets 60 Gy, and up to 75 Gy
// where a functional image is brightest, voxel by voxel. The image is read from an
// NRRD file and resampled on the dose grid; the plan is judged by its Q-volume
// histogram, Q being the dose over what is prescribed (Vanderstraeten et al., Phys
// Med Biol 51 (2006) 5349).
//
//	go run ./examples/lung [voxel size in mm, 2.5]
package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/biology"
	"github.com/kerma-rt/kerma/dose/dvh"
	"github.com/kerma-rt/kerma/dose/influence"
	"github.com/kerma-rt/kerma/dose/influence/objective"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
	"github.com/kerma-rt/kerma/internal/demo"
	"github.com/kerma-rt/kerma/internal/volumefile"
)

func main() {
	voxel := 2.5
	if len(os.Args) > 1 {
		var err error
		if voxel, err = strconv.ParseFloat(os.Args[1], 64); err != nil {
			log.Fatal(err)
		}
	}
	if _, err := plan(context.Background(), os.Stdout, voxel); err != nil {
		log.Fatal(err)
	}
}

// result is what the plan has come to.
type result struct {
	qualityFactor float64    // mean |Q − 1|
	within5       float64    // of the tumour's volume with Q in 0.95…1.05, %
	prescribed    [2]float64 // mean of the quarter of the tumour prescribed least, and most, Gy
	achieved      [2]float64 // in the same voxels, Gy
	lungMean      float64    // Gy
}

// plan makes the plan on dose voxels of the given size (mm) and prints it.
func plan(ctx context.Context, out io.Writer, voxel float64) (*result, error) {
	// The patient: the synthetic chest that comes with Kerma.
	folder, err := os.MkdirTemp("", "lung")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	if err := demo.Extract("lung", folder); err != nil {
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
	linac, err := machine.Generic("generic_6mv")
	if err != nil {
		return nil, err
	}

	// The dose grid reaches 30 mm beyond the lungs.
	lungs, err := patient.Structures.Named("Lung")
	if err != nil {
		return nil, err
	}
	grid, err := patient.CT.Volume.Grid.Around(lungs, voxel, 30)
	if err != nil {
		return nil, err
	}
	masks := map[string]*geometry.Mask{}
	for _, name := range []string{"Tumor", "Lung", "Body"} {
		s, err := patient.Structures.Named(name)
		if err != nil {
			return nil, err
		}
		if masks[name], _, err = geometry.NewMask(grid, s); err != nil {
			return nil, err
		}
	}
	target := objective.RegionOf(masks["Tumor"])
	lung, err := objective.RegionOf(masks["Lung"]).Without(target)
	if err != nil {
		return nil, err
	}
	body, err := objective.RegionOf(masks["Body"]).Without(target, lung)
	if err != nil {
		return nil, err
	}

	// The functional image: a real one would come from elsewhere, registered.
	isocentre := influence.Isocentre(masks["Tumor"])
	path := filepath.Join(folder, "uptake.nrrd")
	if err := os.WriteFile(path, uptake(isocentre), 0o644); err != nil {
		return nil, err
	}
	image, err := volumefile.Read(path)
	if err != nil {
		return nil, err
	}
	onGrid := geometry.Resample(image.Volume, grid, float32(math.NaN()))
	bright, err := biology.Percentile(onGrid, masks["Tumor"], 95)
	if err != nil {
		return nil, err
	}
	painting := biology.Linear{Low: 60, High: 75, LowIntensity: bright / 4, HighIntensity: bright}
	prescription, err := painting.Prescribe(onGrid, masks["Tumor"])
	if err != nil {
		return nil, err
	}

	// Seven beams of 5 mm bixels, the influence matrix, the fluence map.
	var beams []dose.Bixels
	for i := range 7 {
		pose := geometry.Pose{Position: geometry.HFS, Isocentre: isocentre, SAD: linac.SAD, GantryDeg: 360 * float64(i) / 7}
		b, err := influence.Cover(masks["Tumor"], 5, pose, 5)
		if err != nil {
			return nil, err
		}
		beams = append(beams, b)
	}
	matrix, err := influence.Compute(ctx, influence.Request{Tissue: tissue, Machine: linac, Grid: grid, Beams: beams})
	if err != nil {
		return nil, err
	}
	for _, w := range matrix.Warnings {
		fmt.Fprintf(out, "warning: %s\n", w)
	}
	solution, err := objective.Problem{
		Matrix: matrix,
		Grid:   grid,
		Objectives: []objective.Objective{
			objective.SquaredDeviation{Region: target, Dose: objective.Voxelwise(prescription), Penalty: 1000},
			objective.SquaredOverdosing{Region: lung, Dose: objective.Uniform(20), Penalty: 10},
			objective.SquaredOverdosing{Region: body, Dose: objective.Uniform(30), Penalty: 10},
			objective.MeanDose{Region: lung, Penalty: 1},
		},
	}.Minimise(ctx)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "%d bixels, %.1f million entries; %s after %d iterations\n\n",
		matrix.Columns(), float64(matrix.Entries())/1e6, solution.Status, len(solution.History)-1)
	r, err := judge(out, solution.Dose, prescription, masks["Tumor"])
	if err != nil {
		return nil, err
	}
	h, err := dvh.Of(solution.Dose, lungs)
	if err != nil {
		return nil, err
	}
	r.lungMean = h.Mean()
	fmt.Fprintf(out, "lungs: mean %.2f Gy, V20Gy %.1f %%\n", h.Mean(), h.PercentAt(20))
	return r, nil
}

// uptake is an NRRD file of 4 mm voxels, 100 mm wide, that shows a uniform tumour
// with a brighter focus beside its centre (mm, LPS).
func uptake(centre r3.Vec) []byte {
	const n, spacing = 25, 4.0
	origin := r3.Sub(centre, r3.Vec{X: (n - 1) / 2 * spacing, Y: (n - 1) / 2 * spacing, Z: (n - 1) / 2 * spacing})
	focus := r3.Add(centre, r3.Vec{X: 8, Y: -4})
	var file bytes.Buffer
	fmt.Fprintf(&file, "NRRD0004\ntype: float\ndimension: 3\nspace: left-posterior-superior\nsizes: %d %d %d\n", n, n, n)
	fmt.Fprintf(&file, "space directions: (%g,0,0) (0,%g,0) (0,0,%g)\nspace origin: (%g,%g,%g)\n", spacing, spacing, spacing, origin.X, origin.Y, origin.Z)
	fmt.Fprintf(&file, "kinds: domain domain domain\nendian: little\nencoding: raw\n\n")
	for k := range n {
		for j := range n {
			for i := range n {
				p := r3.Add(origin, r3.Scale(spacing, r3.Vec{X: float64(i), Y: float64(j), Z: float64(k)}))
				const sigma = 8.0 // mm
				value := 2 + 6*math.Exp(-r3.Norm2(r3.Sub(p, focus))/(2*sigma*sigma))
				_ = binary.Write(&file, binary.LittleEndian, float32(value)) // a buffer takes all
			}
		}
	}
	return file.Bytes()
}
