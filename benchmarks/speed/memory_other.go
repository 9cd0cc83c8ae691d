//go:build !linux

package speed

import "math"

// Elsewhere the memory of a job is not measured.
func resetPeak() bool { return false }

func peak() float64 { return math.NaN() }

func resident() float64 { return math.NaN() }
