// Command gammasearch writes the vector kernels of package gammasearch.
//
// Their reference is point in its generic.go, and settle, bound and newton
// that it calls: the functions here have the same names and formulas.
package main

import . "github.com/mmcloughlin/avo/build"

// It does not compile when the rows do not fit the group.
var _ [rows - used]struct{}

func main() {
	ConstraintExpr("!purego")
	for _, wide := range []bool{false, true} {
		spans(wide)
		for _, scattered := range []bool{false, true} {
			search(wide, scattered)
		}
		settleCells(wide)
	}
	Generate()
}

// The layout of a group: rows of eight float64, then the indices of spans and
// cells, the steps between corners and the points found.
const (
	rows     = 120
	spanAt   = rows * 64
	cellAt   = spanAt + 32
	stepAt   = cellAt + 32
	firstAt  = stepAt + 24
	queuedAt = firstAt + 8
	bitsAt   = queuedAt + 8

	slots     = 32
	slotRows  = 13
	slotPoint = slotRows * 64
	slotCell  = slotPoint + 32
	slotSize  = slotCell + 32
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
	relX // the place of the cell at hand
	relY
	relZ
	overflow

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
	magnitude
	ikX
	ikY
	ikZ
	third

	// Cell: coefficients of t, the point's place in it.
	c
	cx
	cy
	cz
	cxy
	cxz
	cyz
	cxyz
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

	// The part of the cell that is near enough.
	lowX
	lowY
	lowZ
	highX
	highY
	highZ

	reachX // how far from the point something better can lie
	reachY
	reachZ
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
	used = maskFirst + 5
)
