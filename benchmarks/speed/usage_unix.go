//go:build unix

package speed

import (
	"syscall"
	"time"
)

// processTime is the CPU time of this process so far; ok is false where the
// system does not tell.
func processTime() (user, system time.Duration, ok bool) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, 0, false
	}
	return time.Duration(u.Utime.Nano()), time.Duration(u.Stime.Nano()), true
}
