package verdict

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/dose/gamma"
	"github.com/kerma-rt/kerma/internal/calculation"
)

// ErrOwn is wrapped by errors about a file of one's own rows.
var ErrOwn = errors.New("verdict: invalid rows")

// Own is a user's own rows.
type Own struct {
	Rows []OwnRow `json:"rows"`

	dir string // that file names are relative to
}

// OwnRow is a plan, and a dose that was measured or that another system found.
type OwnRow struct {
	Name    string  `json:"name"`
	Source  string  `json:"source"`
	Patient string  `json:"patient"` // folder with CT, structures and plan
	Engine  string  `json:"engine"`
	Machine string  `json:"machine"`
	Grid    float64 `json:"grid_mm"` // 2.5 if left out

	// One of the two: an RTDOSE, compared by gamma, or measured points, a CSV of
	// x, y, z (mm, patient frame) and dose (Gy), compared one by one.
	Dose   string `json:"dose"`
	Points string `json:"points"`

	DosePercent float64 `json:"dose_percent"`      // of gamma; 3 if left out
	Distance    float64 `json:"distance_mm"`       // of gamma; 2 if left out
	PassRate    float64 `json:"pass_rate_percent"` // least; 95 if left out
	Percent     float64 `json:"percent"`           // largest difference of a point, of its dose; 3 if left out
}

// ReadOwn reads rows from a JSON file; the file names in it are relative to it.
// It fails with ErrOwn.
func ReadOwn(path string) (*Own, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d := json.NewDecoder(io.LimitReader(f, 1<<20))
	d.DisallowUnknownFields()
	own := &Own{dir: filepath.Dir(path)}
	if err := d.Decode(own); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrOwn, path, err)
	}
	for i := range own.Rows {
		r := &own.Rows[i]
		if r.Name == "" || r.Patient == "" || (r.Dose == "") == (r.Points == "") {
			return nil, fmt.Errorf("%w: %s: row %d needs a name, a patient, and one of dose and points", ErrOwn, path, i+1)
		}
		for _, d := range []struct {
			value *float64
			plain float64
		}{{&r.Grid, 2.5}, {&r.DosePercent, 3}, {&r.Distance, 2}, {&r.PassRate, 95}, {&r.Percent, 3}} {
			if *d.value == 0 {
				*d.value = d.plain
			}
			if !(*d.value > 0) || math.IsInf(*d.value, 0) {
				return nil, fmt.Errorf("%w: %s: row %d: %g", ErrOwn, path, i+1, *d.value)
			}
		}
	}
	return own, nil
}

func (own *Own) run(ctx context.Context, o Options) ([]Row, error) {
	var rows []Row
	for i := range own.Rows {
		some, err := own.Rows[i].run(ctx, o, own.dir)
		if err != nil {
			some = []Row{{Group: "own", Checked: own.Rows[i].Name, Source: own.Rows[i].Source, Error: err.Error()}}
		}
		rows = append(rows, some...)
	}
	return rows, nil
}

func (w *OwnRow) run(ctx context.Context, o Options, dir string) ([]Row, error) {
	patient, err := dicom.ReadFolder(from(dir, w.Patient))
	if err != nil {
		return nil, err
	}
	if len(patient.Plans) != 1 {
		return nil, fmt.Errorf("%d plans, one is needed", len(patient.Plans))
	}
	c, err := calculation.New(patient, patient.Plans[0], calculation.Options{Engine: w.Engine, Machine: w.Machine, Spacing: w.Grid, Threads: o.Threads})
	if err != nil {
		return nil, err
	}
	c.Engine = o.engine(c.Engine)
	var theirs *dicom.Dose
	if w.Dose != "" {
		if theirs, err = dicom.ReadDose(from(dir, w.Dose)); err != nil {
			return nil, err
		}
		if theirs.Unit != dicom.Gray {
			return nil, fmt.Errorf("%s is in %s, not Gy", w.Dose, theirs.Unit)
		}
		c.Request.Grid = theirs.Volume.Grid
	}
	if err := c.Compute(ctx); err != nil {
		return nil, err
	}
	if theirs != nil {
		found, err := gamma.Compute(ctx, theirs.Volume, c.Result.Dose, gamma.Criteria{DosePercent: w.DosePercent, Distance: w.Distance, CutoffPercent: 10, Threads: o.Threads})
		if err != nil {
			return nil, err
		}
		return []Row{least("own", fmt.Sprintf("%s: γ %g %%/%g mm above 10 %%, %d points", w.Name, w.DosePercent, w.Distance, found.Points), w.Dose, w.Source, found.PassRate, "%", w.PassRate)}, nil
	}
	points, err := readPoints(from(dir, w.Points))
	if err != nil {
		return nil, err
	}
	var rows []Row
	for _, p := range points {
		row := within("own", fmt.Sprintf("%s: dose at (%g, %g, %g) mm", w.Name, p.at.X, p.at.Y, p.at.Z), w.Points, w.Source, 0, "%", w.Percent)
		if got, inside := c.Result.Dose.Interpolate(p.at); inside {
			row.Figure = 100 * (got/p.gy - 1)
		} else {
			row.Error = "the point lies outside the dose grid"
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func from(dir, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

type measured struct {
	at r3.Vec  // mm
	gy float64 // above 0
}

// readPoints reads x, y, z, dose a line; a first line of words is a heading.
func readPoints(path string) ([]measured, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var points []measured
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		fields := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ';' || r == '\t' || r == ' ' })
		var v [4]float64
		bad := len(fields) != 4
		for i := range min(4, len(fields)) {
			x, err := strconv.ParseFloat(fields[i], 64)
			bad = bad || err != nil || math.IsNaN(x) || math.IsInf(x, 0)
			v[i] = x
		}
		if bad && len(points) == 0 && n == 1 {
			continue
		}
		if bad || v[3] <= 0 {
			return nil, fmt.Errorf("%w: %s, line %d: %q is not x, y, z in mm and a dose in Gy above 0", ErrOwn, path, n, text)
		}
		if points = append(points, measured{r3.Vec{X: v[0], Y: v[1], Z: v[2]}, v[3]}); len(points) > 100000 {
			return nil, fmt.Errorf("%w: %s: more than 100000 points", ErrOwn, path)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(points) == 0 {
		return nil, fmt.Errorf("%w: %s: no points", ErrOwn, path)
	}
	return points, nil
}
