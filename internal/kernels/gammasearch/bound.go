package gammasearch

import "math"

// twist bounds the second derivatives of t in the box in units of the
// distance criterion: the largest row sum (Gershgorin) of the matrix of
// |∂²t/∂a∂b|/(ka·kb), whose diagonal is zero since t is linear in each axis.
func (s *Search) twist(c *cell, b *box) float64 {
	xy := max(math.Abs(c.cxy+c.cxyz*b.low.z), math.Abs(c.cxy+c.cxyz*b.high.z)) * s.ik.z
	xz := max(math.Abs(c.cxz+c.cxyz*b.low.y), math.Abs(c.cxz+c.cxyz*b.high.y)) * s.ik.y
	yz := max(math.Abs(c.cyz+c.cxyz*b.low.x), math.Abs(c.cyz+c.cxyz*b.high.x)) * s.ik.x
	return xy + xz + yz - min(xy, xz, yz)
}

// bound is a proven lower bound of γ² in the box, from t and its gradient g at
// one place u of it. For any λ, t² ≥ 2λt − λ², so with o = u − r
//
//	γ²(u+d) ≥ |o + d|² + 2λ t(u+d) − λ²
//	        ≥ 2λt − λ² + Σ ka²oa² + Σ [ 2(ka²oa + λ ga) da + (1 − |λ|·twist) ka² da² ]
//
// and each term of the last sum has its least value in the box in closed form.
// With λ = t(u) and u a minimum of γ² in the box the bound is γ²(u) itself
// wherever |λ|·twist ≤ 1: then that minimum is the only one.
func (s *Search) bound(c *cell, b *box, u vec, t float64, g vec, lambda, twist float64) float64 {
	mu := 1 - math.Abs(lambda)*twist
	x, y, z := s.k2.x*(u.x-c.r.x), s.k2.y*(u.y-c.r.y), s.k2.z*(u.z-c.r.z)
	least := lambda*(2*t-lambda) + x*(u.x-c.r.x) + y*(u.y-c.r.y) + z*(u.z-c.r.z)
	x, y, z = x+lambda*g.x, y+lambda*g.y, z+lambda*g.z
	if mu > 0 {
		inv := 1 / mu
		d := clamp(-x*inv*s.ik2.x, b.low.x-u.x, b.high.x-u.x)
		least += d * (2*x + mu*s.k2.x*d)
		d = clamp(-y*inv*s.ik2.y, b.low.y-u.y, b.high.y-u.y)
		least += d * (2*y + mu*s.k2.y*d)
		d = clamp(-z*inv*s.ik2.z, b.low.z-u.z, b.high.z-u.z)
		return least + d*(2*z+mu*s.k2.z*d)
	}
	return least +
		lowerEnd(2*x, mu*s.k2.x, b.low.x-u.x, b.high.x-u.x) +
		lowerEnd(2*y, mu*s.k2.y, b.low.y-u.y, b.high.y-u.y) +
		lowerEnd(2*z, mu*s.k2.z, b.low.z-u.z, b.high.z-u.z)
}

// lowerEnd is the least value of p·d + q·d², q ≤ 0, between low and high.
func lowerEnd(p, q, low, high float64) float64 {
	return min(low*(p+q*low), high*(p+q*high))
}
