package gammasearch

import "math"

// twist bounds the second derivatives of t in the box in units of the
// distance criterion: the row sums (Gershgorin) of the matrix of
// |∂²t/∂a∂b|/(ka·kb), whose diagonal is zero since t is linear in each axis.
func (s *Search) twist(c *cell, b *box, u vec) vec {
	mixed := func(linear, low, u, high float64) float64 {
		return max(math.Abs(linear+c.cxyz*(u+(low-u)/3)), math.Abs(linear+c.cxyz*(u+(high-u)/3)))
	}
	xy := mixed(c.cxy, b.low.z, u.z, b.high.z) * s.ik.z
	xz := mixed(c.cxz, b.low.y, u.y, b.high.y) * s.ik.y
	yz := mixed(c.cyz, b.low.x, u.x, b.high.x) * s.ik.x
	return vec{xy + xz, xy + yz, xz + yz}
}

// bound is a proven lower bound of γ² in the box, from t and its gradient g at
// one place u of it. For any λ, t² ≥ 2λt − λ², so with o = u − r
//
//	γ²(u+d) ≥ |o + d|² + 2λ t(u+d) − λ²
//	        ≥ 2λt − λ² + Σ ka²oa² + Σ [ 2(ka²oa + λ ga) da + (1 − |λ|·twist_a) ka² da² ]
//
// and each term of the last sum has its least value in the box in closed form.
// With λ = t(u) and u a minimum of γ² in the box the bound is γ²(u) itself
// wherever |λ|·twist ≤ 1: then that minimum is the only one.
func (s *Search) bound(c *cell, b *box, u vec, t float64, g vec, lambda float64, twist vec) float64 {
	x, y, z := s.k2.x*(u.x-c.r.x), s.k2.y*(u.y-c.r.y), s.k2.z*(u.z-c.r.z)
	least := lambda*(2*t-lambda) + x*(u.x-c.r.x) + y*(u.y-c.r.y) + z*(u.z-c.r.z)
	size := math.Abs(lambda)
	return least +
		leastOf(x+lambda*g.x, s.k2.x*(1-size*twist.x), b.low.x-u.x, b.high.x-u.x) +
		leastOf(y+lambda*g.y, s.k2.y*(1-size*twist.y), b.low.y-u.y, b.high.y-u.y) +
		leastOf(z+lambda*g.z, s.k2.z*(1-size*twist.z), b.low.z-u.z, b.high.z-u.z)
}

// leastOf is the least value of 2p·d + q·d² between low and high.
func leastOf(p, q, low, high float64) float64 {
	if q > 0 {
		d := clamp(-p/q, low, high)
		return d * (2*p + q*d)
	}
	return min(low*(2*p+q*low), high*(2*p+q*high))
}

// tangent is a proven lower bound of γ² in the box, which is what its tangent
// plane at u is there, if γ² is convex in the box; else minus infinity. In
// units of the distance criterion half the matrix of second derivatives is
//
//	M = 1 + g·gᵀ + t·H
//
// with the matrix H of mixed derivatives of t; γ² is convex where M at u,
// less the most that it can change within the box, is positive definite.
func (s *Search) tangent(c *cell, b *box, u vec, t float64, g vec) float64 {
	dx := s.k.x * max(u.x-b.low.x, b.high.x-u.x)
	dy := s.k.y * max(u.y-b.low.y, b.high.y-u.y)
	dz := s.k.z * max(u.z-b.low.z, b.high.z-u.z)
	xy, xz, yz := (c.cxy+c.cxyz*u.z)*s.ik.z, (c.cxz+c.cxyz*u.y)*s.ik.y, (c.cyz+c.cxyz*u.x)*s.ik.x
	xyz := math.Abs(c.cxyz) / (s.k.x * s.k.y * s.k.z)
	g = vec{g.x / s.k.x, g.y / s.k.y, g.z / s.k.z}

	// The most that H (by its row sums), g and t change.
	h := xyz * max(dx+dy, dx+dz, dy+dz)
	gx := math.Abs(xy)*dy + math.Abs(xz)*dz + xyz*dy*dz
	gy := math.Abs(xy)*dx + math.Abs(yz)*dz + xyz*dx*dz
	gz := math.Abs(xz)*dx + math.Abs(yz)*dy + xyz*dx*dy
	dg := math.Sqrt(gx*gx + gy*gy + gz*gz)
	dt := math.Abs(g.x)*dx + math.Abs(g.y)*dy + math.Abs(g.z)*dz +
		math.Abs(xy)*dx*dy + math.Abs(xz)*dx*dz + math.Abs(yz)*dy*dz + xyz*dx*dy*dz
	row := max(math.Abs(xy)+math.Abs(xz), math.Abs(xy)+math.Abs(yz), math.Abs(xz)+math.Abs(yz))
	change := dg*(2*math.Sqrt(g.x*g.x+g.y*g.y+g.z*g.z)+dg) + dt*row + (math.Abs(t)+dt)*h

	m := hessian{
		xx: 1 + g.x*g.x - change, yy: 1 + g.y*g.y - change, zz: 1 + g.z*g.z - change,
		xy: g.x*g.y + t*xy, xz: g.x*g.z + t*xz, yz: g.y*g.z + t*yz,
	}
	if _, ok := m.solve(vec{}); !ok || m.xx <= definite {
		return math.Inf(-1)
	}
	px, py, pz := s.k2.x*(u.x-c.r.x)+t*g.x*s.k.x, s.k2.y*(u.y-c.r.y)+t*g.y*s.k.y, s.k2.z*(u.z-c.r.z)+t*g.z*s.k.z
	return s.distance2(c, u) + t*t +
		2*(min(px*(b.low.x-u.x), px*(b.high.x-u.x))+min(py*(b.low.y-u.y), py*(b.high.y-u.y))+min(pz*(b.low.z-u.z), pz*(b.high.z-u.z)))
}
