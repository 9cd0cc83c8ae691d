package beam

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/kerma-rt/kerma/geometry"
	"gonum.org/v1/gonum/spatial/r3"
)

// maxJSON is the largest JSON plan that is read, bytes.
const maxJSON = 64 << 20

// ReadJSON reads a plan from its JSON form:
//
//	{
//	  "label": "open field",
//	  "uid": "", "class_uid": "", "study_uid": "",     // DICOM identifiers, all optional
//	  "frame_of_reference_uid": "", "structure_set_uid": "",
//	  "prescription_gy": 50,                           // to the target, all fractions; left out: not said
//	  "fraction_groups": [
//	    {"number": 1, "fractions": 25, "beams": [{"beam": 1, "meterset": 100}]}
//	  ],
//	  "beams": [{
//	    "number": 1, "name": "AP", "machine": "generic",
//	    "energy_mv": 6, "fluence_mode": "",            // "" flattened, "FFF"
//	    "unit": "MU",                                  // or "MINUTE"; MU when left out
//	    "sad_mm": 1000, "ssd_mm": 900,                 // 0 or left out: not said
//	    "position": "HFS",                             // left out: not said
//	    "devices": [
//	      {"kind": "JAWX"}, {"kind": "JAWY"},
//	      {"kind": "MLCX", "name": "MLCX", "boundaries_mm": [-10, 0, 10]}
//	    ],
//	    "points": [
//	      {"weight": 0, "gantry_deg": 0, "gantry_turn": "rising",
//	       "collimator_deg": 0, "couch_deg": 0, "isocentre_mm": [0, 0, 0],
//	       "positions_mm": [[-50, 50], [-50, 50], [-20, -20, 20, 20]]},
//	      {"weight": 1, "gantry_deg": 90}
//	    ]
//	  }],
//	  "omitted": [], "unmodelled": []                  // as Plan has them
//	}
//
// Positions stand in the order of the devices, low bank first. The first point
// gives weight, gantry, collimator, couch, isocentre and positions; pitch_deg,
// roll_deg are 0 and the turns (gantry_turn, collimator_turn, couch_turn:
// "rising", "falling", "still") "still" when left out there. Later points give
// the weight and what changes: anything left out stays as it was. A meterset
// left out is not known: such a plan has no absolute dose. Weights go from 0 to 1.
//
// It fails with ErrPlan for an unknown or repeated field, for anything behind
// the plan, and for a plan that Validate refuses.
func ReadJSON(r io.Reader) (*Plan, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxJSON+1))
	if err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	if len(data) > maxJSON {
		return nil, fmt.Errorf("%w: more than %d bytes of JSON", ErrPlan, maxJSON)
	}
	if err := repeatedField(data); err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var f planFile
	if err := d.Decode(&f); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPlan, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: something stands behind the plan, at byte %d", ErrPlan, d.InputOffset())
	}
	p, err := f.plan()
	if err != nil {
		return nil, err
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	return p, nil
}

// WriteJSON writes the plan as ReadJSON reads it. It fails for a plan that
// Validate refuses.
func (p *Plan) WriteJSON(w io.Writer) error {
	if err := p.Validate(); err != nil {
		return err
	}
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(fileOf(p))
}

// The file's own types keep its format apart from the API's.
type (
	planFile struct {
		Label               string      `json:"label"`
		UID                 string      `json:"uid,omitempty"`
		ClassUID            string      `json:"class_uid,omitempty"`
		StudyUID            string      `json:"study_uid,omitempty"`
		FrameOfReferenceUID string      `json:"frame_of_reference_uid,omitempty"`
		StructureSetUID     string      `json:"structure_set_uid,omitempty"`
		Prescription        float64     `json:"prescription_gy,omitempty"`
		Groups              []groupFile `json:"fraction_groups"`
		Beams               []beamFile  `json:"beams"`
		Omitted             []string    `json:"omitted,omitempty"`
		Unmodelled          []string    `json:"unmodelled,omitempty"`
	}
	groupFile struct {
		Number    int            `json:"number"`
		Fractions int            `json:"fractions"`
		Beams     []metersetFile `json:"beams"`
	}
	metersetFile struct {
		Beam     int      `json:"beam"`
		Meterset *float64 `json:"meterset,omitempty"`
	}
	beamFile struct {
		Number      int          `json:"number"`
		Name        string       `json:"name"`
		Machine     string       `json:"machine"`
		EnergyMV    float64      `json:"energy_mv"`
		FluenceMode string       `json:"fluence_mode"`
		Unit        string       `json:"unit,omitempty"`
		SAD         float64      `json:"sad_mm,omitempty"`
		SSD         float64      `json:"ssd_mm,omitempty"`
		Position    string       `json:"position,omitempty"`
		Devices     []deviceFile `json:"devices"`
		Points      []pointFile  `json:"points"`
	}
	deviceFile struct {
		Kind       string    `json:"kind"`
		Name       string    `json:"name,omitempty"`
		Boundaries []float64 `json:"boundaries_mm,omitempty"`
	}
	pointFile struct {
		Weight         *float64    `json:"weight"`
		GantryDeg      *float64    `json:"gantry_deg,omitempty"`
		GantryTurn     *string     `json:"gantry_turn,omitempty"`
		CollimatorDeg  *float64    `json:"collimator_deg,omitempty"`
		CollimatorTurn *string     `json:"collimator_turn,omitempty"`
		CouchDeg       *float64    `json:"couch_deg,omitempty"`
		CouchTurn      *string     `json:"couch_turn,omitempty"`
		PitchDeg       *float64    `json:"pitch_deg,omitempty"`
		RollDeg        *float64    `json:"roll_deg,omitempty"`
		Isocentre      []float64   `json:"isocentre_mm,omitempty"`
		Positions      [][]float64 `json:"positions_mm,omitempty"`
	}
)

