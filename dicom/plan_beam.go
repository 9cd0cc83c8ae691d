package dicom

import (
	"fmt"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/suyashkumar/dicom/pkg/tag"
)

// readBeam is a beam of the file.
type readBeam struct {
	beam.Beam
	skipped bool // it gives no photon treatment dose, which the plan has said already
	named   bool // Omitted says of it that it gives nothing in some fraction group
}

// beams reads every item of BeamSequence.
func (r *planReader) beams() ([]readBeam, error) {
	items, err := r.o.items(tag.BeamSequence)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 && len(r.plan.Unmodelled) == 0 {
		if r.o.has(tag.IonBeamSequence) {
			return nil, r.o.fail(tag.IonBeamSequence, nil, "ion beams are not read as photon beams")
		}
		return nil, r.o.fail(tag.BeamSequence, nil, "is missing or empty")
	}
	var out []readBeam
	seen := map[int]bool{}
	for _, it := range items {
		b, err := r.beam(it)
		if err != nil {
			return nil, err
		}
		if seen[b.Number] {
			return nil, it.fail(tag.BeamNumber, b.Number, "two beams have this number")
		}
		seen[b.Number] = true
		out = append(out, b)
	}
	return out, nil
}

func (r *planReader) beam(it item) (b readBeam, err error) {
	number, ok, err := it.integer(tag.BeamNumber)
	if err != nil {
		return b, err
	}
	if !ok {
		return b, it.fail(tag.BeamNumber, nil, "is missing")
	}
	b.Number, b.Name, b.Machine = number, it.text(tag.BeamName), it.text(tag.TreatmentMachineName)
	name := b.Beam.String()
	switch delivery := it.text(tag.TreatmentDeliveryType); delivery {
	case "", "TREATMENT", "CONTINUATION":
	case "SETUP", "OPEN_PORTFILM", "TRMT_PORTFILM":
		b.skipped = true
		r.plan.Omitted = append(r.plan.Omitted, fmt.Sprintf("%s: %s, no treatment", name, delivery))
		return b, nil
	default:
		return b, it.fail(tag.TreatmentDeliveryType, delivery, "%s: expected TREATMENT or SETUP", name)
	}
	if radiation := it.text(tag.RadiationType); radiation != "PHOTON" {
		b.skipped = true
		return b, r.unmodelled(it, tag.RadiationType, radiation, "%s: radiation %q, only PHOTON beams are computed", name, radiation)
	}
	if err := r.modifiers(it, name); err != nil {
		return b, err
	}
	if b.Position, err = r.position(it, name); err != nil {
		return b, err
	}
	if b.SAD, ok, err = it.number(tag.SourceAxisDistance); err != nil {
		return b, err
	} else if ok && !(b.SAD > 0 && b.SAD < farthest) {
		return b, it.fail(tag.SourceAxisDistance, b.SAD, "%s: expected a distance in mm", name)
	}
	switch unit := it.text(tag.PrimaryDosimeterUnit); unit {
	case "MU", "MINUTE":
		b.Unit = beam.DosimeterUnit(unit)
	case "":
		b.Unit = beam.MonitorUnits
		r.warn(it, tag.PrimaryDosimeterUnit, nil, "%s: taken as monitor units", name)
	default:
		return b, it.fail(tag.PrimaryDosimeterUnit, unit, "%s: expected MU or MINUTE", name)
	}
	if b.FluenceMode, err = r.fluenceMode(it, name); err != nil {
		return b, err
	}
	if b.Devices, err = r.devices(it, name); err != nil {
		return b, err
	}
	return b, r.points(it, &b.Beam)
}

