package heterogeneity

import (
	"context"
	"sync"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/internal/kernels/fan"
)

// Cache keeps what the depths of many beams through one patient share, for the
// time of one calculation. It may be used by many goroutines at once; a nil
// Cache keeps nothing.
type Cache struct {
	// Columns allows a copy of each volume with its slices side by side, with
	// which beams across the slices (the couch at 0) are several times faster.
	// It takes ColumnBytes each. No result depends on it.
	Columns bool

	mu     sync.Mutex
	copies map[*geometry.Volume]*columns
	bodies map[*Tissue]*geometry.Volume
	spare  [][]float32
}

type columns struct {
	once  sync.Once
	value *fan.Columns
	err   error
}

// ColumnBytes is what the columns of a volume on g take, in bytes.
func ColumnBytes(g geometry.Grid) int64 {
	n := g.Size()
	return 4*int64(fan.ColumnLen(n)) + int64(n[0]*n[1])
}

func (c *Cache) columns(ctx context.Context, v *geometry.Volume, threads int) (*fan.Columns, error) {
	if c == nil || !c.Columns {
		return nil, nil
	}
	c.mu.Lock()
	kept := c.copies[v]
	if kept == nil {
		if c.copies == nil {
			c.copies = map[*geometry.Volume]*columns{}
		}
		kept = &columns{}
		c.copies[v] = kept
	}
	c.mu.Unlock()
	kept.once.Do(func() {
		size := v.Grid.Size()
		kept.value, kept.err = fan.NewColumns(ctx, c.floats(fan.ColumnLen(size)), v.Data, size, threads)
	})
	return kept.value, kept.err
}

// body is Tissue.body, made once.
func (c *Cache) body(t *Tissue) *geometry.Volume {
	if c == nil {
		return t.body()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.bodies[t]
	if v == nil {
		if c.bodies == nil {
			c.bodies = map[*Tissue]*geometry.Volume{}
		}
		v = t.body()
		c.bodies[t] = v
	}
	return v
}

// Reset forgets the patient; the memory remains for the next.
func (c *Cache) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.copies {
		if k.value != nil {
			c.spare = append(c.spare, k.value.Memory())
		}
	}
	c.copies, c.bodies = nil, nil
}

// floats is memory for n values, which may hold anything.
func (c *Cache) floats(n int) []float32 {
	if c == nil {
		return make([]float32, n)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, s := range c.spare {
		if cap(s) >= n && cap(s) <= 2*n {
			last := len(c.spare) - 1
			c.spare[i] = c.spare[last]
			c.spare = c.spare[:last]
			return s[:n]
		}
	}
	// None fits: what is in use and spare together does not grow.
	for gone := 0; gone < n && len(c.spare) > 0; {
		gone += cap(c.spare[0])
		c.spare = c.spare[1:]
	}
	return make([]float32, n)
}

func (c *Cache) free(s []float32) {
	if c == nil || cap(s) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spare = append(c.spare, s)
}
