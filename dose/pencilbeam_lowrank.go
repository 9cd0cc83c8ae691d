package dose

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/internal/kernels/beamlet"
)

// bixelKernel is the dose of one bixel of a machine in low-rank separable form,
//
//	(φ ⊗ w_k)(x, y) = Σ_rs C_k[r, s] φ_r(x) φ_s(y),
//
// φ the square blurred by the source. The tables on the left, one a component,
// are symmetric and smooth; the φ_r are their joint dominant singular vectors,
// weighted with the depth functions at some depths. Values are those at the
// centres of pixels and bilinear between, as in the maps of a fluence, and so
// are the sums of bixels.
type bixelKernel struct {
	pixel  float64      // mm; a bixel is an even number of them wide
	stride int          // pixels to a bixel
	nodes  int          // pixel centres from (½, ½) on
	tables []*mat.Dense // by component, [node of x][node of y]
	basis  *mat.Dense   // φ_r, [r][node]
}

// bixelDepths are those (mm) whose dose the basis is made for.
var bixelDepths = [...]float64{2, 5, 10, 20, 40, 80, 150, 250, 350}

// newBixelKernel is that of the bixels of a size (mm) within reach (mm) of
// them, for the kernels of a source–skin distance (mm).
func newBixelKernel(m *machine.Machine, ssd, size, reach float64) (*bixelKernel, error) {
	k := &bixelKernel{stride: 2 * int(math.Ceil(size/2/finePixel-1e-9))}
	k.pixel = size / float64(k.stride)
	k.nodes = int(math.Ceil(reach/k.pixel)) + 2
	profile := bixelProfile(m.SourceSigma, k.stride, k.pixel)
	lateral := m.Pencil.At(ssd)
	for c := range lateral {
		w := pixelIntegrals(&lateral[c], k.nodes+len(profile), k.pixel)
		once := blurred(w, profile, k.nodes)
		k.tables = append(k.tables, blurred(mat.DenseCopyOf(once.T()), profile, k.nodes))
	}
	shapes, err := k.shapes(&m.Pencil.Depth)
	if err != nil {
		return nil, fmt.Errorf("dose: machine %q: %w", m.Name, err)
	}
	k.basis = dominant(shapes, beamlet.Rank)
	return k, nil
}

// bixelProfile is the share of a bixel's fluence in the pixels of one half of
// it along an axis, from the middle outwards.
func bixelProfile(sigma float64, stride int, pixel float64) []float64 {
	half := stride/2 + int(math.Ceil(blurMargin*sigma/pixel))
	f := beam.Fluence{Spacing: pixel, NX: 2 * half, NY: 2 * half, Value: make([]float64, 4*half*half)}
	for j := half - stride/2; j < half+stride/2; j++ {
		for i := half - stride/2; i < half+stride/2; i++ {
			f.Value[j*f.NX+i] = 1
		}
	}
	f.Blur(sigma)
	middle := f.Value[half*f.NX+half : (half+1)*f.NX]
	profile := make([]float64, half)
	for s, v := range middle {
		profile[s] = v / math.Sqrt(middle[0])
	}
	return profile
}

// pixelIntegrals is Radial.Pixels for n × n pixels, which it leaves to that
// near the axis. Beyond, w changes little within a pixel: four Gauss points do.
func pixelIntegrals(w *machine.Radial, n int, pixel float64) *mat.Dense {
	const near, perMM = 8, 40
	table := make([]float64, int(math.Ceil(math.Sqrt2*float64(n+1)*pixel*perMM))+2)
	for i, p := 0, 0; i < len(table) && len(w.Radius) > 1; i++ {
		r := float64(i) / perMM
		for p < len(w.Radius)-2 && r >= w.Radius[p+1] {
			p++
		}
		if t := (r - w.Radius[p]) / (w.Radius[p+1] - w.Radius[p]); t <= 1 {
			table[i] = w.Value[p] + t*(w.Value[p+1]-w.Value[p])
		}
	}
	at := func(x, y float64) float64 {
		p := math.Sqrt(x*x+y*y) * perMM
		i := int(p)
		return table[i] + (p-float64(i))*(table[i+1]-table[i])
	}
	out := mat.NewDense(n, n, nil)
	g := pixel / 2 / math.Sqrt(3)
	few := min(n, near)
	core := w.Pixels(few, pixel)
	for i := range n {
		for j := range i + 1 {
			var v float64
			if i < few {
				v = core[i*few+j]
			} else {
				x, y := float64(i)*pixel, float64(j)*pixel
				v = pixel * pixel / 4 * (at(x-g, y-g) + at(x+g, y-g) + at(x-g, y+g) + at(x+g, y+g))
			}
			out.Set(i, j, v)
			out.Set(j, i, v)
		}
	}
	return out
}

