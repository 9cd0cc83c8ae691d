package influence

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/internal/kernels/parallel"
	"github.com/kerma-rt/kerma/internal/kernels/sparse"
)

// ErrUnfinished is wrapped by the error about a store that a Stream has not yet
// filled.
var ErrUnfinished = errors.New("influence: unfinished store")

// Store is a matrix in a folder, which need not fit into memory: its products
// read it block by block, and give the same bits as those of a Matrix. A block
// is held against its hash when it is read for the first time.
type Store struct {
	Grid       geometry.Grid
	Beams      []dose.Bixels
	Lost       []float64 // see Matrix
	Provenance dose.Provenance
	Warnings   []string

	MaxBytes int64 // memory for blocks; 0: one a goroutine
	Threads  int   // goroutines; 0 means one per CPU

	folder  string
	blocks  []block
	entries int64
	intact  []atomic.Bool

	mu   sync.Mutex
	free []*Matrix // memory of blocks
}

// Open finds the matrix that a Stream has made in a folder. It fails with
// ErrUnfinished, with ErrStore, and with os.ErrNotExist where no index is.
func Open(folder string) (*Store, error) {
	x, err := readIndex(folder)
	if err != nil {
		return nil, err
	}
	return newStore(folder, x)
}

func newStore(folder string, x *index) (*Store, error) {
	grid, err := x.Grid.grid()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStore, err)
	}
	s := &Store{Grid: grid, Beams: x.Beams, Warnings: x.Warnings, folder: folder, blocks: x.Blocks, intact: make([]atomic.Bool, len(x.Blocks))}
	s.Provenance = dose.Provenance{
		Engine: x.Engine, Version: x.Version, Heterogeneity: x.Method, Machines: x.Machines, Grid: grid, Calibration: x.Tissue,
		Elapsed: time.Duration(x.Seconds * float64(time.Second)),
	}
	for i := range x.Blocks {
		b := &x.Blocks[i]
		if !b.done() {
			return nil, fmt.Errorf("%w: %s: columns %d to %d are missing", ErrUnfinished, folder, b.From, b.To)
		}
		// So that no memory is asked for that files do not fill.
		f, err := openBlock(folder, b)
		if err != nil {
			return nil, err
		}
		f.Close()
		s.entries += b.Entries
		s.Lost = append(s.Lost, b.Lost...)
	}
	return s, nil
}

// Columns is the number of bixels.
func (s *Store) Columns() int { return len(s.Lost) }

// Voxels is the number of rows: every voxel of the grid has one.
func (s *Store) Voxels() int { return s.Grid.Len() }

// Entries is the number of values stored.
func (s *Store) Entries() int64 { return s.entries }

// Multiply is that of Matrix. It fails with ErrLength, with ErrStore where a
// block is damaged, with a *SizeError where one does not fit into MaxBytes, and
// with errors of the file system; dose is undefined then.
func (s *Store) Multiply(dose []float32, weights []float64) error {
	if err := fits(s, len(dose), len(weights)); err != nil {
		return err
	}
	ctx := context.Background()
	sum := sparse.NewSum(len(dose))
	err := s.each(ctx, func(b *block, m *Matrix) error {
		return sum.Add(ctx, m.lines(), weights[b.From:b.To], s.Threads)
	})
	if err == nil {
		sum.CopyTo(dose)
	}
	return err
}

// MultiplyTransposed is that of Matrix. It fails as Multiply does; gradient is
// undefined then.
func (s *Store) MultiplyTransposed(gradient []float64, doseGradient []float32) error {
	if err := fits(s, len(doseGradient), len(gradient)); err != nil {
		return err
	}
	ctx := context.Background()
	return s.each(ctx, func(b *block, m *Matrix) error {
		return m.lines().Dot(ctx, gradient[b.From:b.To], doseGradient, s.Threads)
	})
}

// each calls f with every block in order. As many are read at a time as there
// are goroutines and memory for.
func (s *Store) each(ctx context.Context, f func(b *block, m *Matrix) error) error {
	largest := largestOf(s.blocks).bytes()
	together := s.Threads
	if together <= 0 {
		together = runtime.GOMAXPROCS(0)
	}
	if s.MaxBytes > 0 {
		if largest > s.MaxBytes {
			return &SizeError{Needed: largest, Allowed: s.MaxBytes}
		}
		together = int(min(int64(together), s.MaxBytes/largest))
	}
	memory := s.take(together)
	defer s.give(memory)
	for first := 0; first < len(s.blocks); first += together {
		n := min(together, len(s.blocks)-first)
		err := parallel.For(ctx, n, together, func(i int) error { return s.load(first+i, memory[i]) })
		if err != nil {
			return err
		}
		for i := range n {
			if err := f(&s.blocks[first+i], memory[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// take is memory for n blocks, which give hands back for the next product.
func (s *Store) take(n int) []*Matrix {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := min(n, len(s.free))
	memory := s.free[len(s.free)-kept:]
	s.free = s.free[:len(s.free)-kept]
	memory = append([]*Matrix(nil), memory...)
	for len(memory) < n {
		memory = append(memory, largestOf(s.blocks).memory(s.Grid))
	}
	return memory
}

func (s *Store) give(memory []*Matrix) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, memory...)
}

// load reads a block into m.
func (s *Store) load(i int, m *Matrix) error {
	b := &s.blocks[i]
	f, err := openBlock(s.folder, b)
	if err != nil {
		return err
	}
	defer f.Close()
	content := sha256.New()
	r := io.Reader(f)
	if !s.intact[i].Load() {
		r = io.TeeReader(f, content)
	}
	if err := m.readBlock(r, b); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrStore, f.Name(), err)
	}
	if !s.intact[i].Load() {
		if hash := hex.EncodeToString(content.Sum(nil)); hash != b.SHA256 {
			return fmt.Errorf("%w: %s: SHA-256 %s, the index has %s", ErrStore, f.Name(), hash, b.SHA256)
		}
		s.intact[i].Store(true)
	}
	return nil
}

// openBlock opens the file of a block, which has the length that the index
// says.
func openBlock(folder string, b *block) (*os.File, error) {
	f, err := os.Open(filepath.Join(folder, b.name()))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStore, err)
	}
	about, err := f.Stat()
	if err == nil && about.Size() != b.bytes() {
		err = fmt.Errorf("%w: %s: %d bytes, expected %d", ErrStore, f.Name(), about.Size(), b.bytes())
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Remove deletes the files of the store, and its folder if nothing else is in
// it. The store is of no use afterwards.
func (s *Store) Remove() error {
	for i := range s.blocks {
		if err := os.Remove(filepath.Join(s.folder, s.blocks[i].name())); err != nil {
			return err
		}
	}
	if err := os.Remove(filepath.Join(s.folder, indexName)); err != nil {
		return err
	}
	if left, err := os.ReadDir(s.folder); err != nil || len(left) > 0 {
		return err
	}
	return os.Remove(s.folder)
}
