package page

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCurvesAreLegibleOnLightAndDark(t *testing.T) {
	for _, c := range append([][3]uint8{{255, 255, 0}, {0, 0, 1}, {255, 255, 255}, {0, 255, 0}, {0, 0, 160}, {23, 29, 37}}, Palette...) {
		for _, dark := range []bool{false, true} {
			ground := LightGround
			if dark {
				ground = DarkGround
			}
			var got [3]uint8
			for a, text := range []string{Legible(c, dark)[1:3], Legible(c, dark)[3:5], Legible(c, dark)[5:7]} {
				got[a] = uint8(strings.Index("0123456789abcdef", text[:1])<<4 | strings.Index("0123456789abcdef", text[1:]))
			}
			assert.GreaterOrEqual(t, contrast(got, ground), 3.0, "%v dark %v: %v", c, dark, got)
		}
	}
	assert.Equal(t, "#ff0000", Legible([3]uint8{255, 0, 0}, false), "a legible colour is kept")
}
