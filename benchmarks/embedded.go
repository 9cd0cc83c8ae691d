package benchmarks

import (
	"embed"
	"fmt"
	"io/fs"
)

//go:embed data/mc
var embedded embed.FS

// Names lists the cases that come with the library, in alphabetical order.
func Names() []string {
	entries, err := fs.ReadDir(embedded, "data/mc")
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

// Named is the embedded case of that name. Its dose is rounded to ten bits
// (0.1 %), less than its noise.
func Named(name string) (*Case, error) {
	dir, err := fs.Sub(embedded, "data/mc/"+name)
	if err != nil {
		return nil, fmt.Errorf("%w: %q: %w", ErrCase, name, err)
	}
	return ReadCaseFS(dir)
}

// Cases are all embedded cases.
func Cases() ([]*Case, error) {
	var cases []*Case
	for _, name := range Names() {
		c, err := Named(name)
		if err != nil {
			return nil, err
		}
		cases = append(cases, c)
	}
	return cases, nil
}
