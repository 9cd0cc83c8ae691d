// Package limits measures what this machine can do at most: arithmetic, memory
// and look-ups, each by a loop that does nothing else. Benchmarks hold the
// kernels against it.
package limits

//go:generate go run -C ../gen ./limits -out ../limits/limits_amd64.s -stubs ../limits/limits_amd64.go -pkg limits

// Limits are peaks of one instruction set. Bandwidths count what the program
// moves, not the lines that a cache reads before it is written to.
type Limits struct {
	Level   string `json:"simd"`    // generic, avx2 or avx512
	Threads int    `json:"threads"` // goroutines that measured at the same time

	// Of all threads together. A single thread is measured by its own CPU time,
	// several by the time that passes.
	FMA   float64 `json:"fma_flop_s"`     // float32 multiplications and additions, 1/s
	L1    float64 `json:"l1_read_b_s"`    // read from the first cache, B/s
	L2    float64 `json:"l2_read_b_s"`    // read from the second cache, B/s
	Read  float64 `json:"dram_read_b_s"`  // read from memory, B/s
	Fill  float64 `json:"dram_fill_b_s"`  // written to memory, B/s
	Copy  float64 `json:"dram_copy_b_s"`  // read and written, B/s
	Triad float64 `json:"dram_triad_b_s"` // two streams read, one written, B/s

	Gather      float64 `json:"gather_s"`       // look-ups of a float32 in a table of 16 KiB, 1/s
	GatherPairs float64 `json:"gather_pairs_s"` // look-ups of two neighbours there, 1/s
}
