package heterogeneity_test

import (
	"encoding/csv"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
)

// tpr is measured tissue–phantom ratios of square fields, linear in depth and
// side: the public set of a 6 MV Siemens Artiste (DKFZ, photonPencilBeamKernelCalc,
// MIT). A radius stands for the square of the same area.
type tpr struct {
	side  []float64
	depth []float64
	value [][]float64 // [depth][side]
}

func readTPR(t *testing.T) *tpr {
	t.Helper()
	f, err := os.Open("testdata/dkfz_artiste_6mv_tpr.csv")
	require.NoError(t, err)
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	number := func(s string) float64 {
		v, err := strconv.ParseFloat(s, 64)
		require.NoError(t, err)
		return v
	}
	r := &tpr{}
	for _, title := range rows[0][1:] {
		r.side = append(r.side, number(strings.TrimSuffix(strings.TrimPrefix(title, "tpr_fs"), "mm")))
	}
	for _, row := range rows[1:] {
		var values []float64
		for _, s := range row[1:] {
			values = append(values, number(s))
		}
		r.depth = append(r.depth, number(row[0]))
		r.value = append(r.value, values)
	}
	return r
}

func (r *tpr) TissueRatio(depth, radius float64) float64 {
	find := func(node []float64, x float64) (int, float64) {
		x = min(max(x, node[0]), node[len(node)-1])
		i := 0
		for i < len(node)-2 && x > node[i+1] {
			i++
		}
		return i, (x - node[i]) / (node[i+1] - node[i])
	}
	i, u := find(r.depth, depth)
	j, v := find(r.side, radius*math.Sqrt(math.Pi))
	at := func(i int) float64 { return r.value[i][j] + v*(r.value[i][j+1]-r.value[i][j]) }
	return at(i) + u*(at(i+1)-at(i))
}

// slab is a layer across the beam.
type slab struct{ thickness, density float64 } // mm, relative electron density

// slabs is layers behind each other, their surface across the axis at the
// isocentre.
func slabs(t *testing.T, layers ...slab) (*heterogeneity.Tissue, geometry.Frame) {
	t.Helper()
	var column []float32
	for _, l := range layers {
		for range int(l.thickness) {
			column = append(column, float32(l.density))
		}
	}
	const n = 9
	g, err := geometry.NewGrid(r3.Vec{X: -40, Y: 0.5, Z: -40}, [3]float64{10, 1, 10}, [3]int{n, len(column), n}, [3]r3.Vec{{X: 1}, {Y: 1}, {Z: 1}})
	require.NoError(t, err)
	v := geometry.NewVolume(g)
	for i := range v.Data {
		v.Data[i] = column[i/n%len(column)]
	}
	return &heterogeneity.Tissue{ElectronDensity: v}, frame(t, geometry.Pose{})
}

// Reference: the formulas worked by hand with the same tissue–phantom ratios.
func TestFactorsAreThoseWorkedByHand(t *testing.T) {
	ratios := readTPR(t)
	lung := []slab{{50, 1}, {100, 0.25}, {150, 1}}
	bone := []slab{{30, 1}, {20, 1.69}, {150, 1}}
	for _, c := range []struct {
		layers               []slab
		depth, side          float64 // mm
		epl, batho, modified float64
	}{
		{lung, 175, 50, 1.3878, 1.3492, 1.3692},
		{lung, 175, 100, 1.3276, 1.2803, 1.2994},
		{lung, 175, 200, 1.2686, 1.2214, 1.2378},
		{lung, 200, 100, 1.3375, 1.3060, 1.3173},
		{lung, 100, 100, 1.1385, 1.0612, 1.1072},
		{bone, 100, 100, 0.9509, 0.9572, 0.9537},
	} {
		tissue, f := slabs(t, c.layers...)
		a := f.SAD + c.depth
		field := heterogeneity.Field{X0: -20, X1: 20, Y0: -20, Y1: 20}
		b := heterogeneity.Beam{Tissue: tissue, Frame: f, Field: field, Spacing: 10, Step: 1}
		radius := c.side / math.Sqrt(math.Pi)
		w := heterogeneity.Water{Ratios: ratios, Radius: radius * f.SAD / a, Open: field}

		none, err := heterogeneity.None{}.Depths(t.Context(), b)
		require.NoError(t, err)
		epl, err := heterogeneity.EquivalentPathLength{}.Depths(t.Context(), b)
		require.NoError(t, err)
		got := ratios.TissueRatio(epl.At(0, 0, a), radius) / ratios.TissueRatio(none.At(0, 0, a), radius)
		require.InDelta(t, c.epl, got, 1e-3, "equivalent path length, %v", c)
		for _, correction := range []struct {
			heterogeneity.Factored
			want float64
		}{{heterogeneity.Batho{}, c.batho}, {heterogeneity.ModifiedBatho{}, c.modified}} {
			factors, err := correction.Factors(t.Context(), b, w)
			require.NoError(t, err)
			require.InDelta(t, correction.want, factors.At(0, 0, a), 1e-3, "%s, %v", correction.Name(), c)
		}
	}
}
