//go:build !linux

package influence

func hugePages([]float32) {}
