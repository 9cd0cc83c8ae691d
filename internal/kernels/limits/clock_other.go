//go:build !linux

package limits

import "time"

var began = time.Now()

// threadTime is the time that passes: nothing better is at hand everywhere.
func threadTime() time.Duration { return time.Since(began) }
