package geometry

import (
	"errors"
	"fmt"
	"strings"

	"gonum.org/v1/gonum/spatial/r3"
)

// ErrStructure is wrapped by errors about a structure that is missing or not
// the only one of its kind.
var ErrStructure = errors.New("geometry: structure not found")

// Role is what a structure stands for: the RT ROI Interpreted Type of DICOM
// (3006,00A4), empty when the file does not say.
type Role string

// Roles that this library acts on; files carry others, kept as they are.
const (
	External Role = "EXTERNAL"
	PTV      Role = "PTV"
	Organ    Role = "ORGAN"
	Support  Role = "SUPPORT"
	Bolus    Role = "BOLUS"
)

// Contour is one closed polygon in a plane: its corners in mm, LPS, in order,
// the first not repeated at the end.
type Contour []r3.Vec

// Structure is a named region of interest, drawn as closed planar contours.
// The region in one plane is what an odd number of its contours enclose
// (even–odd rule); between planes it is interpolated (see Solid).
type Structure struct {
	Number   int      // ROI number, its identity within the set
	Name     string   // as displayed; names may repeat
	Role     Role     // what it stands for, if known
	Color    [3]uint8 // display colour, RGB; zero if the file gives none
	Contours []Contour

	// RelativeElectronDensity and MassDensity (g/cm³) override the CT inside
	// the structure when above zero (ROI Physical Properties of DICOM).
	RelativeElectronDensity float64
	MassDensity             float64
}

// StructureSet is the structures of one RTSTRUCT, all in one frame of reference.
type StructureSet struct {
	Label               string
	UID                 string // SOP instance UID; empty if not from DICOM
	FrameOfReferenceUID string
	SeriesUID           string // CT series they were drawn on, if known
	Structures          []Structure
}

// External is the structure with the role EXTERNAL; where no structure has a
// role EXTERNAL, the one named body, external or skin (any case). It fails
// with ErrStructure when there is none or more than one.
func (s *StructureSet) External() (*Structure, error) {
	byRole := s.all(func(r *Structure) bool {
		return strings.EqualFold(strings.TrimSpace(string(r.Role)), string(External))
	})
	if len(byRole) > 0 {
		return only(byRole, "structure with role EXTERNAL")
	}
	return only(s.all(func(r *Structure) bool {
		switch strings.ToLower(strings.TrimSpace(r.Name)) {
		case "body", "external", "skin":
			return true
		}
		return false
	}), "structure with role EXTERNAL, nor one named body, external or skin")
}

// Named is the structure of that name, exactly or else ignoring case and
// surrounding space. It fails with ErrStructure when none or several match.
func (s *StructureSet) Named(name string) (*Structure, error) {
	exact := s.all(func(r *Structure) bool { return r.Name == name })
	if len(exact) > 0 {
		return only(exact, fmt.Sprintf("structure named %q", name))
	}
	return only(s.all(func(r *Structure) bool {
		return strings.EqualFold(strings.TrimSpace(r.Name), strings.TrimSpace(name))
	}), fmt.Sprintf("structure named %q", name))
}

func (s *StructureSet) all(match func(*Structure) bool) []*Structure {
	var found []*Structure
	if s == nil {
		return nil
	}
	for i := range s.Structures {
		if match(&s.Structures[i]) {
			found = append(found, &s.Structures[i])
		}
	}
	return found
}

func only(found []*Structure, what string) (*Structure, error) {
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return nil, fmt.Errorf("%w: no %s", ErrStructure, what)
	}
	numbers := make([]string, len(found))
	for i, r := range found {
		numbers[i] = fmt.Sprintf("%d %q", r.Number, r.Name)
	}
	return nil, fmt.Errorf("%w: more than one %s: %s", ErrStructure, what, strings.Join(numbers, ", "))
}
