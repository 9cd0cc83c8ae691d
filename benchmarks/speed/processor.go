package speed

import (
	"fmt"

	"github.com/klauspost/cpuid/v2"
)

// processor is what the CPU says of itself: virtual machines often hide the
// name, seldom family and model.
func processor() string {
	c := cpuid.CPU
	if c.BrandName == "" {
		return "unknown"
	}
	return fmt.Sprintf("%s, family %d, model %d; caches %d, %d, %d KiB", c.BrandName, c.Family, c.Model, c.Cache.L1D>>10, c.Cache.L2>>10, c.Cache.L3>>10)
}
