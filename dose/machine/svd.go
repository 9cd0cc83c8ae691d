package machine

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// ErrFile is wrapped by errors about machine files that cannot be used.
var ErrFile = errors.New("machine: unusable machine file")

//go:embed data/generic_6mv_svd
var genericSVD embed.FS

// GenericSVD is the generic 6 MV machine of matRad and pyRadPlan (BSD-3), which
// knows its pencil kernel alone. It is there to compare with these programs
// and, like them, takes the primary fluence as flat. 100 MU give 1 Gy at the
// depth of maximum of a 100 mm square field at a source–surface distance of
// 1000 mm, where a fluence weight of one, which these programs count in, gives
// 1.059 Gy.
func GenericSVD() (*Machine, error) {
	folder, err := fs.Sub(genericSVD, "data/generic_6mv_svd")
	if err != nil {
		return nil, err
	}
	return ReadSVD(folder)
}

// svdFile is machine.json beside a table of kernels.
type svdFile struct {
	Name     string     `json:"name"`
	SAD      float64    `json:"sad_mm"`
	EnergyMV float64    `json:"energy_mv"`
	M        float64    `json:"m_per_mm"`
	Betas    []float64  `json:"betas_per_mm"`
	Penumbra float64    `json:"penumbra_fwhm_iso_mm"`
	Radius   []float64  `json:"kernel_radius_mm"`
	SSD      [3]float64 `json:"kernel_ssd_mm"` // first, last, step
}

const (
	maxSVDBytes = 64 << 20
	// svdPixel is the side of the pixel (mm) that the kernel at r = 0 stands for.
	svdPixel = 0.5
	// svdGyPerMU is the dose of a monitor unit at the depth of maximum, Gy.
	svdGyPerMU = 0.01
	// svdDeepest is how far the depth functions are tabulated, mm.
	svdDeepest = 800
)

// ReadSVD reads a pencil kernel machine in the form of Bortfeld, Schlegel and
// Rhein 1993 (Med Phys 20:311) from a folder: machine.json and kernels.npy or
// kernels.npy.gz, float32 [SSD][component][radius] per mm² of the isocentre
// plane. The depth functions are
//
//	D_k(d) = β_k/(β_k − m) · (exp(−m d) − exp(−β_k d)).
//
// The kernel at r = 0 is the mean over a pixel of 0.5 mm. 100 MU stand for a
// fluence of one in the unit of the kernels. It fails with ErrFile when the
// folder does not hold such a machine.
func ReadSVD(folder fs.FS) (*Machine, error) {
	text, err := readLimited(folder, "machine.json")
	if err != nil {
		return nil, err
	}
	var f svdFile
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("%w: machine.json: %w", ErrFile, err)
	}
	table, err := readLimited(folder, "kernels.npy")
	if errors.Is(err, fs.ErrNotExist) {
		table, err = readGzip(folder, "kernels.npy.gz")
	}
	if err != nil {
		return nil, err
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	value, shape, err := float32Array(table)
	if err != nil {
		return nil, err
	}
	n := int(math.Round((f.SSD[1]-f.SSD[0])/f.SSD[2])) + 1
	if len(shape) != 3 || shape[0] != n || shape[1] != len(f.Betas) || shape[2] != len(f.Radius) {
		return nil, fmt.Errorf("%w: kernels of shape %v, machine.json says [%d %d %d]", ErrFile, shape, n, len(f.Betas), len(f.Radius))
	}

	pencil := &Pencil{SSDFirst: f.SSD[0], SSDStep: f.SSD[2], Depth: f.depths()}
	for i := 0; i < len(value); {
		components := make([]Radial, len(f.Betas))
		for k := range components {
			components[k] = svdRadial(f.Radius, value[i:i+len(f.Radius)])
			i += len(f.Radius)
		}
		pencil.Lateral = append(pencil.Lateral, components)
	}
	if f.Name == "" {
		f.Name = fmt.Sprintf("svd_%gmv", f.EnergyMV)
	}
	content := sha256.New()
	content.Write(text)
	content.Write(table)
	m := &Machine{
		Name: f.Name, EnergyMV: f.EnergyMV, SAD: f.SAD,
		SourceSigma: f.Penumbra / math.Sqrt(8*math.Ln2),
		Pencil:      pencil,
		Calibration: Calibration{GyPerMU: svdGyPerMU, SSD: 1000, Field: 100},
		Hash:        hex.EncodeToString(content.Sum(nil)),
	}
	maximum := m.svdMaximum()
	if !(maximum > 0) || math.IsInf(maximum, 0) {
		return nil, fmt.Errorf("%w: maximum dose %v Gy in the reference field", ErrFile, maximum)
	}
	m.Calibration.FluencePerMU = svdGyPerMU / maximum
	return m, nil
}

