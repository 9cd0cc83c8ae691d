// Package beamlet evaluates the dose of many bixels apart, for blocks of
// voxels, straight into sparse columns. A bixel at (X_i, Y_j) of a lattice gives
// a voxel that projects to (x, y) the dose
//
//	Σ_k A_k Σ_r P_r(x − X_i) Q_kr(y − Y_j)
//
// wherever (x − X_i)² + (y − Y_j)² ≤ Reach²: A_k belongs to the voxel (its depth
// and distance), P and Q are the low-rank form of the lateral kernels. Every
// level of vector instructions gives the same bits: products and sums are
// rounded one by one, in one order.
package beamlet

//go:generate go run -C ../gen ./beamlet -out ../beamlet/beamlet_amd64.s -stubs ../beamlet/beamlet_amd64.go -pkg beamlet

import "github.com/kerma-rt/kerma/internal/kernels/sparse"

const (
	// Lanes is the number of voxels of a Block.
	Lanes = 16
	// Rank is the number of functions P_r.
	Rank = 8
)

// Run is the voxels that consecutive values of a column belong to.
type Run = sparse.Run

// Lattice is where the bixels of one beam are.
type Lattice struct {
	X, Y   []float32 // the lines of the lattice, mm, evenly spaced
	Column []int32   // of the bixel at (X[i], Y[j]), at j·len(X)+i; −1: there is none
	Reach  float32   // mm
}

// Block is Lanes voxels that follow one another in memory.
type Block struct {
	First          int32  // index of the first
	Inside         uint16 // bit n: voxel n takes part
	I0, I1, J0, J1 int    // the lines I0 ≤ i < I1 and J0 ≤ j < J1 that any voxel may be in reach of
	X, Y           [Lanes]float32
}

// Column is how far one column has got. A column begins with the zero Value
// and Run, or where the values and runs of other voxels end, and with Start as
// its Last.
type Column struct {
	Value int64 // where its next value goes
	Limit int64 // where its values end
	Run   int64 // where its next run goes
	Last  Run   // the run before
}

// Start is the run before the first.
var Start = Run{First: -1, End: -1}

// Count moves every column on by the values and runs that b has for it. Limit
// does not count.
func Count(columns []Column, l *Lattice, b *Block) {
	if b.empty() {
		return
	}
	count(columns, l, b)
}

// Functions is Rank functions of one coordinate in a number of components,
// linear between nodes that divide the spacing of the lattice's lines evenly.
// They must reach over the whole lattice and Reach beyond it on both sides.
type Functions struct {
	First      float64 // the first node, mm
	PerMM      float64 // nodes
	Stride     int     // nodes from one line to the next
	Components int
	Node       []float32 // [node][component][Rank]
}

// Writer writes the values of one goroutine.
type Writer struct {
	Lattice *Lattice
	P, Q    *Functions // P of one component
	Columns []Column
	Value   []float32
	Run     []Run
	// Sums is Lanes numbers a column, which the values of it are added to: one
	// or another, by level.
	Sums []float32

	offset  [Lanes]int32
	weight  []float32
	rows    []float32 // [line][voxel][Rank]
	p, q    []float32 // [line][Rank][voxel]
	squares []float32 // [line][voxel]
}

// Add writes the values and runs of b. amplitude holds A_k, [voxel][component].
func (w *Writer) Add(b *Block, amplitude []float32) {
	if b.empty() || len(w.Value) == 0 { // lines near and no voxel in reach of any
		return
	}
	if w.p == nil {
		nx, ny := len(w.Lattice.X), len(w.Lattice.Y)
		w.rows = make([]float32, max(nx, ny)*Rank*Lanes)
		w.p, w.q = make([]float32, nx*Rank*Lanes), make([]float32, ny*Rank*Lanes)
		w.squares = make([]float32, nx*Lanes)
		w.weight = make([]float32, 2*Lanes*w.Q.Components)
	}
	for n, t := range w.place(w.P, b.X[:], w.Lattice.X, b.I0) {
		w.weight[2*n], w.weight[2*n+1] = 1-t, t
	}
	rows(w.p, w.rows, w.P, w.offset[:], w.weight, b.I1-b.I0)
	k := w.Q.Components
	for n, t := range w.place(w.Q, b.Y[:], w.Lattice.Y, b.J0) {
		for c, a := range amplitude[n*k : (n+1)*k] {
			w.weight[2*(n*k+c)], w.weight[2*(n*k+c)+1] = float32(a*(1-t)), float32(a*t)
		}
	}
	rows(w.q, w.rows, w.Q, w.offset[:], w.weight, b.J1-b.J0)
	w.values(b)
}

// place finds between which nodes of f each voxel lies, seen from one line. Too
// far out to be in reach of any line it takes the outermost nodes.
func (w *Writer) place(f *Functions, x, lines []float32, line int) (part [Lanes]float32) {
	row := f.Components * Rank
	last := len(f.Node)/row - 2
	origin := float64(lines[0]) + f.First
	lowest := (len(lines) - 1) * f.Stride // node of the first line whose last line's is node 0
	for n, x := range x {
		p := min(max((float64(x)-origin)*f.PerMM, float64(lowest)), float64(last)+0.999)
		i := int(p)
		part[n] = float32(p - float64(i))
		w.offset[n] = int32((i - line*f.Stride) * row)
	}
	return part
}

func (b *Block) empty() bool { return b.Inside == 0 || b.I0 >= b.I1 || b.J0 >= b.J1 }
