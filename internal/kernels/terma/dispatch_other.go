//go:build !amd64 || purego

package terma

func (p *part) release() { p.generic(0) }
