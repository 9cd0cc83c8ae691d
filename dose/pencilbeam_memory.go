package dose

import (
	"fmt"
	"runtime"
	"sync"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
	"github.com/kerma-rt/kerma/internal/kernels/convolve"
	"github.com/kerma-rt/kerma/internal/kernels/pencil"
)

// MemoryError is the error of a request that does not fit into its MaxBytes
// however little is done at once. It wraps ErrRequest.
type MemoryError struct {
	Needed, Allowed int64 // bytes
}

func (e *MemoryError) Error() string {
	return fmt.Sprintf("%v: %d bytes needed, %d allowed", ErrRequest, e.Needed, e.Allowed)
}

// Unwrap is ErrRequest.
func (e *MemoryError) Unwrap() error { return ErrRequest }

// workspace is the memory of a calculation, without what was in it.
type workspace struct {
	cache *heterogeneity.Cache
	poses []*pose
}

// workspaces are those of calculations that have ended: memory that is new to
// a process costs as much as half of a beam. They have no influence on results,
// and the collector takes them when they lie idle.
var workspaces sync.Pool

// begin takes memory that serves again, unless there is a limit to keep.
func (p *pencilJob) begin() {
	p.cache = &heterogeneity.Cache{}
	if p.MaxBytes > 0 {
		return
	}
	if w, ok := workspaces.Get().(*workspace); ok {
		p.cache, p.poses = w.cache, w.poses
	}
}

// end gives it back.
func (p *pencilJob) end() {
	if p.MaxBytes > 0 {
		return
	}
	p.cache.Reset()
	for _, q := range p.poses {
		q.exposure.maps = nil
		*q = pose{exposure: q.exposure}
	}
	workspaces.Put(&workspace{cache: p.cache, poses: p.poses})
}

// budget finds how much can be done at once within MaxBytes: how many poses
// together, with how many transforms, with or without a second copy of the
// density. None of it changes the result.
func (p *pencilJob) budget() error {
	threads := p.Threads
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	type plan struct {
		poses, transforms int
		columns           bool
	}
	plans := []plan{{mostPoses, threads, true}}
	if p.MaxBytes > 0 {
		plans = append(plans, plan{2, threads, true}, plan{1, threads, true}, plan{1, 1, true}, plan{1, 1, false})
	}
	var needed int64
	for _, try := range plans {
		if p.MaxBytes > 0 {
			var err error
			if needed, err = p.bytes(try.poses, try.transforms, try.columns); err != nil {
				return err
			}
			if needed > p.MaxBytes {
				continue
			}
		}
		p.transforms, p.cache.Columns = try.transforms, try.columns
		for len(p.poses) < try.poses {
			p.poses = append(p.poses, &pose{})
		}
		return nil
	}
	return &MemoryError{Needed: needed, Allowed: p.MaxBytes}
}

// smallThings is allowed for what is not worth counting: rows, machines'
// tables, kernels on their way, in bytes.
const smallThings = 8 << 20

// bytes is the memory of the whole calculation beside the request.
func (p *pencilJob) bytes(poses, transforms int, columns bool) (int64, error) {
	size := p.Grid.Size()
	const dose, inside, row = 4, 1, 12
	bytes := smallThings + int64(p.Grid.Len())*(dose+inside) + int64(size[1]*size[2])*row
	ct := p.Tissue.ElectronDensity.Grid
	volumes := int64(1) // that depths are taken of
	switch p.correction.(type) {
	case heterogeneity.None:
		bytes += 4 * int64(ct.Len())
	case heterogeneity.Factored:
		bytes += 4 * int64(ct.Len())
		volumes = 2
	case heterogeneity.Spreading:
		bytes += 4 * int64(ct.Len()) // with the attenuation of its media
	}
	if columns {
		bytes += volumes * heterogeneity.ColumnBytes(ct)
	}
	var most int64
	for i := range p.beams {
		b, err := p.beamBytes(&p.beams[i], poses, transforms)
		if err != nil {
			return 0, fmt.Errorf("%v: %w", p.beams[i].Beam, err)
		}
		most = max(most, b)
	}
	return bytes + most, nil
}

