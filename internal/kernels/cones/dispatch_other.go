//go:build !amd64 || purego

package cones

type stepper func(energy []float32, f *Field, numbers, state []float32, planes []plane, line, vectors, nu int)

// kernel is what takes lines through planes, and how many of them at once.
func kernel(*Field) (stepper, int) { return generic, 1 }
