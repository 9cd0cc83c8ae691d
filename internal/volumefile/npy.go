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
	"slices"
	"strconv"
	"strings"

	"github.com/kerma-rt/kerma/geometry"
	"gonum.org/v1/gonum/spatial/r3"
)

// readNPY reads a NumPy array [z][y][x], or [y][x] for one plane, whose grid a
// file of the same name that ends in .json says: origin_mm (centre of the first
// voxel) and spacing_mm, both x, y, z, and directions of the index axes where
// they are not those of LPS. A plane that says only x and y lies at z = 0.
func readNPY(path string) (*File, error) {
	beside := path[:len(path)-len(".npy")] + ".json"
	g, err := readGrid(beside)
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
	p, err := g.place(a.size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", beside, err)
	}
	data, err := a.read(s)
	if err != nil {
		return nil, err
	}
	v, err := p.volume(a.size, data)
	if err != nil {
		return nil, err
	}
	return &File{Volume: v, Unit: g.Unit}, nil
}

// gridFile is what the file beside an array says. Other fields are left to
// those who wrote them.
type gridFile struct {
	Size       []int       `json:"size"` // optional
	Origin     []float64   `json:"origin_mm"`
	Spacing    []float64   `json:"spacing_mm"`
	Directions [][]float64 `json:"directions"`
	Unit       string      `json:"unit"`
}

func readGrid(path string) (gridFile, error) {
	const most = 1 << 20 // bytes
	var g gridFile
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return g, fmt.Errorf("%w: the file that says where its voxels lie is missing: %s", ErrFile, path)
	}
	if err != nil {
		return g, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return g, err
	}
	if len(text) > most {
		return g, unusable("%s is larger than 1 MiB", path)
	}
	if err := json.Unmarshal(text, &g); err != nil {
		return g, unusable("%s: %v", path, err)
	}
	return g, nil
}

func (g gridFile) place(size [3]int) (place, error) {
	if len(g.Origin) == 2 && len(g.Spacing) == 2 && size[2] == 1 && g.Directions == nil {
		g.Origin, g.Spacing = append(g.Origin, 0), append(g.Spacing, 1)
		if len(g.Size) == 2 {
			g.Size = append(g.Size, 1)
		}
	}
	if len(g.Origin) != 3 || len(g.Spacing) != 3 {
		return place{}, unusable("origin_mm and spacing_mm must have three values (x, y, z) each, found %v and %v", g.Origin, g.Spacing)
	}
	if g.Size != nil && !slices.Equal(g.Size, size[:]) {
		return place{}, unusable("size %v, the array has %v", g.Size, size)
	}
	p := place{origin: r3.Vec{X: g.Origin[0], Y: g.Origin[1], Z: g.Origin[2]}}
	axes := geometry.IdentityAxes
	if g.Directions != nil {
		if len(g.Directions) != 3 {
			return place{}, unusable("directions must be three vectors, found %v", g.Directions)
		}
		for i, d := range g.Directions {
			if len(d) != 3 {
				return place{}, unusable("directions must be three vectors of three, found %v", g.Directions)
			}
			axes[i] = r3.Vec{X: d[0], Y: d[1], Z: d[2]}
			if n := r3.Norm(axes[i]); !(n > 0.999 && n < 1.001) {
				return place{}, unusable("direction %v is no unit vector", d)
			}
		}
	}
	for i, d := range g.Spacing {
		if !(d > 0) {
			return place{}, unusable("spacing_mm %v", g.Spacing)
		}
		p.step[i] = r3.Scale(d, axes[i])
	}
	return p, nil
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
