// Package simd says which vector instructions the kernels run on: the best
// that the CPU has, chosen once at the start, or what the environment variable
// KERMA_SIMD asks for (generic, avx2 or avx512), so that every level can be
// tested on one machine.
package simd

import (
	"fmt"
	"os"
)

// Level is a set of vector instructions; a higher one includes the lower.
type Level int

// The levels.
const (
	Generic Level = iota // plain Go
	AVX2                 // 8 lanes of float32, with FMA
	AVX512               // 16 lanes, with masks: F, VL, DQ, BW and CD
)

var names = [...]string{"generic", "avx2", "avx512"}

// String is the level's name, as KERMA_SIMD has it.
func (l Level) String() string { return names[l] }

// Variable is the environment variable that asks for a level.
const Variable = "KERMA_SIMD"

var best = detect()

var current, fault = choose(os.Getenv(Variable), best)

// choose is the level to run on: the one asked for by name, if the CPU has it.
func choose(asked string, best Level) (Level, error) {
	if asked == "" {
		return best, nil
	}
	for l := Generic; l <= best; l++ {
		if l.String() == asked {
			return l, nil
		}
	}
	return best, fmt.Errorf("simd: %s=%q is not one of the levels of this CPU: %v", Variable, asked, Available())
}

// Current is the level in force.
func Current() Level { return current }

// Err tells that KERMA_SIMD asks for what this CPU does not have, or for no
// level at all; Current is then the best one. The command refuses to run.
func Err() error { return fault }

// Available are the levels that this CPU runs, lowest first.
func Available() []Level {
	var all []Level
	for l := Generic; l <= best; l++ {
		all = append(all, l)
	}
	return all
}

// Set puts another level in force and returns what undoes it. It is for tests
// and benchmarks, while no kernel runs. It panics for a level that the CPU
// does not have: its instructions would end the program.
func Set(l Level) (restore func()) {
	if l < Generic || l > best {
		panic(fmt.Sprintf("simd: level %d on a CPU that has %v", l, Available()))
	}
	before := current
	current = l
	return func() { current = before }
}
