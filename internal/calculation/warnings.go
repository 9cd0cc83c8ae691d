package calculation

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/dvh"
)

// Warnings is everything to be known about the result, in the order in which
// it came up, each once; what a machine says of itself is under its name.
func (c *Calculation) Warnings() []string {
	var all []string
	for _, p := range c.Patient.Warnings {
		where := strings.TrimSpace(strings.Join([]string{filepath.Base(p.File), p.Tag, p.Value}, " "))
		if p.File == "" {
			where = strings.TrimSpace(p.Tag + " " + p.Value)
		}
		all = append(all, strings.TrimPrefix(where+": "+p.Message, ": "))
	}
	for _, w := range c.Result.Warnings {
		if names := c.noted(w); names != nil {
			w = strings.Join(names, ", ") + ": " + w
		}
		all = append(all, w)
	}
	all = append(all, dvh.Warnings(c.Histograms)...)
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(w string) bool {
		again := seen[w]
		seen[w] = true
		return again
	})
}

// noted is the machines of this calculation that have this note.
func (c *Calculation) noted(note string) []string {
	var names []string
	for _, m := range c.Request.Machines {
		used := slices.ContainsFunc(c.Result.Beams, func(b dose.BeamResult) bool { return b.Machine == m.Name })
		if used && slices.Contains(m.Notes, note) {
			names = append(names, m.Name)
		}
	}
	return names
}
