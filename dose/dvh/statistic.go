package dvh

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ErrStatistic is wrapped by errors about a figure that is not one, or that the
// structure does not have.
var ErrStatistic = errors.New("dvh: no such statistic")

// Statistic is a figure by the name physicists give it, and its unit:
//
//	Dmin, Dmean, Dmax          dose in Gy
//	D95, D95%                  dose that 95 % of the volume receives at least, Gy
//	D2cc, D0.03cc, D2cm3       dose that 2 cm³ receive at least, Gy
//	V20Gy, V20Gy%              volume that receives at least 20 Gy, percent
//	V20Gycc, V20Gycm3          the same in cm³
//	volume                     of the whole structure, cm³
//
// Case does not matter. It fails with ErrStatistic for another name ("V95" needs
// a prescribed dose, which a histogram does not know), for a volume that the
// structure does not have, and when the histogram is empty.
func (h *Histogram) Statistic(name string) (value float64, unit string, err error) {
	fail := func(why string) (float64, string, error) {
		return math.NaN(), "", fmt.Errorf("%w: %q of structure %q: %s", ErrStatistic, name, h.Structure, why)
	}
	s := strings.ToLower(strings.TrimSpace(name))
	if s == "volume" {
		return h.Volume, "cm3", nil
	}
	if h.Err != nil {
		return fail(h.Err.Error())
	}
	if h.Empty() {
		return fail("no volume inside the dose grid")
	}
	switch s {
	case "dmin":
		return h.Min(), "Gy", nil
	case "dmean":
		return h.Mean(), "Gy", nil
	case "dmax":
		return h.Max(), "Gy", nil
	}
	if len(s) < 2 {
		return fail("neither a dose (D95, D2cc) nor a volume (V20Gy)")
	}
	end := strings.IndexFunc(s[1:], func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	digits, suffix := s[1:], ""
	if end >= 0 {
		digits, suffix = s[1:1+end], s[1+end:]
	}
	x, bad := strconv.ParseFloat(digits, 64)
	if bad != nil || math.IsInf(x, 0) {
		return fail("neither a dose (D95, D2cc) nor a volume (V20Gy)")
	}
	switch s[:1] + suffix {
	case "d", "d%":
		if x > 100 {
			return fail("more than 100 %")
		}
		return h.DoseAt(x), "Gy", nil
	case "dcc", "dcm3":
		if x > h.Inside() {
			return fail(fmt.Sprintf("only %.4g cm³ have a dose", h.Inside()))
		}
		return h.DoseAtVolume(x), "Gy", nil
	case "vgy", "vgy%":
		return h.PercentAt(x), "%", nil
	case "vgycc", "vgycm3":
		return h.VolumeAt(x), "cm3", nil
	case "v", "v%":
		return fail("needs a prescribed dose; ask for a dose in Gy, as V20Gy")
	}
	return fail("neither a dose (D95, D2cc) nor a volume (V20Gy)")
}
