// Package benchmarks holds dose engines against references that nobody here
// made: Monte Carlo cases with their phantoms and beams.
package benchmarks
