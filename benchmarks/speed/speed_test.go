package speed

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kerma-rt/kerma/benchmarks"
	"github.com/kerma-rt/kerma/internal/kernels/limits"
	"github.com/kerma-rt/kerma/internal/kernels/simd"
)

func TestUnknownJobsAreRefusedAndGroupsAreNot(t *testing.T) {
	for _, good := range [][]string{nil, {"gamma"}, {"gamma-3-3", "field"}, {Kernels}, {Limits, Growth}} {
		assert.NoError(t, Options{Jobs: good}.Check(), "%v", good)
	}
	for _, bad := range []string{"", "gam", "gamma-", "gamma-1-1", "all"} {
		assert.ErrorIs(t, Options{Jobs: []string{"dvh", bad}}.Check(), ErrJob, bad)
		_, err := Run(t.Context(), Options{Jobs: []string{bad}})
		assert.ErrorIs(t, err, ErrJob)
	}
}

func TestThreadsGrowToAll(t *testing.T) {
	assert.Equal(t, []int{1}, Options{Threads: 1}.counts())
	assert.Equal(t, []int{1, 2}, Options{Threads: 2}.counts())
	assert.Equal(t, []int{1, 2, 4, 6}, Options{Threads: 6}.counts())
}

func TestAJobIsRepeatedAndItsWorkIsSeenInTheFigures(t *testing.T) {
	calls := 0
	var held []byte
	r := run{units: 10, unit: "things", do: func(context.Context) (func() string, error) {
		calls++
		held = make([]byte, 64<<20)
		for i := range held {
			held[i] = byte(i * i)
		}
		return func() string { return "done" }, nil
	}}
	got, err := measure(t.Context(), r, 1, 7)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, got.Repetitions, 7)
	assert.Equal(t, calls, got.Repetitions+1, "and one that warms the memory")
	assert.Greater(t, float64(got.Wall), 1e-4)
	assert.LessOrEqual(t, got.Fastest, got.Wall)
	assert.Equal(t, "done", got.Result)
	if p := float64(got.Peak); p == p { // where the system tells
		assert.Greater(t, p-float64(got.Before), float64(60<<20), "the work holds 64 MiB")
		assert.Less(t, p-float64(got.Before), float64(200<<20))
	}
	if c := float64(got.CPU()); c == c {
		assert.Greater(t, c, 1e-4)
	}

	failure := errors.New("broken")
	_, err = measure(t.Context(), run{do: func(context.Context) (func() string, error) { return nil, failure }}, 1, 5)
	assert.ErrorIs(t, err, failure)
}

// Reference: the pair that other programs were timed on has 866,932 points above
// 10 % of its maximum; this one, made from its description, comes near.
func TestPairIsAsLargeAsThatOfThePeers(t *testing.T) {
	if testing.Short() {
		t.Skip("makes two doses of 6 million voxels")
	}
	r, err := compared(t.Context(), pairSize, 3, 3, 0)
	require.NoError(t, err)
	t.Logf("%.0f points", r.units)
	assert.InEpsilon(t, 866932, r.units, 0.02)
}

func TestEveryJobOfASmallSizeAnswers(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the engines")
	}
	o := Options{Threads: 2}
	for _, c := range curves {
		r, size, err := c.prepare(t.Context(), o, c.at[0])
		require.NoError(t, err, c.job)
		assert.Greater(t, size, 0.0)
		words, err := r.do(t.Context())
		require.NoError(t, err, c.job)
		t.Logf("%s, %g %s: %s", c.job, size, c.by, words())
	}
	r, err := histograms(t.Context(), o, 1)
	require.NoError(t, err)
	words, err := r.do(t.Context())
	require.NoError(t, err)
	assert.Contains(t, words(), "OuterTarget")
	assert.Equal(t, 3.0, r.units)
	_, err = histograms(t.Context(), Options{Judged: t.TempDir()}, 1)
	assert.Error(t, err)
}