func (f svdFile) check() error {
	ascending := len(f.Radius) >= 2 && f.Radius[0] == 0 && f.Radius[1] >= svdPixel/2
	for i := 1; i < len(f.Radius); i++ {
		ascending = ascending && f.Radius[i] > f.Radius[i-1]
	}
	switch {
	case !(f.SAD > 0 && f.SAD < 1e5):
		return fmt.Errorf("%w: source–axis distance %v mm", ErrFile, f.SAD)
	case !(f.EnergyMV > 0 && f.EnergyMV < 1000):
		return fmt.Errorf("%w: energy %v MV", ErrFile, f.EnergyMV)
	case !(f.Penumbra >= 0 && f.Penumbra < 100):
		return fmt.Errorf("%w: penumbra of %v mm", ErrFile, f.Penumbra)
	case !(f.M > 0 && f.M < 1) || len(f.Betas) == 0:
		return fmt.Errorf("%w: attenuation %v per mm, β %v per mm", ErrFile, f.M, f.Betas)
	case !ascending:
		return fmt.Errorf("%w: radii must ascend from 0", ErrFile)
	case !(f.SSD[0] > 0 && f.SSD[1] >= f.SSD[0] && f.SSD[2] > 0 && (f.SSD[1]-f.SSD[0])/f.SSD[2] < 1e5):
		return fmt.Errorf("%w: source–surface distances %v mm", ErrFile, f.SSD)
	}
	for _, beta := range f.Betas {
		if !(beta > 0 && beta < 100) {
			return fmt.Errorf("%w: β %v per mm", ErrFile, beta)
		}
	}
	return nil
}

// depths tabulates D_k finely enough for straight lines between: the error is
// below h² β²/8 of the maximum, 3e-5.
func (f svdFile) depths() DepthTable {
	t := DepthTable{Components: len(f.Betas), Scale: []float64{1}}
	for d := 0.0; d <= svdDeepest; {
		t.Depth = append(t.Depth, d)
		for _, beta := range f.Betas {
			t.Value = append(t.Value, svdDepth(d, f.M, beta))
		}
		if d < 40 {
			d = float64(len(t.Depth)) / 20
		} else {
			d += 0.5
		}
	}
	return t
}

// svdDepth is β/(β−m)·(exp(−m d) − exp(−β d)) = β d exp(−m d)·(1 − exp(−x))/x
// with x = (β−m) d, which holds for β = m too.
func svdDepth(d, m, beta float64) float64 {
	x := (beta - m) * d
	ratio := 1.0
	if x != 0 {
		ratio = -math.Expm1(-x) / x
	}
	return beta * d * math.Exp(-m*d) * ratio
}

// svdRadial is one lateral kernel. The value on the axis stands for a whole
// pixel; what of it the curve beyond does not explain is a delta.
func svdRadial(radius []float64, value []float32) Radial {
	w := Radial{Radius: radius, Value: make([]float64, len(value))}
	for i, v := range value {
		w.Value[i] = float64(v)
	}
	onAxis := w.Value[0]
	w.Value[0] = w.Value[1]
	const half = svdPixel / 2
	w.Core = onAxis*svdPixel*svdPixel - w.Rectangle(-half, half, -half, half)
	return w
}

