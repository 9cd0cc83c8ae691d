package volumefile

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/kerma-rt/kerma/geometry"
	"gonum.org/v1/gonum/spatial/r3"
)

// readNPY reads a NumPy array [z][y][x], or [y][x] for one plane, whose grid a
// file of the same name that ends in .json says: origin_mm (centre of the first
// voxel) and spacing_mm, both x, y, z, and directions of the index axes where
// they are not those of LPS.
func readNPY(path string) (*File, error) {
	p, unit, err := readPlace(path[:len(path)-len(".npy")] + ".json")
	if err != nil {
		return nil, err
	}
	s, err := openSource(path, false)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	a, err := npyHeader(s)
	if err != nil {
		return nil, err
	}
	data, err := a.read(s)
	if err != nil {
		return nil, err
	}
	v, err := p.volume(a.size, data)
	if err != nil {
		return nil, err
	}
	return &File{Volume: v, Unit: unit}, nil
}

func readPlace(path string) (place, string, error) {
	const most = 1 << 20 // bytes
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return place{}, "", fmt.Errorf("%w: the file that says where its voxels lie is missing: %s", ErrFile, path)
	}
	if err != nil {
		return place{}, "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return place{}, "", err
	}
	if len(text) > most {
		return place{}, "", unusable("%s is larger than 1 MiB", path)
	}
	var g struct {
		Origin     []float64   `json:"origin_mm"`
		Spacing    []float64   `json:"spacing_mm"`
		Directions [][]float64 `json:"directions"`
		Unit       string      `json:"unit"`
	}
	if err := json.Unmarshal(text, &g); err != nil {
		return place{}, "", unusable("%s: %v", path, err)
	}
	if len(g.Origin) != 3 || len(g.Spacing) != 3 {
		return place{}, "", unusable("%s: origin_mm and spacing_mm must have three values (x, y, z) each, found %v and %v", path, g.Origin, g.Spacing)
	}
	axes := geometry.IdentityAxes
	if g.Directions != nil {
		if len(g.Directions) != 3 {
			return place{}, "", unusable("%s: directions must be three vectors, found %v", path, g.Directions)
		}
		for i, d := range g.Directions {
			if len(d) != 3 {
				return place{}, "", unusable("%s: directions must be three vectors of three, found %v", path, g.Directions)
			}
			axes[i] = r3.Vec{X: d[0], Y: d[1], Z: d[2]}
			if n := r3.Norm(axes[i]); !(n > 0.999 && n < 1.001) {
				return place{}, "", unusable("%s: direction %v is no unit vector", path, d)
			}
		}
	}
	p := place{origin: r3.Vec{X: g.Origin[0], Y: g.Origin[1], Z: g.Origin[2]}}
	for i, d := range g.Spacing {
		if !(d > 0) {
			return place{}, "", unusable("%s: spacing_mm %v", path, g.Spacing)
		}
		p.step[i] = r3.Scale(d, axes[i])
	}
	return p, g.Unit, nil
}

var (
	npyDescr = regexp.MustCompile(`'descr'\s*:\s*'([^']*)'`)
	npyOrder = regexp.MustCompile(`'fortran_order'\s*:\s*(True|False)`)
	npyShape = regexp.MustCompile(`'shape'\s*:\s*\(([0-9,\s]*)\)`)
)

// npyHeader reads the header of the format that NumPy's lib.format documents,
// versions 1 to 3.
func npyHeader(s *source) (array, error) {
	const mostHeader = 1 << 16
	var start [8]byte
	if _, err := io.ReadFull(s, start[:]); err != nil || !bytes.HasPrefix(start[:], []byte("\x93NUMPY")) {
		return array{}, unusable("no NumPy array")
	}
	wide := 2
	switch start[6] {
	case 1:
	case 2, 3:
		wide = 4
	default:
		return array{}, unusable("NumPy format version %d", start[6])
	}
	length := make([]byte, 4)
	if _, err := io.ReadFull(s, length[:wide]); err != nil {
		return array{}, unusable("the NumPy header is cut off")
	}
	n := binary.LittleEndian.Uint32(length)
	if n > mostHeader {
		return array{}, unusable("a NumPy header of %d bytes", n)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(s, text); err != nil {
		return array{}, unusable("the NumPy header is cut off")
	}
	s.left -= int64(len(start)+wide) + int64(n)

	descr, order, shape := npyDescr.FindSubmatch(text), npyOrder.FindSubmatch(text), npyShape.FindSubmatch(text)
	if descr == nil || order == nil || shape == nil {
		return array{}, unusable("a NumPy header without descr, fortran_order or shape: %.200q", text)
	}
	a := array{order: binary.LittleEndian, slope: 1}
	switch string(descr[1]) {
	case "<f4":
		a.number = float32s
	case "<f8":
		a.number = float64s
	case ">f4":
		a.number, a.order = float32s, binary.BigEndian
	case ">f8":
		a.number, a.order = float64s, binary.BigEndian
	default:
		return array{}, unusable("values of type %q, expected float32 or float64", descr[1])
	}
	if string(order[1]) == "True" {
		return array{}, unusable("an array in Fortran order: save it in C order (numpy.ascontiguousarray)")
	}
	var sizes []int
	for field := range strings.SplitSeq(strings.TrimSuffix(strings.TrimSpace(string(shape[1])), ","), ",") {
		v, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil {
			return array{}, unusable("shape (%s)", shape[1])
		}
		sizes = append(sizes, v)
	}
	if len(sizes) == 2 {
		sizes = append([]int{1}, sizes...)
	}
	if len(sizes) != 3 {
		return array{}, unusable("an array of %d dimensions, expected z, y, x", len(sizes))
	}
	a.size = [3]int{sizes[2], sizes[1], sizes[0]}
	return a, nil
}
