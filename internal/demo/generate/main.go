// Command generate packs the embedded demonstration cases from the folders
// they come from. It drops the slices of TG-119 outside 29…98, where the plan
// gives less than 2 % of its maximum, and the doses, which the demo computes.
package main

import (
	"archive/zip"
	"compress/flate"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	data := flag.String("data", "", "folder that holds tg119 and lung_synthetic")
	flag.Parse()
	for _, c := range []struct{ out, in, plan string }{
		{"tg119.zip", "tg119", "rtplan_imrt.dcm"},
		{"lung.zip", "lung_synthetic", "rtplan_3dcrt.dcm"},
	} {
		if err := pack(c.out, filepath.Join(*data, c.in), c.plan); err != nil {
			fmt.Fprintln(os.Stderr, "generate:", err)
			os.Exit(1)
		}
	}
}

func pack(out, in, plan string) error {
	ct, err := filepath.Glob(filepath.Join(in, "ct", "*"))
	if err != nil {
		return err
	}
	slices.Sort(ct)
	if strings.HasPrefix(out, "tg119") {
		ct = ct[29:99]
	}
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	defer f.Close()
	w := zip.NewWriter(f)
	w.RegisterCompressor(zip.Deflate, func(o io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(o, flate.BestCompression)
	})
	for _, path := range append(ct, filepath.Join(in, "rtstruct.dcm"), filepath.Join(in, plan)) {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(in, path)
		if err != nil {
			return err
		}
		// A header without a time, so that the same files give the same archive.
		e, err := w.CreateHeader(&zip.FileHeader{Name: filepath.ToSlash(name), Method: zip.Deflate})
		if err != nil {
			return err
		}
		if _, err := e.Write(content); err != nil {
			return err
		}
	}
	return w.Close()
}
