// Command picture computes an embedded case and draws it as one picture, the
// one at the top of the README:
//
//	go run ./docs/picture -case tg119 -out docs/demo.png
package main

import (
	"context"
	"flag"
	"fmt"
	"image/png"
	"math"
	"os"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/dvh"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/heterogeneity"
	"github.com/kerma-rt/kerma/internal/demo"
	"github.com/kerma-rt/kerma/internal/report"
)

func main() {
	name := flag.String("case", "tg119", "embedded case")
	out := flag.String("out", "demo.png", "picture to write")
	flag.Parse()
	if err := draw(*name, *out); err != nil {
		fmt.Fprintln(os.Stderr, "picture:", err)
		os.Exit(1)
	}
}

func draw(name, out string) error {
	dir, err := os.MkdirTemp("", "kerma")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := demo.Extract(name, dir); err != nil {
		return err
	}
	patient, err := dicom.ReadFolder(dir)
	if err != nil {
		return err
	}
	page, err := compute(patient)
	if err != nil {
		return err
	}
	picture, err := report.Poster(page, 1600)
	if err != nil {
		return err
	}
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	if err := png.Encode(f, picture); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

func compute(patient *dicom.Patient) (report.Page, error) {
	var page report.Page
	plan := patient.Plans[0]
	tissue, err := heterogeneity.DefaultCalibration.Apply(patient.CT.Volume, patient.Structures)
	if err != nil {
		return page, err
	}
	machines, err := machine.GenericSet()
	if err != nil {
		return page, err
	}
	body, err := patient.Structures.External()
	if err != nil {
		return page, err
	}
	grid, err := patient.CT.Volume.Grid.Around(body, 2.5, 0)
	if err != nil {
		return page, err
	}
	result, err := dose.PencilBeam{}.Compute(context.Background(), dose.Request{Tissue: tissue, Plan: plan, Machines: machines, Grid: grid})
	if err != nil {
		return page, err
	}
	page = report.Page{
		Title: plan.Label,
		View: &report.View{
			CT: patient.CT.Volume, Dose: result.Dose, Structures: patient.Structures.Structures,
			Reference: plan.Prescription, ReferenceName: "prescription",
			At: plan.Beams[0].Points[0].Isocentre, AtName: "isocentre",
		},
	}
	for _, h := range dvh.Compute(result.Dose, patient.Structures) {
		if h.Empty() {
			continue
		}
		curve := report.Curve{Name: h.Structure, VolumeCm3: h.Volume, Mean: h.Mean(), D95: h.DoseAt(95)}
		for _, s := range patient.Structures.Structures {
			if s.Number == h.Number {
				curve.Color = s.Color
			}
		}
		for _, p := range h.Cumulative(300) {
			curve.Points = append(curve.Points, [2]float64{p.Dose, math.Min(100, 100*p.Volume/h.Inside())})
		}
		page.Curves = append(page.Curves, curve)
	}
	return page, nil
}
