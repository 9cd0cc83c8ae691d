// Package gammasearch finds the exact minimum of the gamma function over a
// dose lattice that is interpolated linearly along each axis.
//
// With every length in units of the distance criterion and every dose in units
// of the dose criterion, the squared gamma of a point r with dose D is
//
//	γ² = min over x of  |x − r|² + t(x)²,   t(x) = (E(x) − D) / ΔD
//
// where E is the trilinear interpolant. The minimum is found cell by cell:
// a cell is passed over when its distance and its range of dose alone make it
// worse than the best point so far; what remains is minimised by a projected
// Newton iteration and left only with proof that nothing below the best, less
// a relative tolerance, is hidden in it (see bound.go).
//
// Points go through this side by side (see row.go): first the cell that the
// gradient leads to, then one look at each neighbour, which settles most;
// the others are put off until there are enough of them to be minimised side by
// side; and the few cells that resist are cut up one at a time (see
// minimise.go).
package gammasearch

import "math"

//go:generate go run -C ../gen ./gammasearch -out ../gammasearch/gammasearch_amd64.s -stubs ../gammasearch/gammasearch_amd64.go -pkg gammasearch

const (
	// tolerance is how far, relative to γ², the result may lie above the true
	// minimum.
	tolerance = 1e-7
	// nothing is a γ² that counts as zero.
	nothing = 1e-16
	// progress is by which part a Newton step must lower γ² to count as one.
	progress = 1e-12
	// definite is the least ratio of a pivot to the diagonal that makes a
	// matrix positive definite.
	definite = 1e-9
)

// Search looks for the minimum around one point after another on one Field.
// It holds scratch space, so each goroutine needs its own.
type Search struct {
	field *Field
	// k is the lattice spacing in units of the distance criterion; the rest
	// are powers of it that the inner loop needs.
	k, k2, ik2 vec
	ik         vec // 1/(ky·kz), 1/(kx·kz), 1/(kx·ky)
	stop       float64

	// For points side by side (see row.go).
	group *group
	put   []slot  // what is put off
	alone []int32 // points of the row that were searched for by themselves after all

	rank  [3][]rank
	queue []candidate
	boxes []box

	// Unproven counts the points for which a cell could not be settled within
	// the budget of boxes: their γ² is only an upper bound.
	Unproven int

	cell  cell
	width vec // of a cell: 1, or 0 across an axis of one value

	// The point under search and the best place found for it.
	r          vec     // continuous index
	dose       float64 // D
	scale      float64 // 1/ΔD
	best       float64 // γ² at x
	x          vec     // continuous index
	multiplier float64 // t at x, a good λ for the bound of other cells
	settled    [3]int  // the cell that has been minimised already
	proven     bool
}

// rank is one layer of cells across an axis and its squared distance from the
// point; layers are ranked by distance.
type rank struct {
	cell int
	d2   float64
}

// candidate is a cell that may hold the minimum and the least that γ² can be
// in it.
type candidate struct {
	cell  [3]int
	least float64
}

// New returns a search on a field that ends early at a γ of enough or less
// (zero: never).
func New(field *Field, enough float64) *Search {
	s := &Search{field: field, k: field.k}
	k := s.k
	s.k2 = vec{k.x * k.x, k.y * k.y, k.z * k.z}
	s.ik2 = vec{1 / s.k2.x, 1 / s.k2.y, 1 / s.k2.z}
	s.ik = vec{1 / (k.y * k.z), 1 / (k.x * k.z), 1 / (k.x * k.y)}
	s.width = vec{float64(min(field.step[0], 1)), float64(min(field.step[1], 1)), float64(min(field.step[2], 1))}
	s.stop = math.Max(enough*enough, nothing)
	if field.grouped() {
		s.group, s.put = s.newGroup(), make([]slot, slots)
	}
	return s
}

// Minimum returns γ² of a point at a continuous index of the lattice, with the
// given dose and the reciprocal of its dose criterion. It is at most the
// square of maxGamma (but for rounding). Found is false when no cell with
// data lies within maxGamma.
func (s *Search) Minimum(index [3]float64, dose, scale float64) (gamma2 float64, found bool) {
	f := s.field
	s.r = vec{index[0], index[1], index[2]}
	s.dose, s.scale = dose, scale
	s.best, s.x, s.multiplier = s.field.limit, s.r, 0
	s.proven = true
	defer s.count()

	home := [3]int{f.layer(0, s.r.x), f.layer(1, s.r.y), f.layer(2, s.r.z)}
	s.settled = s.predict(home)
	if s.best <= s.stop {
		return s.best, true
	}
	s.rankLayers(0, home[0], s.r.x, s.k2.x)
	s.rankLayers(1, home[1], s.r.y, s.k2.y)
	s.rankLayers(2, home[2], s.r.z, s.k2.z)

	// Shell n holds the cells whose farthest rank is n; the nearest eight
	// cells go together, since a point on a lattice node touches all of them.
	for n := 1; ; n++ {
		if s.collect(n) {
			found = true
		}
		for s.next() {
			if s.best <= s.stop {
				return s.best, true
			}
		}
		if s.beyond(n+1) >= s.best {
			return s.best, found
		}
	}
}

