package benchmarks_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kerma-rt/kerma/benchmarks"
	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/gamma"
)

func TestCollapsedConeAgainstMonteCarlo(t *testing.T) {
	engine := dose.CollapsedCone{}
	if s := os.Getenv("DIRECTIONS"); s != "" {
		engine.Directions, _ = strconv.Atoi(s)
	}
	for _, name := range benchmarks.Names() {
		if s := os.Getenv("CASES"); s != "" && !strings.Contains(s, name) {
			continue
		}
		c, err := benchmarks.Named(name)
		require.NoError(t, err)
		request, err := c.Request()
		require.NoError(t, err)
		began := time.Now()
		got, err := engine.Compute(context.Background(), request)
		require.NoError(t, err)
		seconds := time.Since(began).Seconds()
		reference, evaluated := c.Scored(c.Dose), c.Scored(got.Dose)
		line := fmt.Sprintf("%s %.1f s:", name, seconds)
		for _, criteria := range [][2]float64{{3, 3}, {2, 2}, {1, 1}} {
			g, err := gamma.Compute(context.Background(), reference, evaluated, gamma.Criteria{
				DosePercent: criteria[0], Distance: criteria[1], CutoffPercent: 10, StopOncePassed: true,
			})
			require.NoError(t, err)
			line += fmt.Sprintf(" %g/%g %.2f %%", criteria[0], criteria[1], g.PassRate)
		}
		want, have := c.OnAxis(c.Dose), c.OnAxis(got.Dose)
		var axis []string
		for k := range want {
			if k%4 == 0 || k < 6 {
				axis = append(axis, fmt.Sprintf("%.0f:%.3f", c.Depth(k), have[k]/want[k]))
			}
		}
		fmt.Println(line)
		fmt.Println("   ", strings.Join(axis, " "))
		_ = math.Pi
	}
}
