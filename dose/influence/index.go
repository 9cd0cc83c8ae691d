package influence

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/internal/hugepages"
)

// ErrStore is wrapped by errors about a folder that holds no influence matrix,
// or a damaged one.
var ErrStore = errors.New("influence: impossible store")

const (
	indexName   = "index.json"
	indexFormat = "kerma influence matrix 1"
	// largestIndex is what is read of an index, in bytes: more than a million
	// columns.
	largestIndex = 256 << 20
)

// index is what the folder of a matrix holds.
type index struct {
	Format   string        `json:"format"`
	Request  string        `json:"request"` // hash of all that determines the values
	Grid     gridRecord    `json:"grid"`
	Beams    []dose.Bixels `json:"beams"`
	Engine   string        `json:"engine"`
	Version  string        `json:"version"`
	Tissue   string        `json:"calibration"`
	Method   string        `json:"heterogeneity"`
	Machines []string      `json:"machines"`
	Warnings []string      `json:"warnings"`
	Seconds  float64       `json:"seconds"` // that the finished blocks took
	Blocks   []block       `json:"blocks"`
}

// block is one file of columns, finished once it has a hash.
type block struct {
	From    int       `json:"from"` // the columns From … To−1
	To      int       `json:"to"`
	Entries int64     `json:"entries"`
	Runs    int64     `json:"runs"`
	Lost    []float64 `json:"lost,omitempty"` // see Matrix
	SHA256  string    `json:"sha256,omitempty"`
}

func (b *block) name() string { return fmt.Sprintf("columns-%08d.block", b.From) }
func (b *block) bytes() int64 { return blockBytes(b.To-b.From, b.Entries, b.Runs) }
func (b *block) done() bool   { return b.SHA256 != "" }

// largestOf is a block with room for any of some.
func largestOf(blocks []block) *block {
	var l block
	for _, b := range blocks {
		l.To = max(l.To, b.To-b.From)
		l.Entries, l.Runs = max(l.Entries, b.Entries), max(l.Runs, b.Runs)
	}
	return &l
}

// memory is a matrix with room for the block, so that one after the
// other leaves no smaller piece of memory behind.
func (b *block) memory(g geometry.Grid) *Matrix {
	m := &Matrix{Grid: g, Value: make([]float32, b.Entries), Run: make([]Run, b.Runs)}
	hugepages.Advise(m.Value)
	hugepages.Advise(m.Run)
	return m
}

// gridRecord is a grid in JSON.
type gridRecord struct {
	Origin  r3.Vec     `json:"origin_mm"`
	Spacing [3]float64 `json:"spacing_mm"`
	Size    [3]int     `json:"size"`
	Axes    [3]r3.Vec  `json:"axes"`
}

func recordOf(g geometry.Grid) gridRecord {
	return gridRecord{g.Origin(), g.Spacing(), g.Size(), g.Axes()}
}

func (g gridRecord) grid() (geometry.Grid, error) {
	return geometry.NewGrid(g.Origin, g.Spacing, g.Size, g.Axes)
}

// readIndex reads and checks the index of a folder. It fails with
// os.ErrNotExist where there is none, and with ErrStore.
func readIndex(folder string) (*index, error) {
	f, err := os.Open(filepath.Join(folder, indexName))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, largestIndex+1))
	if err != nil {
		return nil, err
	}
	if len(text) > largestIndex {
		return nil, fmt.Errorf("%w: %s: more than %d bytes", ErrStore, f.Name(), largestIndex)
	}
	x := new(index)
	if err := json.Unmarshal(text, x); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrStore, f.Name(), err)
	}
	if err := x.check(); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrStore, f.Name(), err)
	}
	return x, nil
}

func (x *index) check() error {
	if x.Format != indexFormat {
		return fmt.Errorf("format %q, expected %q", x.Format, indexFormat)
	}
	grid, err := x.Grid.grid()
	if err != nil {
		return err
	}
	if grid.Len() > math.MaxInt32 {
		return fmt.Errorf("a grid of %d voxels", grid.Len())
	}
	columns := 0
	for _, b := range x.Beams {
		columns += len(b.Centre)
	}
	at := 0
	for i, b := range x.Blocks {
		switch {
		case b.From != at || b.To <= b.From || b.To > columns:
			return fmt.Errorf("block %d holds the columns %d to %d, expected columns from %d to at most %d", i, b.From, b.To, at, columns)
		case b.Entries < 0 || b.Entries > int64(b.To-b.From)*int64(grid.Len()) || b.Runs < 0 || b.Runs > b.Entries:
			return fmt.Errorf("block %d has %d entries in %d runs", i, b.Entries, b.Runs)
		case b.To-b.From > 1 && b.bytes() > blockSize:
			return fmt.Errorf("block %d has %d bytes, at most %d are made of several columns", i, b.bytes(), blockSize)
		case b.done() && len(b.Lost) != b.To-b.From:
			return fmt.Errorf("block %d has %d lost shares for %d columns", i, len(b.Lost), b.To-b.From)
		}
		if hash, err := hex.DecodeString(b.SHA256); err != nil || b.done() && len(hash) != 32 {
			return fmt.Errorf("block %d has the hash %q", i, b.SHA256)
		}
		at = b.To
	}
	if at != columns {
		return fmt.Errorf("blocks of %d columns for %d bixels", at, columns)
	}
	return nil
}

// write replaces the index of a folder.
func (x *index) write(folder string) error {
	return replaceFile(filepath.Join(folder, indexName), func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", " ")
		return e.Encode(x)
	})
}

// replaceFile writes a file whole or not at all: under a temporary name first,
// and renamed once it is on the disk.
func replaceFile(path string, write func(io.Writer) error) (err error) {
	f, err := os.Create(path + ".part")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err := write(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	// So that the name is on the disk too; not every system can do that.
	if folder, err := os.Open(filepath.Dir(path)); err == nil {
		_ = folder.Sync()
		folder.Close()
	}
	return nil
}