func (f *planFile) plan() (*Plan, error) {
	p := &Plan{
		Label: f.Label, UID: f.UID, ClassUID: f.ClassUID, StudyUID: f.StudyUID,
		FrameOfReferenceUID: f.FrameOfReferenceUID, StructureSetUID: f.StructureSetUID, Prescription: f.Prescription,
		Omitted: f.Omitted, Unmodelled: f.Unmodelled,
	}
	for _, g := range f.Groups {
		group := FractionGroup{Number: g.Number, Fractions: g.Fractions}
		for _, m := range g.Beams {
			meterset := math.NaN()
			if m.Meterset != nil {
				meterset = *m.Meterset
			}
			group.Beams = append(group.Beams, BeamMeterset{BeamNumber: m.Beam, Meterset: meterset})
		}
		p.Groups = append(p.Groups, group)
	}
	for _, b := range f.Beams {
		beam, err := b.beam()
		if err != nil {
			return nil, fmt.Errorf("%v: %w", &beam, err)
		}
		p.Beams = append(p.Beams, beam)
	}
	return p, nil
}

func (f *beamFile) beam() (Beam, error) {
	b := Beam{
		Number: f.Number, Name: f.Name, Machine: f.Machine, EnergyMV: f.EnergyMV,
		FluenceMode: FluenceMode(f.FluenceMode), Unit: DosimeterUnit(f.Unit),
		SAD: f.SAD, SSD: f.SSD, Position: geometry.PatientPosition(f.Position),
	}
	if b.Unit == "" {
		b.Unit = MonitorUnits
	}
	for _, d := range f.Devices {
		kind := slices.Index(deviceKinds[:], d.Kind)
		if kind < 0 {
			return b, fmt.Errorf("%w: device kind %q, expected one of %v", ErrPlan, d.Kind, deviceKinds)
		}
		name := d.Name
		if name == "" {
			name = d.Kind
		}
		b.Devices = append(b.Devices, Device{Kind: DeviceKind(kind), Name: name, Boundaries: d.Boundaries})
	}
	var now ControlPoint
	for k, p := range f.Points {
		var err error
		if now, err = p.after(now, k == 0); err != nil {
			return b, fmt.Errorf("control point %d: %w", k, err)
		}
		b.Points = append(b.Points, now)
	}
	return b, nil
}

// after is the control point that follows now.
func (f *pointFile) after(now ControlPoint, first bool) (ControlPoint, error) {
	if f.Weight == nil {
		return now, fmt.Errorf("%w: no weight", ErrPlan)
	}
	now.Weight = *f.Weight
	for _, a := range []struct {
		name   string
		value  *float64
		to     *float64
		needed bool
	}{
		{"gantry_deg", f.GantryDeg, &now.GantryDeg, true},
		{"collimator_deg", f.CollimatorDeg, &now.CollimatorDeg, true},
		{"couch_deg", f.CouchDeg, &now.CouchDeg, true},
		{"pitch_deg", f.PitchDeg, &now.PitchDeg, false},
		{"roll_deg", f.RollDeg, &now.RollDeg, false},
	} {
		if a.value != nil {
			*a.to = *a.value
		} else if first && a.needed {
			return now, fmt.Errorf("%w: no %s in the first point", ErrPlan, a.name)
		}
	}
	for _, a := range []struct {
		value *string
		to    *Rotation
	}{
		{f.GantryTurn, &now.GantryTurn}, {f.CollimatorTurn, &now.CollimatorTurn}, {f.CouchTurn, &now.CouchTurn},
	} {
		if a.value == nil {
			continue
		}
		turn := slices.Index(rotations[:], *a.value)
		if turn < 0 {
			return now, fmt.Errorf("%w: turn %q, expected one of %v", ErrPlan, *a.value, rotations)
		}
		*a.to = Rotation(turn)
	}
	if f.Isocentre != nil {
		if len(f.Isocentre) != 3 {
			return now, fmt.Errorf("%w: isocentre of %d numbers", ErrPlan, len(f.Isocentre))
		}
		now.Isocentre = r3.Vec{X: f.Isocentre[0], Y: f.Isocentre[1], Z: f.Isocentre[2]}
	} else if first {
		return now, fmt.Errorf("%w: no isocentre_mm in the first point", ErrPlan)
	}
	if f.Positions != nil {
		now.Positions = f.Positions
	} else if first {
		return now, fmt.Errorf("%w: no positions_mm in the first point", ErrPlan)
	}
	return now, nil
}

