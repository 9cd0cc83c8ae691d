//go:build !unix

package speed

import "time"

// processTime is not known here.
func processTime() (user, system time.Duration, ok bool) { return 0, 0, false }
