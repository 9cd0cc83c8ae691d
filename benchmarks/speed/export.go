package speed

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/kshedden/gonpy"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/dvh"
	"github.com/kerma-rt/kerma/dose/gamma"
	"github.com/kerma-rt/kerma/dose/influence"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/internal/demo"
)

// Export writes the inputs of the jobs, and what Kerma makes of them, into a new
// folder, for programs that are to be compared: volumes as NumPy arrays in the
// order z, y, x with a JSON file of the same name that says where they lie, and
// DICOM for the DVH.
func Export(ctx context.Context, o Options, dir string) (err error) {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(dir)
		}
	}()
	for _, part := range []struct {
		name  string
		write func(ctx context.Context, o Options, to folder) error
	}{
		{"influence", exportMatrix}, {"field", exportField}, {"gamma", exportPair}, {"dvh", exportHistograms},
	} {
		to := folder(filepath.Join(dir, part.name))
		if err := os.Mkdir(string(to), 0o755); err != nil {
			return err
		}
		if err := part.write(ctx, o, to); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

// folder is where files are written to.
type folder string

func (f folder) file(name string, write func(w io.Writer) error) error {
	out, err := os.Create(filepath.Join(string(f), name))
	if err != nil {
		return err
	}
	if err := write(out); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

func (f folder) json(name string, v any) error {
	return f.file(name+".json", func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", " ")
		return e.Encode(v)
	})
}

// volume writes name.npy and name.json.
func (f folder) volume(name string, v *geometry.Volume) error {
	n, o := v.Grid.Size(), v.Grid.Origin()
	err := f.file(name+".npy", func(w io.Writer) error {
		out, err := gonpy.NewWriter(keepOpen{w})
		if err != nil {
			return err
		}
		out.Shape = []int{n[2], n[1], n[0]}
		return out.WriteFloat32(v.Data)
	})
	if err != nil {
		return err
	}
	return f.json(name, map[string]any{"size": n, "spacing_mm": v.Grid.Spacing(), "origin_mm": [3]float64{o.X, o.Y, o.Z}})
}

// keepOpen leaves closing to whoever opened the file.
type keepOpen struct{ io.Writer }

func (keepOpen) Close() error { return nil }

// exportMatrix writes the phantom with its masks, and for each number of beams
// the dose of all weights one.
func exportMatrix(ctx context.Context, o Options, to folder) error {
	p, err := o.phantom()
	if err != nil {
		return err
	}
	if err := to.volume("hu", p.ct); err != nil {
		return err
	}
	for _, s := range p.structures.Structures {
		m, _, err := geometry.NewMask(p.ct.Grid, &s)
		if err != nil {
			return err
		}
		v := geometry.NewVolume(p.ct.Grid)
		m.Each(func(i, j, k int, fraction float32) {
			if fraction >= 0.5 {
				v.Data[v.Grid.Offset(i, j, k)] = 1
			}
		})
		if err := to.volume(s.Name, v); err != nil {
			return err
		}
	}
	type result struct {
		Beams   int     `json:"beams"`
		Columns []int   `json:"columns"`
		Entries int     `json:"entries"`
		Scale   float64 `json:"fluence_per_mu"` // the dose is Gy for this fluence through every bixel
	}
	var results []result
	for _, beams := range []int{1, 5, 9} {
		r, err := p.request(beams, o.Threads)
		if err != nil {
			return err
		}
		m, err := influence.Compute(ctx, r)
		if err != nil {
			return err
		}
		weights := make([]float64, m.Columns())
		for j := range weights {
			weights[j] = 1
		}
		v := geometry.NewVolume(m.Grid)
		if err := m.Multiply(v.Data, weights); err != nil {
			return err
		}
		if err := to.volume(fmt.Sprintf("ones-%d", beams), v); err != nil {
			return err
		}
		one := result{Beams: beams, Entries: m.Entries(), Scale: r.Machine.Calibration.FluencePerMU}
		for _, b := range r.Beams {
			one.Columns = append(one.Columns, len(b.Centre))
		}
		results = append(results, one)
	}
	iso := influence.Isocentre(p.target)
	return to.json("case", map[string]any{"isocentre_mm": [3]float64{iso.X, iso.Y, iso.Z}, "target": target, "results": results})
}

// exportField writes the density of the water box on the dose grid, and the
// dose of an open field.
func exportField(ctx context.Context, o Options, to folder) error {
	m, err := generic6MV()
	if err != nil {
		return err
	}
	r, err := boxRequest(m, 1, 0, doseSpacing)
	if err != nil {
		return err
	}
	r.Threads = o.Threads
	if err := to.volume("density", geometry.Resample(r.Tissue.ElectronDensity, r.Grid, 0)); err != nil {
		return err
	}
	result, err := dose.PencilBeam{}.Compute(ctx, r)
	if err != nil {
		return err
	}
	if err := to.volume("dose", result.Dose); err != nil {
		return err
	}
	return to.json("case", map[string]any{"isocentre_mm": [3]float64{boxIsocentre.X, boxIsocentre.Y, boxIsocentre.Z}, "field_mm": 100})
}

func exportPair(ctx context.Context, o Options, to folder) error {
	reference, evaluated, err := Pair(ctx, pairSize)
	if err != nil {
		return err
	}
	if err := to.volume("reference", reference); err != nil {
		return err
	}
	if err := to.volume("evaluation", evaluated); err != nil {
		return err
	}
	var results []*gamma.Result
	for _, c := range []gamma.Criteria{{DosePercent: 3, Distance: 3}, {DosePercent: 2, Distance: 2}} {
		c.CutoffPercent, c.Threads = 10, o.Threads
		r, err := gamma.Compute(ctx, reference, evaluated, c)
		if err != nil {
			return err
		}
		results = append(results, r)
	}
	return to.json("case", map[string]any{"results": results})
}

// exportHistograms writes structures and dose as DICOM, unless they came from
// there, and the histograms.
func exportHistograms(_ context.Context, o Options, to folder) error {
	set, volume, err := o.structuresAndDose()
	if err != nil {
		return err
	}
	if o.Judged == "" {
		patient, err := embedded("tg119")
		if err != nil {
			return err
		}
		if err := demo.Extract("tg119", string(to)); err != nil {
			return err
		}
		err = dicom.WriteDose(filepath.Join(string(to), "rtdose.dcm"), dicom.Dose{
			Identity: patient.CT.Identity, Volume: volume, Unit: dicom.Gray, Type: dicom.Physical, Summation: dicom.PlanSum,
			FrameOfReferenceUID: patient.CT.FrameOfReferenceUID, Plans: []dicom.Reference{dicom.PlanReference(patient.Plans[0])},
		})
		if err != nil {
			return err
		}
	}
	return to.json("case", dvh.Report{Structures: dvh.Compute(volume, set)})
}
