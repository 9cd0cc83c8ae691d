package main

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"

	"github.com/kerma-rt/kerma/dose/dvh"
	"github.com/kerma-rt/kerma/internal/calculation"
	"github.com/kerma-rt/kerma/internal/report"
)

// write puts every result into dir, each file whole or not at all.
func write(c *calculation.Calculation, dir string, npy bool) error {
	if err := c.WriteDose(filepath.Join(dir, "dose.dcm")); err != nil {
		return err
	}
	for name, write := range map[string]func(io.Writer) error{
		"dvh.json":        func(w io.Writer) error { return encode(w, dvh.Report{Structures: c.Histograms}) },
		"provenance.json": c.WriteProvenance,
		"report.html":     func(w io.Writer) error { return report.Write(w, page(c)) },
	} {
		if err := writeFile(filepath.Join(dir, name), write); err != nil {
			return fmt.Errorf("%s: %w", filepath.Join(dir, name), err)
		}
	}
	if npy {
		return writeNPY(filepath.Join(dir, "dose.npy"), c.Result.Dose)
	}
	return nil
}

func printResult(c *calculation.Calculation, w io.Writer, dir string) {
	p := c.Result.Provenance
	fmt.Fprintf(w, "%s, heterogeneity %s, %d beams, %d fractions, %.1f s\n", p.Engine, p.Heterogeneity, len(c.Result.Beams), c.Result.Fractions, p.Elapsed.Seconds())
	printDVH(w, c.Histograms)
	for _, warning := range c.Warnings() {
		fmt.Fprintln(w, "warning:", warning)
	}
	fmt.Fprintf(w, "%s\nwritten to %s: dose.dcm, dvh.json, report.html, provenance.json\n", notice, dir)
}

func encode(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