// svdMaximum is the largest dose on the axis of the reference field for unit
// fluence, Gy. The field's edges are too far from the axis for the blur of the
// source to matter.
func (m *Machine) svdMaximum() float64 {
	c, p := m.Calibration, m.Pencil
	half := c.Field / 2
	field := make([]float64, p.Depth.Components)
	for k := range field {
		w := p.At(c.SSD)[k]
		field[k] = w.Rectangle(-half, half, -half, half)
	}
	largest := math.Inf(-1)
	for i, d := range p.Depth.Depth {
		var dose float64
		for k, w := range field {
			dose += w * p.Depth.Value[i*len(field)+k]
		}
		largest = max(largest, dose*math.Pow(m.SAD/(c.SSD+d), 2))
	}
	return largest
}

// At is the lateral kernels at the tabulated source–surface distance nearest
// to ssd (mm).
func (p *Pencil) At(ssd float64) []Radial { return p.Lateral[p.Index(ssd)] }

// Index is the entry of Lateral nearest to ssd (mm).
func (p *Pencil) Index(ssd float64) int {
	if len(p.Lateral) == 1 || math.IsNaN(ssd) {
		return 0
	}
	return int(min(max(math.Round((ssd-p.SSDFirst)/p.SSDStep), 0), float64(len(p.Lateral)-1)))
}

func readLimited(folder fs.FS, name string) ([]byte, error) {
	file, err := folder.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	defer file.Close()
	return allOf(file, name)
}

func readGzip(folder fs.FS, name string) ([]byte, error) {
	packed, err := readLimited(folder, name)
	if err != nil {
		return nil, err
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrFile, name, err)
	}
	return allOf(r, name)
}

func allOf(r io.Reader, name string) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxSVDBytes+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrFile, name, err)
	}
	if len(b) > maxSVDBytes {
		return nil, fmt.Errorf("%w: %s holds more than %d bytes", ErrFile, name, maxSVDBytes)
	}
	return b, nil
}

var npyHeader = regexp.MustCompile(`'descr': *'<f4', *'fortran_order': *False, *'shape': *\(([0-9, ]*)\)`)

// float32Array is a NumPy array of little-endian float32, last index fastest.
func float32Array(b []byte) (value []float32, shape []int, err error) {
	const preamble = 10
	if len(b) < preamble || string(b[:8]) != "\x93NUMPY\x01\x00" {
		return nil, nil, fmt.Errorf("%w: no NumPy array of version 1", ErrFile)
	}
	start := preamble + int(binary.LittleEndian.Uint16(b[8:]))
	if start > len(b) {
		return nil, nil, fmt.Errorf("%w: NumPy header cut short", ErrFile)
	}
	match := npyHeader.FindSubmatch(b[preamble:start])
	if match == nil {
		return nil, nil, fmt.Errorf("%w: NumPy header %q, want '<f4' in C order", ErrFile, b[preamble:start])
	}
	n := 1
	for s := range strings.SplitSeq(string(match[1]), ",") {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		size, err := strconv.Atoi(s)
		if err != nil || size < 1 || size > len(b)/n {
			return nil, nil, fmt.Errorf("%w: NumPy shape (%s)", ErrFile, match[1])
		}
		n *= size
		shape = append(shape, size)
	}
	if len(b)-start != 4*n {
		return nil, nil, fmt.Errorf("%w: %d bytes for a NumPy array of shape %v", ErrFile, len(b)-start, shape)
	}
	value = make([]float32, n)
	for i := range value {
		v := math.Float32frombits(binary.LittleEndian.Uint32(b[start+4*i:]))
		if v != v || math.IsInf(float64(v), 0) {
			return nil, nil, fmt.Errorf("%w: kernel value %d is %v", ErrFile, i, v)
		}
		value[i] = v
	}
	return value, shape, nil
}
