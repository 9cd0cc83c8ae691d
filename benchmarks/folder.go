package benchmarks

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ReadCases reads the cases of a folder: every folder in it that holds a
// case.json, or the folder itself if it holds one. A case goes by the name of
// its folder. Cases that cannot be read are returned apart, with the reason. It
// fails with ErrCase when there is no case at all.
func ReadCases(dir string) ([]*Case, []Skipped, error) {
	folders := []string{dir}
	if _, err := os.Stat(filepath.Join(dir, "case.json")); errors.Is(err, fs.ErrNotExist) {
		files, err := filepath.Glob(filepath.Join(escaped(dir), "*", "case.json"))
		if err != nil {
			return nil, nil, fmt.Errorf("%w: %s: %w", ErrCase, dir, err)
		}
		folders = nil
		for _, f := range files {
			folders = append(folders, filepath.Dir(f))
		}
	}
	if len(folders) == 0 {
		return nil, nil, fmt.Errorf("%w: %s holds no folder with a case.json", ErrCase, dir)
	}
	var cases []*Case
	var skipped []Skipped
	for _, folder := range folders {
		absolute, err := filepath.Abs(folder)
		if err != nil {
			return nil, nil, fmt.Errorf("%w: %w", ErrCase, err)
		}
		c, err := ReadCase(folder)
		if err != nil {
			skipped = append(skipped, Skipped{filepath.Base(absolute), err.Error()})
			continue
		}
		c.Name = filepath.Base(absolute)
		cases = append(cases, c)
	}
	return cases, skipped, nil
}

// escaped is a path without meaning for filepath.Glob.
func escaped(dir string) string {
	var out []rune
	for _, r := range dir {
		if r == '*' || r == '?' || r == '[' || r == '\\' && filepath.Separator != '\\' {
			out = append(out, '\\')
		}
		out = append(out, r)
	}
	return string(out)
}