func (s *Search) count() {
	if !s.proven {
		s.Unproven++
	}
}

// predict takes the point itself, where the lattice covers it, as the first
// guess and from there the Gauss–Newton step to the second, which is the
// minimum already where the dose is linear. It returns the cell it came to, or
// a cell outside the lattice.
func (s *Search) predict(home [3]int) [3]int {
	f := s.field
	outside := [3]int{-1, -1, -1}
	if !f.inside(s.r) || !f.holds(home) {
		return outside
	}
	s.load(f.corner(home), origin(home))
	t, g := s.cell.value(s.cell.r)
	if t*t < s.best {
		s.best, s.multiplier = t*t, t
	}
	d := vec{g.x * s.ik2.x, g.y * s.ik2.y, g.z * s.ik2.z}
	step := -t / (1 + g.x*d.x + g.y*d.y + g.z*d.z)
	x := vec{s.r.x + step*d.x, s.r.y + step*d.y, s.r.z + step*d.z}
	at := [3]int{f.layer(0, x.x), f.layer(1, x.y), f.layer(2, x.z)}
	if !f.holds(at) {
		return outside
	}
	s.minimise(f.corner(at), origin(at), x)
	return at
}

// rankLayers lists the layers of cells across axis a that are nearer than the
// best, nearest first.
func (s *Search) rankLayers(a, home int, r, k2 float64) {
	layers := s.rank[a][:0]
	first, last := s.field.low[a], s.field.high[a]-1
	width := 1.0
	if s.field.size[a] == 1 {
		width = 0
	}
	d := max(0, float64(home)-r, r-float64(home)-width)
	layers = append(layers, rank{home, d * d * k2})
	low, high := home-1, home+1
	for {
		dl, dh := math.Inf(1), math.Inf(1)
		if low >= first {
			dl = r - float64(low) - 1
		}
		if high <= last {
			dh = float64(high) - r
		}
		next := rank{low, dl * dl * k2}
		if dh < dl {
			next = rank{high, dh * dh * k2}
		}
		if !(next.d2 < s.best) {
			break
		}
		layers = append(layers, next)
		if dh < dl {
			high++
		} else {
			low--
		}
	}
	s.rank[a] = layers
}

// beyond is the least squared distance of any cell with a rank of n or more.
func (s *Search) beyond(n int) float64 {
	least := math.Inf(1)
	for a := range 3 {
		if n < len(s.rank[a]) {
			least = min(least, s.rank[a][n].d2)
		}
	}
	return least
}

// collect queues the cells of shell n that may hold something better than the
// best, and reports whether any cell of the shell within reach has data.
func (s *Search) collect(n int) (found bool) {
	f := s.field
	s.queue = s.queue[:0]
	enough := s.enough()
	xs, ys, zs := s.rank[0], s.rank[1], s.rank[2]
	for iz := 0; iz <= n && iz < len(zs); iz++ {
		z := zs[iz]
		if z.d2 >= s.best {
			break
		}
		for iy := 0; iy <= n && iy < len(ys); iy++ {
			y := ys[iy]
			yz := y.d2 + z.d2
			if yz >= s.best {
				break
			}
			ix := n
			if n == 1 || iy == n || iz == n {
				ix = 0
			}
			row := f.row(y.cell, z.cell)
			for ; ix <= n && ix < len(xs); ix++ {
				x := xs[ix]
				least := x.d2 + yz
				if least >= s.best {
					break
				}
				low, high := f.least[row+x.cell], f.most[row+x.cell]
				if !(low <= high) {
					continue
				}
				found = true
				gap := 0.0
				if d := float64(low) - s.dose; d > 0 {
					gap = d * s.scale
				} else if d := s.dose - float64(high); d > 0 {
					gap = d * s.scale
				}
				least += gap * gap
				if least < enough && (x.cell != s.settled[0] || y.cell != s.settled[1] || z.cell != s.settled[2]) {
					s.queue = append(s.queue, candidate{[3]int{x.cell, y.cell, z.cell}, least})
				}
			}
		}
	}
	return found
}

// enough is the γ² below which a lower bound leaves something to gain.
func (s *Search) enough() float64 { return s.best * (1 - tolerance) }

// next minimises the most promising queued cell. It returns false when none
// is left that could be better than the best.
func (s *Search) next() bool {
	if len(s.queue) == 0 {
		return false
	}
	first := 0
	for i := range s.queue {
		if s.queue[i].least < s.queue[first].least {
			first = i
		}
	}
	c := s.queue[first]
	if c.least >= s.enough() {
		return false
	}
	last := len(s.queue) - 1
	s.queue[first] = s.queue[last]
	s.queue = s.queue[:last]
	s.minimise(s.field.corner(c.cell), origin(c.cell), s.x)
	return true
}