// fluenceMode tells flattened beams from the others by
// PrimaryFluenceModeSequence (3002,0050), C.8.8.14.
func (r *planReader) fluenceMode(it item, name string) (beam.FluenceMode, error) {
	modes, err := it.items(tag.PrimaryFluenceModeSequence)
	if err != nil {
		return "", err
	}
	if len(modes) == 0 {
		const varian = 0x3285 // its element (3285,1000) held the mode before DICOM had one
		for _, e := range it.elements {
			if e.Tag.Group == varian {
				r.warn(it, tag.PrimaryFluenceModeSequence, nil, "%s: taken as flattened; a private element, which is not read, may say otherwise", name)
				break
			}
		}
		return beam.Flattened, nil
	}
	if len(modes) > 1 {
		return "", it.fail(tag.PrimaryFluenceModeSequence, len(modes), "%s: expected one item", name)
	}
	switch mode, id := modes[0].text(tag.FluenceMode), modes[0].text(tag.FluenceModeID); {
	case mode == "STANDARD":
		return beam.Flattened, nil
	case mode == "NON_STANDARD" && id != "":
		return beam.FluenceMode(id), nil
	case mode == "NON_STANDARD":
		return "", modes[0].fail(tag.FluenceModeID, nil, "%s: is missing where the fluence is not the standard one", name)
	default:
		return "", modes[0].fail(tag.FluenceMode, mode, "%s: expected STANDARD or NON_STANDARD", name)
	}
}

// deviceKinds are the types of C.8.8.27 and the names that machines with two
// layers of leaves give them.
var deviceKinds = map[string]beam.DeviceKind{
	"X": beam.JawX, "ASYMX": beam.JawX,
	"Y": beam.JawY, "ASYMY": beam.JawY,
	"MLCX": beam.MLCX, "MLCX1": beam.MLCX, "MLCX2": beam.MLCX,
	"MLCY": beam.MLCY, "MLCY1": beam.MLCY, "MLCY2": beam.MLCY,
}

// devices reads BeamLimitingDeviceSequence. A device is known by its type alone,
// so no two may have one type.
func (r *planReader) devices(it item, name string) ([]beam.Device, error) {
	items, err := it.items(tag.BeamLimitingDeviceSequence)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, it.fail(tag.BeamLimitingDeviceSequence, nil, "%s: is missing, so the aperture is not known", name)
	}
	var out []beam.Device
	for _, one := range items {
		d := beam.Device{Name: one.text(tag.RTBeamLimitingDeviceType)}
		kind, ok := deviceKinds[d.Name]
		if !ok {
			return nil, one.fail(tag.RTBeamLimitingDeviceType, d.Name, "%s: unknown device, expected X, Y, ASYMX, ASYMY, MLCX or MLCY", name)
		}
		d.Kind = kind
		for _, other := range out {
			if other.Name == d.Name {
				return nil, one.fail(tag.RTBeamLimitingDeviceType, d.Name, "%s: two devices have this type, so their positions cannot be told apart by it", name)
			}
		}
		pairs, ok, err := one.integer(tag.NumberOfLeafJawPairs)
		if err != nil {
			return nil, err
		}
		if !ok || pairs < 1 {
			return nil, one.fail(tag.NumberOfLeafJawPairs, pairs, "%s, %s: expected at least one pair", name, d.Name)
		}
		switch kind {
		case beam.MLCX, beam.MLCY:
			if d.Boundaries, err = one.numbers(tag.LeafPositionBoundaries); err != nil {
				return nil, err
			}
			if len(d.Boundaries) != pairs+1 {
				return nil, one.fail(tag.LeafPositionBoundaries, nil, "%s, %s: %d boundaries for %d leaf pairs, expected %d", name, d.Name, len(d.Boundaries), pairs, pairs+1)
			}
			for i := 1; i < len(d.Boundaries); i++ {
				if !(d.Boundaries[i] > d.Boundaries[i-1]) {
					return nil, one.fail(tag.LeafPositionBoundaries, d.Boundaries[i], "%s, %s: boundaries do not ascend", name, d.Name)
				}
			}
		default:
			if pairs != 1 {
				return nil, one.fail(tag.NumberOfLeafJawPairs, pairs, "%s, %s: jaws are one pair", name, d.Name)
			}
		}
		out = append(out, d)
	}
	return out, nil
}
