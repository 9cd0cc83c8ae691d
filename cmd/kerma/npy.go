package main

import (
	"io"
	"strings"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/kshedden/gonpy"
)

// writeNPY writes a volume as float32 in the order z, y, x, and beside it, with
// the ending .json, where its voxels lie.
func writeNPY(path string, v *geometry.Volume) error {
	g := v.Grid
	n := g.Size()
	err := writeFile(path, func(w io.Writer) error {
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
	o := g.Origin()
	var axes [3][3]float64
	for a, d := range g.Axes() {
		axes[a] = [3]float64{d.X, d.Y, d.Z}
	}
	return writeFile(strings.TrimSuffix(path, ".npy")+".json", func(w io.Writer) error {
		return encode(w, map[string]any{
			"origin_mm": [3]float64{o.X, o.Y, o.Z}, "spacing_mm": g.Spacing(), "directions": axes, "unit": "Gy",
		})
	})
}

// keepOpen leaves closing to whoever opened the file.
type keepOpen struct{ io.Writer }

func (keepOpen) Close() error { return nil }