func TestEveryKernelRunsOnEveryLevel(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some hundred MB")
	}
	for _, k := range kernels {
		call, units, err := k.prepare(t.Context())
		require.NoError(t, err, k.name)
		assert.Greater(t, units, 1e5, k.name)
		for _, level := range simd.Available() {
			restore := simd.Set(level)
			assert.NoError(t, call(), "%s, %v", k.name, level)
			restore()
		}
		seconds, what := k.least(limits.Limits{FMA: 1e11, L1: 1e11, L2: 1e11, Read: 1e10, Fill: 1e10, Copy: 1e10, Triad: 1e10, Gather: 1e9, GatherPairs: 1e9})
		assert.Greater(t, seconds, 1e-11, k.name)
		assert.Less(t, seconds, 1e-7, k.name)
		assert.NotEmpty(t, what)
	}
}

func TestStopsWhenAsked(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Run(cancelled, Options{Jobs: []string{"dvh"}})
	assert.ErrorIs(t, err, context.Canceled)
}

func example() *Report {
	return &Report{
		Version: "1.2.3", Go: "go1", System: "here", CPU: "a <CPU>", SIMD: "avx2", Threads: 2,
		Limits: []limits.Limits{{Level: "avx2", Threads: 1, FMA: 100e9, Gather: 2e9, GatherPairs: 2e9}, {Level: "avx2", Threads: 2, FMA: 200e9, Gather: 4e9, GatherPairs: 4e9}},
		Jobs: []*Timing{
			{Job: "dvh", What: "x | y", Threads: 1, Wall: 3, User: 2.5, System: 0.25, Units: 1e6, Unit: "things", Peak: 5e6},
			{Job: "dvh", What: "x | y", Threads: 2, Wall: 2, User: 2.5, System: 0.25, Units: 1e6, Unit: "things", Peak: nan},
		},
		Kernels: []Kernel{{Kernel: "cones", SIMD: "avx2", Unit: "voxel", NS: 2, LimitNS: 1, Limit: "FMA", Fraction: 0.5}},
		Curves:  []Curve{{Job: "gamma", By: "points", Points: []Point{{Size: 1e5, Wall: 0.2, CPU: 0.3, Peak: nan}, {Size: 1e6, Wall: 2, CPU: nan, Peak: 1e6}}}},
	}
}

var nan = benchmarks.Figure(math.NaN())

func TestReportIsWrittenInEveryForm(t *testing.T) {
	r := example()
	var text, page, document bytes.Buffer
	require.NoError(t, r.WriteTable(&text))
	assert.Regexp(t, `dvh +x \| y +2 +2 s +2.5 s +250 ms +– .* 2 µs +things +1\.50`, text.String())
	require.NoError(t, r.WriteMarkdown(&document, "plots"))
	assert.Contains(t, document.String(), `x \| y`)
	assert.Contains(t, document.String(), "](plots/growth-1.svg)")
	require.NoError(t, r.WriteHTML(&page))
	assert.Contains(t, page.String(), "a &lt;CPU&gt;")
	assert.NotContains(t, page.String(), "<CPU>")
	data, err := json.Marshal(r)
	require.NoError(t, err)
	assert.Contains(t, string(data), `"peak_b":null`)
}

func TestDrawingsAreWholeAndSayInWordsWhatTheyShow(t *testing.T) {
	drawings := example().Drawings()
	require.Len(t, drawings, 3)
	for _, d := range drawings {
		assert.NotContains(t, string(d.SVG), "NaN", d.File)
		assert.Contains(t, string(d.SVG), "<desc>", d.File)
		for x := xml.NewDecoder(bytes.NewReader(d.SVG)); ; {
			if _, err := x.Token(); err == io.EOF {
				break
			} else {
				require.NoError(t, err, d.File)
			}
		}
	}
	assert.Contains(t, string(drawings[2].SVG), "1M points: 2 s wall, – CPU")
	assert.Equal(t, 2, strings.Count(string(drawings[2].SVG), "<polyline"))
}

func TestAxesHaveRoundSteps(t *testing.T) {
	for extent, want := range map[float64]float64{1: 0.25, 2: 0.5, 5: 1, 9: 2, 0.2: 0.05, 0: 1, 1234: 250} {
		assert.InDelta(t, want, step(extent), 1e-12, "%g", extent)
	}
}
