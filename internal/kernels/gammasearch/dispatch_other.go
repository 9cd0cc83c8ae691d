//go:build !amd64 || purego

package gammasearch

func (s *Search) searchContiguous(g *group, near *neighbours) { s.searchGeneric(g, near) }

func (s *Search) searchScattered(g *group, near *neighbours) { s.searchGeneric(g, near) }

func (s *Search) settleCells(g *group) { s.settleGeneric(g) }

func spans(_, _, _, _, _, _ []float32) int { return 0 }
