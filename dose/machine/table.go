package machine

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"sync"
)

// The pencil kernels of the built-in machines are derived once and embedded,
// so that they are there in milliseconds.
//
//go:generate go test -run TestEmbeddedPencilsAreWhatIsDerived -update .

//go:embed data/pencil/*.gz
var pencilTables embed.FS

// embeddedPencil returns the table with the given key, or nil.
func embeddedPencil(key [sha256.Size]byte) (*Pencil, error) {
	tables, err := loadPencilTables()
	if err != nil || tables[key] == nil {
		return nil, err
	}
	return decodePencil(bytes.NewReader(tables[key]))
}

// loadPencilTables unpacks the tables by key.
var loadPencilTables = sync.OnceValues(func() (map[[sha256.Size]byte][]byte, error) {
	files, err := fs.Glob(pencilTables, "data/pencil/*.gz")
	if err != nil {
		return nil, err
	}
	tables := map[[sha256.Size]byte][]byte{}
	for _, file := range files {
		packed, err := pencilTables.ReadFile(file)
		if err != nil {
			return nil, err
		}
		r, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			return nil, fmt.Errorf("machine: %s: %w", file, err)
		}
		all, err := io.ReadAll(r)
		if err != nil || len(all) < sha256.Size {
			return nil, fmt.Errorf("machine: %s: %d bytes, %w", file, len(all), err)
		}
		tables[[sha256.Size]byte(all)] = all[sha256.Size:]
	}
	return tables, nil
})

// encodePencil writes key and values of a derived pencil, float32, little
// endian; its lattices are those of the code.
func encodePencil(w io.Writer, key [sha256.Size]byte, p *Pencil) error {
	out := gzip.NewWriter(w)
	if _, err := out.Write(key[:]); err != nil {
		return err
	}
	for _, values := range pencilValues(p) {
		for _, v := range values {
			if err := binary.Write(out, binary.LittleEndian, float32(v)); err != nil {
				return err
			}
		}
	}
	return out.Close()
}

// decodePencil is the inverse of encodePencil, after the key.
func decodePencil(r io.Reader) (*Pencil, error) {
	p := emptyPencil()
	for _, values := range pencilValues(p) {
		single := make([]float32, len(values))
		if err := binary.Read(r, binary.LittleEndian, single); err != nil {
			return nil, fmt.Errorf("machine: pencil table: %w", err)
		}
		for i, v := range single {
			values[i] = float64(v)
		}
	}
	return p, nil
}

func pencilValues(p *Pencil) [][]float64 {
	all := [][]float64{p.Depth.Value}
	for _, w := range p.Lateral[0] {
		all = append(all, w.Value)
	}
	return all
}
