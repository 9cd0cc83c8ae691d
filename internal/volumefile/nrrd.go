package volumefile

import (
	"encoding/binary"
	"errors"
	"io"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/spatial/r3"
)

// readNRRD reads a volume of scalars in one file, raw or gzip, whose space is
// named. The format: https://teem.sourceforge.net/nrrd/format.html
func readNRRD(path string) (*File, error) {
	s, err := openSource(path, false)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	h, err := readNRRDHeader(s)
	if err != nil {
		return nil, err
	}
	a, err := h.array()
	if err != nil {
		return nil, err
	}
	p, err := h.place()
	if err != nil {
		return nil, err
	}
	switch e := strings.ToLower(h["encoding"]); e {
	case "raw":
	case "gzip", "gz":
		if err := s.unpack(); err != nil {
			return nil, err
		}
	default:
		return nil, unusable("encoding %q, expected raw or gzip", e)
	}
	data, err := a.read(s)
	if err != nil {
		return nil, err
	}
	v, err := p.volume(a.size, data)
	if err != nil {
		return nil, err
	}
	return &File{Volume: v}, nil
}

// nrrdHeader is the fields of a header by name. Key/value pairs are not among
// them: they do not bear on the meaning of the values.
type nrrdHeader map[string]string

func readNRRDHeader(s *source) (nrrdHeader, error) {
	const most = 1 << 20 // bytes
	h := nrrdHeader{}
	used := 0
	for first := true; ; first = false {
		line, err := readLine(s, most-used)
		if err != nil {
			return nil, unusable("NRRD header: %v", err)
		}
		used += len(line)
		text := strings.TrimRight(line, "\r\n")
		switch name, value, isField := strings.Cut(text, ": "); {
		case first:
			if len(text) != 8 || text[:7] != "NRRD000" {
				return nil, unusable("no NRRD file")
			}
		case text == "":
			s.left -= int64(used)
			return h, nil
		case strings.HasPrefix(text, "#"), strings.Contains(text, ":="):
		case !isField:
			return nil, unusable("NRRD header line %.80q", text)
		default:
			name = strings.ToLower(strings.TrimSpace(name))
			if _, twice := h[name]; twice {
				return nil, unusable("NRRD field %q stands twice", name)
			}
			h[name] = strings.TrimSpace(value)
		}
	}
}

// readLine reads a line with its end, of at most so many bytes.
func readLine(s *source, most int) (string, error) {
	var line []byte
	for {
		b, err := s.ReadByte()
		if err == io.EOF {
			return "", errors.New("ends before the empty line")
		}
		if err != nil {
			return "", err
		}
		if line = append(line, b); len(line) > most {
			return "", errors.New("longer than 1 MiB")
		}
		if b == '\n' {
			return string(line), nil
		}
	}
}

var nrrdTypes = map[string]number{
	"signed char": int8s, "int8": int8s, "int8_t": int8s,
	"uchar": uint8s, "unsigned char": uint8s, "uint8": uint8s, "uint8_t": uint8s,
	"short": int16s, "short int": int16s, "signed short": int16s, "signed short int": int16s, "int16": int16s, "int16_t": int16s,
	"ushort": uint16s, "unsigned short": uint16s, "unsigned short int": uint16s, "uint16": uint16s, "uint16_t": uint16s,
	"int": int32s, "signed int": int32s, "int32": int32s, "int32_t": int32s,
	"uint": uint32s, "unsigned int": uint32s, "uint32": uint32s, "uint32_t": uint32s,
	"float": float32s, "double": float64s,
}

func (h nrrdHeader) array() (array, error) {
	a := array{slope: 1}
	var known bool
	if a.number, known = nrrdTypes[strings.ToLower(h["type"])]; !known {
		return a, unusable("NRRD type %q", h["type"])
	}
	switch e := strings.ToLower(h["endian"]); {
	case e == "little", e == "" && a.bytes == 1:
		a.order = binary.LittleEndian
	case e == "big":
		a.order = binary.BigEndian
	default:
		return a, unusable("NRRD endian %q", e)
	}
	for _, name := range []string{"data file", "datafile"} {
		if h[name] != "" {
			return a, unusable("the values are in another file: %s %q", name, h[name])
		}
	}
	for _, name := range []string{"line skip", "lineskip", "byte skip", "byteskip"} {
		if v := h[name]; v != "" && v != "0" {
			return a, unusable("%s %s", name, v)
		}
	}
	sizes := strings.Fields(h["sizes"])
	if h["dimension"] != "3" || len(sizes) != 3 {
		return a, unusable("dimension %q with sizes %q, expected three axes", h["dimension"], h["sizes"])
	}
	for i, text := range sizes {
		n, err := strconv.Atoi(text)
		if err != nil {
			return a, unusable("sizes %q", h["sizes"])
		}
		a.size[i] = n
	}
	return a, nil
}

func (h nrrdHeader) place() (place, error) {
	var p place
	directions, err := vectors(h["space directions"])
	if err != nil || len(directions) != 3 {
		return p, unusable("space directions %q, expected three vectors", h["space directions"])
	}
	origin, err := vectors(h["space origin"])
	if err != nil || len(origin) != 1 {
		return p, unusable("space origin %q, expected one vector", h["space origin"])
	}
	for _, unit := range strings.Fields(h["space units"]) {
		if u := strings.Trim(unit, `"`); u != "mm" {
			return p, unusable("space units %s, expected mm", h["space units"])
		}
	}
	p = place{origin: origin[0], step: [3]r3.Vec(directions)}
	switch space := strings.ToLower(h["space"]); space {
	case "left-posterior-superior", "lps":
		return p, nil
	case "right-anterior-superior", "ras":
		return p.flip(true, true), nil
	case "left-anterior-superior", "las":
		return p.flip(false, true), nil
	default:
		return p, unusable("space %q, expected one of left-posterior-superior, right-anterior-superior, left-anterior-superior", space)
	}
}

// vectors reads "(1,0,0) (0,1,0) …".
func vectors(text string) ([]r3.Vec, error) {
	bad := unusable("vectors %.200q", text)
	var all []r3.Vec
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		inside, rest, closed := strings.Cut(text, ")")
		inside, opened := strings.CutPrefix(inside, "(")
		parts := strings.Split(inside, ",")
		if !closed || !opened || len(parts) != 3 {
			return nil, bad
		}
		var v [3]float64
		for i, part := range parts {
			var err error
			if v[i], err = strconv.ParseFloat(strings.TrimSpace(part), 64); err != nil {
				return nil, bad
			}
		}
		all = append(all, r3.Vec{X: v[0], Y: v[1], Z: v[2]})
		text = rest
	}
	return all, nil
}
