package page

import (
	"fmt"
	"math"
)

// Palette is that of Okabe and Ito, made for the colour-blind, without black.
var Palette = [][3]uint8{
	{0, 114, 178}, {213, 94, 0}, {0, 158, 115}, {204, 121, 167}, {86, 180, 233}, {230, 159, 0}, {240, 228, 66},
}

// Dashes tell curves of the same colour apart.
var Dashes = [][]int{nil, {8, 4}, {2, 3}, {10, 3, 2, 3}}

// The grounds that curves are drawn on; page.css has the same.
var (
	LightGround = [3]uint8{255, 255, 255}
	DarkGround  = [3]uint8{23, 29, 37}
)

// Legible is the colour, moved towards black or white only as far as needed
// for a contrast of 3 : 1 with the ground (WCAG 2.2, 1.4.11).
func Legible(c [3]uint8, dark bool) string {
	ground, toward := LightGround, 0.0
	if dark {
		ground, toward = DarkGround, 255.0
	}
	var mixed [3]uint8
	for n := range 21 {
		t := float64(n) / 20
		for a := range 3 {
			mixed[a] = uint8(math.Round(float64(c[a])*(1-t) + toward*t))
		}
		if contrast(mixed, ground) >= 3 {
			break
		}
	}
	return Hex(mixed[0], mixed[1], mixed[2])
}

// Hex is a colour as a style sheet has it.
func Hex(r, g, b uint8) string { return fmt.Sprintf("#%02x%02x%02x", r, g, b) }

// contrast is the ratio of relative luminances of WCAG.
func contrast(a, b [3]uint8) float64 {
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func luminance(c [3]uint8) float64 {
	sum := 0.0
	for a, weight := range [3]float64{0.2126, 0.7152, 0.0722} {
		v := float64(c[a]) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		sum += weight * v
	}
	return sum
}