// blurred is the rows of w, which are whole pixels apart and symmetric about
// the first, blurred by a profile that is symmetric about 0, at the centres of
// pixels.
func blurred(w *mat.Dense, profile []float64, nodes int) *mat.Dense {
	_, columns := w.Dims()
	out := mat.NewDense(nodes, columns, nil)
	for n := range nodes {
		row := out.RawRowView(n)
		for s, b := range profile {
			floats.AddScaled(row, b, w.RawRowView(max(n-s, s-n)))
			floats.AddScaled(row, b, w.RawRowView(n+s+1))
		}
	}
	return out
}

// shapes are matrices S with Σ S·S = Σ_d T_d·T_d, T_d the dose beside a bixel at
// depth d in units of that at its middle; the last is the largest.
func (k *bixelKernel) shapes(depths *machine.DepthTable) ([]*mat.Dense, error) {
	n := len(k.tables)
	weights, row := mat.NewSymDense(n, nil), make([]float64, n)
	for _, d := range bixelDepths {
		depths.At(d, 1, row)
		var middle float64
		for c, v := range row {
			middle += v * k.tables[c].At(0, 0)
		}
		if middle > 0 { // else beyond the table
			weights.SymRankOne(weights, 1/(middle*middle), mat.NewVecDense(n, row))
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(weights, true) {
		return nil, fmt.Errorf("no eigenvalues of its depth functions")
	}
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	values := eigen.Values(nil)
	var shapes []*mat.Dense
	for v, value := range values {
		if value <= 1e-12*values[n-1] {
			continue
		}
		sum := mat.NewDense(k.nodes, k.nodes, nil)
		for c, t := range k.tables {
			floats.AddScaled(sum.RawMatrix().Data, math.Sqrt(value)*vectors.At(c, v), t.RawMatrix().Data)
		}
		shapes = append(shapes, sum)
	}
	if len(shapes) == 0 {
		return nil, fmt.Errorf("no dose beside a bixel")
	}
	return shapes, nil
}

// dominant is rows that span, nearly, the eigenvectors of the largest
// eigenvalues of Σ S·S, S symmetric, by subspace iteration from rows of the last
// S, close together where bixels are steep.
func dominant(shapes []*mat.Dense, rank int) *mat.Dense {
	nodes, _ := shapes[0].Dims()
	last := shapes[len(shapes)-1]
	basis := mat.NewDense(rank, nodes, nil)
	for r := range rank {
		t := float64(r) / float64(rank)
		row := basis.RawRowView(r)
		copy(row, last.RawRowView(int(t*t*float64(nodes))))
		// Something of every shape, should rows be much alike.
		for n := range row {
			row[n] += 1e-6 * last.At(0, 0) * math.Cos(math.Pi*float64(r)*(float64(n)+0.5)/float64(nodes))
		}
	}
	const rounds = 5
	var once, twice mat.Dense
	for range rounds {
		orthonormal(basis)
		next := mat.NewDense(rank, nodes, nil)
		for _, s := range shapes {
			once.Mul(basis, s)
			twice.Mul(&once, s)
			next.Add(next, &twice)
		}
		basis = next
	}
	orthonormal(basis)
	return basis
}

// orthonormal makes the rows of v so, keeping what each first ones span; rows
// of no more than that become 0.
func orthonormal(v *mat.Dense) {
	rows, _ := v.Dims()
	for r := range rows {
		a := v.RawRowView(r)
		before := floats.Norm(a, 2)
		for range 2 { // twice is enough
			for q := range r {
				b := v.RawRowView(q)
				floats.AddScaled(a, -floats.Dot(a, b), b)
			}
		}
		if n := floats.Norm(a, 2); n > 1e-12*before {
			floats.Scale(1/n, a)
		} else {
			clear(a)
		}
	}
}

// functions is φ_r and Σ_s C_k[r, s] φ_s for a lattice of nx × ny lines.
func (k *bixelKernel) functions(nx, ny int) (p, q *beamlet.Functions) {
	p = k.spread(nx, []*mat.Dense{k.basis})
	products := make([]*mat.Dense, len(k.tables))
	for c, t := range k.tables {
		var once, core, product mat.Dense
		once.Mul(k.basis, t)
		core.Mul(&once, k.basis.T())
		product.Mul(&core, k.basis)
		products[c] = &product
	}
	return p, k.spread(ny, products)
}

// spread lays values, [r][node] for each component, out on both sides of 0, far
// enough for a number of lines, with zeros beyond the last node.
func (k *bixelKernel) spread(lines int, values []*mat.Dense) *beamlet.Functions {
	half := k.nodes + (lines-1)*k.stride + 2
	f := &beamlet.Functions{
		First: -(float64(half) - 0.5) * k.pixel, PerMM: 1 / k.pixel, Stride: k.stride, Components: len(values),
		Node: make([]float32, 2*half*len(values)*beamlet.Rank),
	}
	row := len(values) * beamlet.Rank
	for c, value := range values {
		for r := range beamlet.Rank {
			at := c*beamlet.Rank + r
			for n, v := range value.RawRowView(r) {
				f.Node[(half-1-n)*row+at], f.Node[(half+n)*row+at] = float32(v), float32(v)
			}
		}
	}
	return f
}
