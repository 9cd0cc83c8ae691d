package influence

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/internal/kernels/parallel"
)

// ErrOther is wrapped by the error about a folder that holds something else
// than the matrix asked for: another one, or other files.
var ErrOther = errors.New("influence: folder of something else")

const (
	// blockSize is the most bytes of columns that are in memory and in a file at a
	// time, but for single columns that take more.
	blockSize = 256 << 20
	// An engine that takes longer than slow for one column gets blocks of so few
	// that an interruption costs about blockTime.
	slow      = 2 * time.Second
	blockTime = time.Minute
)

// Stream makes a matrix in a folder, block by block, and goes on where an
// earlier one was interrupted. The columns are the same bits as those of
// Compute, however they come to be distributed over blocks and attempts.
type Stream struct {
	Size Size

	request Request
	folder  string
	index   *index
	one     time.Duration // that a block of one column takes; 0: not known
}

// Size is what a matrix takes.
type Size struct {
	Columns int
	Entries int64 // before a threshold leaves any out
	Bytes   int64 // in a folder, and about as many in memory
	Kept    int64 // of these bytes that an earlier attempt has left
}

// NPZ is about how many bytes WriteNPZ writes.
func (s Size) NPZ() int64 {
	index := int64(4)
	if wide(s.Entries) {
		index = 8
	}
	return s.Entries*(4+index) + int64(s.Columns)*index
}

// NewStream prepares to make the matrix of a request in a folder. Blocks that
// an earlier attempt has finished for the same request are kept if their hashes
// are right. MaxBytes limits the memory that blocks take, not the matrix.
// NewStream fails with ErrOther, with a *SizeError where MaxBytes is too little
// for one column, with dose.ErrRequest, with the errors of package machine, with
// that of ctx, and with those of the file system.
func NewStream(ctx context.Context, r Request, folder string) (*Stream, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	if r.Tissue == nil || r.Machine == nil || len(r.Beams) == 0 {
		return nil, fmt.Errorf("%w: no tissue, no machine or no beams", dose.ErrRequest)
	}
	s := &Stream{request: r, folder: folder}
	identity, err := r.identity()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	switch s.index, err = readIndex(folder); {
	case errors.Is(err, os.ErrNotExist):
		err = s.begin(ctx, identity)
	case errors.Is(err, ErrStore):
		err = fmt.Errorf("%w: %w", ErrOther, err)
	case err == nil && s.index.Request != identity:
		err = fmt.Errorf("%w: %s holds columns of another request, made by version %s", ErrOther, folder, s.index.Version)
	case err == nil:
		err = s.resume(ctx)
	}
	if err != nil {
		return nil, err
	}
	for _, b := range s.index.Blocks {
		s.Size.Columns = b.To
		s.Size.Entries += b.Entries
		s.Size.Bytes += b.bytes()
		if b.done() {
			s.Size.Kept += b.bytes()
		}
	}
	return s, nil
}

// begin cuts the columns into blocks and writes the first index.
func (s *Stream) begin(ctx context.Context, identity string) error {
	files, err := os.ReadDir(s.folder)
	if err != nil {
		return err
	}
	for _, f := range files {
		if f.Name() != indexName+".part" {
			return fmt.Errorf("%w: %s holds %s and no index of an influence matrix", ErrOther, s.folder, f.Name())
		}
	}
	blocks, err := s.cut(ctx)
	if err != nil {
		return err
	}
	r := &s.request
	s.index = &index{Format: indexFormat, Request: identity, Grid: recordOf(r.grid()), Beams: r.Beams, Blocks: blocks}
	return s.index.write(s.folder)
}

// errCounted ends a calculation once the sizes of the columns are known.
var errCounted = errors.New("influence: columns counted")

// cut distributes the columns over blocks, each of one beam.
func (s *Stream) cut(ctx context.Context) ([]block, error) {
	r := s.request
	r.Progress = nil
	limit := int64(blockSize)
	if r.MaxBytes > 0 {
		limit = min(limit, r.MaxBytes/4)
	}
	var err error
	if s.one, err = s.sample(ctx, 0, 1); err != nil {
		return nil, err
	}
	most := math.MaxInt
	if s.one > slow {
		most = max(1, int(blockTime/s.one))
	}
	var blocks []block
	first := 0
	for _, b := range r.Beams {
		var start, runStart []int64
		_, err := r.columns(ctx, first, first+len(b.Centre), func(values, runs []int64) ([]float32, []Run, error) {
			start, runStart = values, runs
			return nil, nil, errCounted
		})
		if !errors.Is(err, errCounted) {
			if err == nil {
				err = fmt.Errorf("%w: engine %q makes columns without memory for them", dose.ErrRequest, r.engine().Name())
			}
			return nil, err
		}
		from := 0
		for to := 1; to < len(start); to++ {
			entries, runs := start[to]-start[from], runStart[to]-runStart[from]
			needed := blockBytes(to-from, entries, runs)
			if to-from == 1 && needed > limit && r.MaxBytes > 0 {
				return nil, &SizeError{Needed: 4 * needed, Allowed: r.MaxBytes}
			}
			if to-from > 1 && (needed > limit || to-from > most) {
				from = to - 1
				entries, runs = start[to]-start[from], runStart[to]-runStart[from]
			} else if to-from > 1 {
				blocks = blocks[:len(blocks)-1]
			}
			blocks = append(blocks, block{From: first + from, To: first + to, Entries: entries, Runs: runs})
		}
		first += len(b.Centre)
	}
	return blocks, nil
}

