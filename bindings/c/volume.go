package main

// #define KERMA_TYPES_ONLY
// #include "kerma.h"
import "C"

import (
	"fmt"
	"unsafe"

	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/geometry"
)

// view shows a volume to C; its values are pinned for as long as o lives.
func (o *owned) view(v *geometry.Volume) C.kerma_volume {
	var c C.kerma_volume
	show(&c, v.Grid)
	if len(v.Data) > 0 {
		o.pins.Pin(&v.Data[0])
		c.data = (*C.float)(&v.Data[0])
	}
	return c
}

// show writes where the voxels of a grid are.
func show(c *C.kerma_volume, g geometry.Grid) {
	size, spacing, origin := g.Size(), g.Spacing(), g.Origin()
	c.origin = [3]C.double{C.double(origin.X), C.double(origin.Y), C.double(origin.Z)}
	for a := range 3 {
		c.size[a], c.spacing[a] = C.int64_t(size[a]), C.double(spacing[a])
		axis := g.Axis(a)
		c.axes[3*a], c.axes[3*a+1], c.axes[3*a+2] = C.double(axis.X), C.double(axis.Y), C.double(axis.Z)
	}
}

// gridOf is the grid of a volume of C's.
func gridOf(c *C.kerma_volume) (geometry.Grid, error) {
	if c == nil {
		return geometry.Grid{}, fmt.Errorf("%w: the volume is NULL", errArgument)
	}
	var size [3]int
	var spacing [3]float64
	var axes [3]r3.Vec
	for a := range 3 {
		size[a], spacing[a] = int(c.size[a]), float64(c.spacing[a])
		axes[a] = r3.Vec{X: float64(c.axes[3*a]), Y: float64(c.axes[3*a+1]), Z: float64(c.axes[3*a+2])}
	}
	g, err := geometry.NewGrid(r3.Vec{X: float64(c.origin[0]), Y: float64(c.origin[1]), Z: float64(c.origin[2])}, spacing, size, axes)
	if err != nil {
		return g, fmt.Errorf("%w: %w", errArgument, err)
	}
	return g, nil
}

// volumeOf is a volume of C's in place: valid while C's memory is.
func volumeOf(c *C.kerma_volume) (*geometry.Volume, error) {
	g, err := gridOf(c)
	if err != nil {
		return nil, err
	}
	if c.data == nil {
		return nil, fmt.Errorf("%w: the volume has no data", errArgument)
	}
	return geometry.VolumeOf(g, unsafe.Slice((*float32)(unsafe.Pointer(c.data)), g.Len()))
}