// beamBytes is what one beam takes.
func (p *pencilJob) beamBytes(d *delivery, poses, transforms int) (int64, error) {
	f, err := newFluenceMaps(d)
	if err != nil || f.all.NX == 0 {
		return 0, err
	}
	poses = min(poses, len(d.segments))
	pairs := f.pairs()
	spectra := 4 * int64(f.fine.size()+f.coarse.size())
	kernels := int64(pairs) * spectra
	var work int64
	for _, q := range []*plane{&f.fine, &f.coarse} {
		if q.w > 0 {
			work += int64(transforms) * int64(convolve.Bytes(q.nx, q.ny))
		}
	}
	// The pixels of a kernel before it is transformed.
	work += 8 * 2 * int64(transforms) * int64((f.reach+1)*(f.reach+1)+(f.far+1)*(f.far+1))

	pixels := int64(f.open.NX*f.open.NY + f.all.NX*f.all.NY)
	points := int64(f.fine.w*f.fine.h + f.coarse.w*f.coarse.h)
	one := 8*pixels + spectra + 4*points*int64(2*pairs+pencil.Padded(f.components))
	var tables int64
	for _, frame := range d.frames {
		if _, ok := p.correction.(heterogeneity.Spreading); ok {
			tables = max(tables, p.spreadBytes(d, f, frame))
			continue
		}
		var both int64
		for _, side := range []struct {
			m           *pencil.Map
			rays, along float64
		}{{f.nearMap(), fieldRays, fieldStep}, {f.aroundMap(), aroundRays, aroundStep}} {
			if b, ok := p.beamOf(frame, side.m, side.rays, side.along); ok {
				both += b.Memory(p.correction)
			}
		}
		tables = max(tables, both)
	}
	if _, ok := p.correction.(heterogeneity.Spreading); ok {
		// Poses of it take turns.
		return work + int64(poses)*one + tables, nil
	}
	return work + int64(poses)*(one+tables+kernels), nil
}

// spreadBytes is what the parts of a kernel that spread apart take.
func (p *pencilJob) spreadBytes(d *delivery, f *fluenceMaps, frame geometry.Frame) int64 {
	parts, err := p.partsOf(d.machine)
	if err != nil {
		return 0 // it fails where that can be told
	}
	seen := shadow(p.Grid, frame)
	part := func(x, y, width, height, reach, spacing, step float64, rates int) int64 {
		pencils := heterogeneity.Fluence{X: x, Y: y, Step: 1, NX: int(width) + 1, NY: int(height) + 1}
		b := heterogeneity.Beam{Tissue: p.Tissue, Frame: frame, Field: within(pencils, reach, seen), Spacing: spacing, Step: step, Threads: p.Threads}
		if b.Threads == 0 {
			b.Threads = runtime.GOMAXPROCS(0)
		}
		return b.SpreadMemory(rates) + 16*int64(width/spacing+2)*int64(height/spacing+2)
	}
	open := func(m float64, n int) float64 { return m * float64(n) }
	bytes := part(f.all.X, f.all.Y, open(coarsePixel, f.all.NX), open(coarsePixel, f.all.NY), scatterReach, scatterBlock*coarsePixel, scatterPlanes, len(parts.scatter.Rate))
	bytes += part(f.all.X, f.all.Y, open(coarsePixel, f.all.NX), open(coarsePixel, f.all.NY), 0, coarsePixel, scatterPlanes, 0)
	if f.open.NX > 0 {
		bytes += part(f.open.X, f.open.Y, open(f.open.Spacing, f.open.NX), open(f.open.Spacing, f.open.NY), spreadReach, spreadPixel, fieldStep, len(parts.primary.Rate))
	}
	return bytes
}