// resume keeps the finished blocks that are what the index says.
func (s *Stream) resume(ctx context.Context) error {
	return parallel.For(ctx, len(s.index.Blocks), s.request.Threads, func(i int) error {
		b := &s.index.Blocks[i]
		if !b.done() || intact(s.folder, b) {
			return nil
		}
		b.SHA256, b.Lost = "", nil
		return nil
	})
}

// intact reports whether the file of a block is as it was written.
func intact(folder string, b *block) bool {
	f, err := openBlock(folder, b)
	if err != nil {
		return false
	}
	defer f.Close()
	content := sha256.New()
	if _, err := io.Copy(content, f); err != nil {
		return false
	}
	return hex.EncodeToString(content.Sum(nil)) == b.SHA256
}

// Expect is about how long Make will take, found by making a few columns.
func (s *Stream) Expect(ctx context.Context) (time.Duration, error) {
	missing, columns, longest := 0, 0, (*block)(nil)
	for i := range s.index.Blocks {
		if b := &s.index.Blocks[i]; !b.done() {
			missing++
			columns += b.To - b.From
			if longest == nil || b.To-b.From > longest.To-longest.From {
				longest = b
			}
		}
	}
	if missing == 0 {
		return 0, nil
	}
	var err error
	if s.one == 0 {
		if s.one, err = s.sample(ctx, longest.From, 1); err != nil {
			return 0, err
		}
	}
	// More and more columns, until what is not theirs counts little.
	each := s.one
	for n, took := 1, s.one; took < slow && n < longest.To-longest.From; {
		n = min(4*n, longest.To-longest.From)
		if took, err = s.sample(ctx, longest.From, n); err != nil {
			return 0, err
		}
		each = min(max(0, took-s.one)/time.Duration(n-1), took/time.Duration(n))
	}
	return time.Duration(missing)*s.one + each*time.Duration(columns-missing), nil
}

// sample is how long some columns from one on take.
func (s *Stream) sample(ctx context.Context, from, columns int) (time.Duration, error) {
	r := s.request
	r.Progress = nil
	m := &Matrix{Grid: r.grid()}
	began := time.Now()
	if err := m.compute(ctx, &r, from, from+columns); err != nil {
		return 0, err
	}
	err := m.writeBlock(sha256.New(), from)
	return time.Since(began), err
}

// Make computes the missing blocks and opens the whole. Interrupted, even
// killed, it leaves what another Stream goes on with. It fails with
// dose.ErrRequest, with the errors of package machine, with that of ctx, and
// with those of the file system.
func (s *Stream) Make(ctx context.Context) (*Store, error) {
	r := s.request
	m := largestOf(s.index.Blocks).memory(r.grid())
	finished := s.Size.Kept
	var last time.Time
	for i := range s.index.Blocks {
		b := &s.index.Blocks[i]
		if b.done() {
			continue
		}
		if r.Progress = nil; s.request.Progress != nil {
			r.Progress = func(done float64) {
				if now := time.Now(); now.Sub(last) >= 50*time.Millisecond {
					last = now
					s.request.Progress((float64(finished) + done*float64(b.bytes())) / float64(s.Size.Bytes))
				}
			}
		}
		size := b.bytes()
		if err := s.make(ctx, &r, b, m); err != nil {
			return nil, err
		}
		finished += size
	}
	if s.request.Progress != nil {
		s.request.Progress(1)
	}
	store, err := newStore(s.folder, s.index)
	if err != nil {
		return nil, err
	}
	store.MaxBytes, store.Threads = s.request.MaxBytes, s.request.Threads
	return store, nil
}

// make computes one block, in the memory of m, and writes it.
func (s *Stream) make(ctx context.Context, r *Request, b *block, m *Matrix) error {
	began := time.Now()
	if err := m.compute(ctx, r, b.From, b.To); err != nil {
		return err
	}
	if m.Columns() != b.To-b.From {
		return fmt.Errorf("influence: %d columns, expected %d", m.Columns(), b.To-b.From)
	}
	content := sha256.New()
	err := replaceFile(filepath.Join(s.folder, b.name()), func(w io.Writer) error {
		return m.writeBlock(io.MultiWriter(w, content), b.From)
	})
	if err != nil {
		return err
	}
	b.Entries, b.Runs, b.Lost = int64(len(m.Value)), int64(len(m.Run)), m.Lost
	b.SHA256 = hex.EncodeToString(content.Sum(nil))
	x, p := s.index, m.Provenance
	x.Engine, x.Version, x.Tissue, x.Method, x.Machines = p.Engine, p.Version, p.Calibration, p.Heterogeneity, p.Machines
	for _, w := range m.Warnings {
		if !slices.Contains(x.Warnings, w) {
			x.Warnings = append(x.Warnings, w)
		}
	}
	x.Seconds += time.Since(began).Seconds()
	return x.write(s.folder)
}
