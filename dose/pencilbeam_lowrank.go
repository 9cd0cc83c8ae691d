package dose

import (
	"fmt"
	"math"

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
	machine *machine.Machine
	pixel   float64    // mm; a bixel is an even number of them wide
	stride  int        // pixels to a bixel
	nodes   int        // pixel centres from (½, ½) on
	reach   int        // pixels to a kernel
	blur    *mat.Dense // of a kernel by the bixel, along one axis: [node][pixel of the kernel]
	basis   *mat.Dense // φ_r, [node][r]
	blurred *mat.Dense // blurᵀ·basis
}

// bixelDepths are those (mm) whose dose the basis is made for.
var bixelDepths = [...]float64{2, 5, 10, 20, 40, 80, 150, 250, 350}

// newBixelKernel finds the basis for the bixels of a size (mm) within reach (mm).
func newBixelKernel(m *machine.Machine, size, reach float64) (*bixelKernel, error) {
	k := &bixelKernel{machine: m, stride: 2 * int(math.Ceil(size/2/finePixel-1e-9))}
	k.pixel = size / float64(k.stride)
	k.nodes = int(math.Ceil(reach/k.pixel)) + 2
	profile := bixelProfile(m.SourceSigma, k.stride, k.pixel)
	k.reach = k.nodes + len(profile)
	k.blur = mat.NewDense(k.nodes, k.reach, nil)
	for n := range k.nodes {
		for s, b := range profile {
			for _, at := range [2]int{n - s, n + s + 1} {
				at = max(at, -at)
				k.blur.Set(n, at, k.blur.At(n, at)+b)
			}
		}
	}

	// One basis serves all distances: the first, the middle and the last of
	// the table make it.
	var gram mat.SymDense
	last := len(m.Pencil.Lateral) - 1
	for i := range 3 {
		if i > 0 && last == 0 {
			break
		}
		if err := k.add(&gram, i*last/2); err != nil {
			return nil, err
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(&gram, true) {
		return nil, fmt.Errorf("dose: machine %q: the eigenvalues of the kernel of a bixel did not converge", m.Name)
	}
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	k.basis, k.blurred = mat.NewDense(k.nodes, beamlet.Rank, nil), &mat.Dense{}
	for r := range min(beamlet.Rank, k.nodes) {
		for n := range k.nodes {
			k.basis.Set(n, r, vectors.At(n, k.nodes-1-r))
		}
	}
	k.blurred.Mul(k.blur.T(), k.basis)
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

// table is the dose of one component beside a bixel, [node of x][node of y].
func (k *bixelKernel) table(w *machine.Radial) *mat.Dense {
	var once, twice mat.Dense
	once.Mul(k.blur, k.pixels(w))
	twice.Mul(k.blur, once.T())
	return &twice
}

// pixels is the integrals of w over pixels, [i][j] centred on i and j pixels
// from its axis.
func (k *bixelKernel) pixels(w *machine.Radial) *mat.SymDense {
	return mat.NewSymDense(k.reach, w.Pixels(k.reach, k.pixel))
}

// add adds Σ_d T_d·T_d, T_d the dose beside a bixel at depth d in units of that
// at its middle, for the kernels of one source–skin distance.
func (k *bixelKernel) add(gram *mat.SymDense, ssd int) error {
	lateral := k.machine.Pencil.Lateral[ssd]
	n := len(lateral)
	tables := make([]*mat.Dense, n)
	for c := range tables {
		tables[c] = k.table(&lateral[c])
	}
	weights := mat.NewSymDense(n, nil)
	row := make([]float64, n)
	for _, d := range bixelDepths {
		k.machine.Pencil.Depth.At(d, 1, row)
		var middle float64
		for c, v := range row {
			middle += v * tables[c].At(0, 0)
		}
		if middle > 0 { // else beyond the table
			weights.SymRankOne(weights, 1/(middle*middle), mat.NewVecDense(n, row))
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(weights, true) {
		return fmt.Errorf("dose: machine %q: the eigenvalues of its depth functions did not converge", k.machine.Name)
	}
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	values := eigen.Values(nil)
	if gram.IsEmpty() {
		gram.ReuseAsSym(k.nodes)
	}
	for v, value := range values {
		if value < 1e-14*values[n-1] {
			continue
		}
		sum := mat.NewDense(k.nodes, k.nodes, nil)
		for c, t := range tables {
			var part mat.Dense
			part.Scale(math.Sqrt(value)*vectors.At(c, v), t)
			sum.Add(sum, &part)
		}
		gram.SymRankK(gram, 1, sum)
	}
	return nil
}

// at is the functions of x and y for a beam of that source–skin distance (mm)
// on a lattice of nx × ny lines.
func (k *bixelKernel) at(ssd float64, nx, ny int) (p, q *beamlet.Functions) {
	lateral := k.machine.Pencil.At(ssd)
	p = k.functions(nx, 1, func(n, _, r int) float64 { return k.basis.At(n, r) })
	products := make([]mat.Dense, len(lateral))
	for c := range lateral {
		var once, core mat.Dense
		once.Mul(k.pixels(&lateral[c]), k.blurred)
		core.Mul(k.blurred.T(), &once)
		products[c].Mul(k.basis, &core)
	}
	q = k.functions(ny, len(lateral), func(n, c, r int) float64 { return products[c].At(n, r) })
	return p, q
}

// functions lays values out on both sides of 0, far enough for a number of
// lines, with zeros beyond the last node.
func (k *bixelKernel) functions(lines, components int, value func(n, c, r int) float64) *beamlet.Functions {
	half := k.nodes + (lines-1)*k.stride + 2
	f := &beamlet.Functions{
		First: -(float64(half) - 0.5) * k.pixel, PerMM: 1 / k.pixel, Stride: k.stride, Components: components,
		Node: make([]float32, 2*half*components*beamlet.Rank),
	}
	row := components * beamlet.Rank
	for n := range k.nodes {
		left, right := f.Node[(half-1-n)*row:], f.Node[(half+n)*row:]
		for c := range components {
			for r := range beamlet.Rank {
				v := float32(value(n, c, r))
				left[c*beamlet.Rank+r], right[c*beamlet.Rank+r] = v, v
			}
		}
	}
	return f
}