func fileOf(p *Plan) planFile {
	f := planFile{
		Label: p.Label, UID: p.UID, ClassUID: p.ClassUID, StudyUID: p.StudyUID,
		FrameOfReferenceUID: p.FrameOfReferenceUID, StructureSetUID: p.StructureSetUID, Prescription: p.Prescription,
		Omitted: p.Omitted, Unmodelled: p.Unmodelled,
		Groups: []groupFile{}, Beams: []beamFile{},
	}
	for _, g := range p.Groups {
		group := groupFile{Number: g.Number, Fractions: g.Fractions, Beams: []metersetFile{}}
		for _, m := range g.Beams {
			one := metersetFile{Beam: m.BeamNumber}
			if !math.IsNaN(m.Meterset) {
				one.Meterset = &m.Meterset
			}
			group.Beams = append(group.Beams, one)
		}
		f.Groups = append(f.Groups, group)
	}
	for i := range p.Beams {
		b := &p.Beams[i]
		one := beamFile{
			Number: b.Number, Name: b.Name, Machine: b.Machine, EnergyMV: b.EnergyMV,
			FluenceMode: string(b.FluenceMode), Unit: string(b.Unit), SAD: b.SAD, SSD: b.SSD, Position: string(b.Position),
		}
		for _, d := range b.Devices {
			one.Devices = append(one.Devices, deviceFile{Kind: d.Kind.String(), Name: d.Name, Boundaries: d.Boundaries})
		}
		for k := range b.Points {
			one.Points = append(one.Points, pointOf(b, k))
		}
		f.Beams = append(f.Beams, one)
	}
	return f
}

// pointOf is a control point with every field, but for the positions where they
// are those of the point before.
func pointOf(b *Beam, k int) pointFile {
	p := &b.Points[k]
	gantry, collimator, couch := p.GantryTurn.String(), p.CollimatorTurn.String(), p.CouchTurn.String()
	f := pointFile{
		Weight: &p.Weight, GantryDeg: &p.GantryDeg, CollimatorDeg: &p.CollimatorDeg, CouchDeg: &p.CouchDeg,
		GantryTurn: &gantry, CollimatorTurn: &collimator, CouchTurn: &couch,
		PitchDeg: &p.PitchDeg, RollDeg: &p.RollDeg,
		Isocentre: []float64{p.Isocentre.X, p.Isocentre.Y, p.Isocentre.Z},
	}
	if k == 0 || !sameSetting(b.Points[k-1].Positions, p.Positions) {
		f.Positions = p.Positions
	}
	return f
}

// repeatedField fails for an object that names a field twice: of two numbers
// the decoder would take the last without a word.
func repeatedField(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	type level struct {
		names map[string]bool // nil in an array
		value bool            // a name has been read, its value comes next
	}
	var stack []level
	for {
		t, err := d.Token()
		if err != nil {
			return nil // the decoder says it better
		}
		if delim, ok := t.(json.Delim); ok && (delim == '}' || delim == ']') {
			stack = stack[:len(stack)-1]
			continue
		}
		if n := len(stack); n > 0 && stack[n-1].names != nil {
			top := &stack[n-1]
			if !top.value {
				name := strings.ToLower(t.(string)) // as the decoder matches names
				if top.names[name] {
					return fmt.Errorf("%w: the field %q stands twice in one object, at byte %d", ErrPlan, name, d.InputOffset())
				}
				top.names[name] = true
				top.value = true
				continue
			}
			top.value = false
		}
		switch t {
		case json.Delim('{'):
			stack = append(stack, level{names: map[string]bool{}})
		case json.Delim('['):
			stack = append(stack, level{})
		}
	}
}
