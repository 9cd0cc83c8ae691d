// Command gammasearch writes the vector kernels of package gammasearch.
//
// Their reference is point in its generic.go, and settle, bound and newton
// that it calls: the functions here have the same names and formulas.
package main

import . "github.com/mmcloughlin/avo/build"

func main() {
	ConstraintExpr("!purego")
	for _, wide := range []bool{false, true} {
		spans(wide)
		for _, scattered := range []bool{false, true} {
			search(wide, scattered)
		}
	}
	Generate()
}

// The layout of a group: rows of eight float64, then the indices of spans and
// cells, the steps between corners and the points found.
const (
	rows    = 120
	spanAt  = rows * 64
	cellAt  = spanAt + 32
	stepAt  = cellAt + 32
	foundAt = stepAt + 24
)

// Rows, as in the group, and what the kernels keep to themselves.
const (
	fx = iota
	fy
	fz
	dose
	scale
	best
	x
	y
	z
	lambda
	open

	k2x
	k2y
	k2z
	ik2x
	ik2y
	ik2z
	ikx
	iky
	ikz
	wx
	wy
	wz
	mx
	my
	mz
	minusMX
	minusMY
	minusMZ
	spanY
	spanZ
	cellY
	cellZ
	stop
	limit
	keep
	drop
	one
	definite
	quarter
	none
	several
	magnitude

	// Cell: coefficients of t, its place, the point's place in it.
	c
	cx
	cy
	cz
	cxy
	cxz
	cyz
	cxyz
	relX
	relY
	relZ
	rx
	ry
	rz

	// The place u in the cell, t and its gradient there, γ².
	ux
	uy
	uz
	t
	gx
	gy
	gz
	gamma2

	cut // what a lower bound must reach
	twistX
	twistY
	twistZ
	convex

	// Newton: slope, Hessian, and its mixed terms by Gauss–Newton.
	px
	py
	pz
	hxx
	hyy
	hzz
	hxy
	hxz
	hyz
	nxy
	nxz
	nyz

	// The step, then the place it leads to.
	stepX
	stepY
	stepZ

	settled // int32
	apartAt // int32, of the cell that was predicted
	// Masks, where they have no registers of their own.
	maskFirst
)
