package gammasearch

import "math"

// twist bounds the second derivatives of t in the box in units of the
// distance criterion: the row sums (Gershgorin) of the matrix of
// |∂²t/∂a∂b|/(ka·kb), whose diagonal is zero since t is linear in each axis.
func (s *Search) twist(c *cell, b *box) vec {
	xy := max(math.Abs(c.cxy+c.cxyz*b.low.z), math.Abs(c.cxy+c.cxyz*b.high.z)) * s.ik.z
	xz := max(math.Abs(c.cxz+c.cxyz*b.low.y), math.Abs(c.cxz+c.cxyz*b.high.y)) * s.ik.y
	yz := max(math.Abs(c.cyz+c.cxyz*b.low.x), math.Abs(c.cyz+c.cxyz*b.high.x)) * s.ik.x
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
