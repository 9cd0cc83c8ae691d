// Package demo carries small complete patients, so that the whole job can be
// run and shown with nothing at hand.
//
// tg119 is the AAPM TG-119 C-shape phantom: the scan of the CORT data set as
// shipped by matRad (BSD-3-Clause), thinned to the slices around the dose,
// with a nine-field step-and-shoot plan made for this project. lung is the
// synthetic chest of OpenTOPAS (made by plastimatch, Massachusetts General
// Hospital; permissive licence) with a four-field conformal plan made for
// this project. See SOURCE.md beside this file.
package demo

import (
	"archive/zip"
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

//go:generate go run ./generate -data ../../../shared/data/dicom

//go:embed tg119.zip lung.zip
var files embed.FS

// ErrCase is wrapped when a case of that name does not exist.
var ErrCase = errors.New("demo: no such case")

// Case is one embedded patient.
type Case struct {
	Name  string // as given to Extract
	Title string // one line for people
}

// Cases lists what is embedded; the first is the default.
func Cases() []Case {
	return []Case{
		{"tg119", "AAPM TG-119 C-shape phantom, nine IMRT fields, 50 Gy in 25 fractions"},
		{"lung", "synthetic chest with a tumour in the lung, four conformal fields, 60 Gy in 30 fractions"},
	}
}

// Extract writes the DICOM files of a case into dir, which is created if need
// be. Files of the same name are replaced.
func Extract(name, dir string) error {
	data, err := files.ReadFile(name + ".zip")
	if err != nil {
		return fmt.Errorf("%w: %q", ErrCase, name)
	}
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return fmt.Errorf("demo: %s: %w", name, err)
	}
	for _, f := range archive.File {
		if err := extract(f, filepath.Join(dir, filepath.FromSlash(f.Name))); err != nil {
			return fmt.Errorf("demo: %s: %w", f.Name, err)
		}
	}
	return nil
}

func extract(f *zip.File, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
