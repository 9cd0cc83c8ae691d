package heterogeneity

import (
	"bytes"
	_ "embed"
	"fmt"
)

// DefaultCalibration is a generic curve for scans at 120 kV, through the
// tissues of ICRU 44. Water (0 HU) is exactly 1 g/cm³ and 1 electron density.
//
//	−1000 HU  dry air (also below, to −1024)
//	 −742 HU  inflated lung 0.26 g/cm³, stoichiometric
//	  −90 HU  adipose 0.95 g/cm³, as in matRad's curve and the Gammex 467 inserts
//	    0 HU  water
//	   41 HU  skeletal muscle 1.05 g/cm³, stoichiometric
//	 1525 HU  cortical bone 1.92 g/cm³, where Schneider's skeletal line reaches it
//	 3071 HU  Schneider's slope 0.000592 g/cm³ per HU carried on, cortical bone
//
// "Stoichiometric" is the CT number of the ICRU 44 composition by Schneider,
// Pedroni, Lomax, Phys Med Biol 41 (1996) 111, with their example scanner. A
// clinic's own measured curve is better than any generic one: published inserts
// of one CT number near 1200 HU differ by 6 % in density between scanners.
var DefaultCalibration = builtin(genericJSON)

// SchneiderCalibration is the conversion of Schneider, Bortfeld, Schlegel,
// Phys Med Biol 45 (2000) 459, as published: linear pieces in mass density, 24
// compositions. Its pieces do not meet: density steps by +0.05 % at −98 HU,
// −0.14 % at 15 HU, −0.01 % at 23 HU, −3.9 % at 101 HU; from 2995 HU on it is
// titanium. The electron density follows the composition, so it steps where
// that changes. 0 HU is 1.018 g/cm³: the curve describes tissue, not phantoms.
var SchneiderCalibration = builtin(schneiderJSON)

// MatRadCalibration is the HU to relative electron density curve that matRad
// and pyRadPlan use by default, to reproduce their doses. Mass density follows
// from the material.
var MatRadCalibration = builtin(matRadJSON)

// Calibrations are the calibrations that come with the package.
func Calibrations() []*Calibration {
	return []*Calibration{DefaultCalibration, SchneiderCalibration, MatRadCalibration}
}

// CalibrationNamed is the calibration of that name that comes with the package.
func CalibrationNamed(name string) (*Calibration, error) {
	var names []string
	for _, c := range Calibrations() {
		if c.Name() == name {
			return c, nil
		}
		names = append(names, c.Name())
	}
	return nil, fmt.Errorf("heterogeneity: no CT calibration %q, there are %q", name, names)
}

var (
	//go:embed calibrations/generic.json
	genericJSON []byte
	//go:embed calibrations/schneider2000.json
	schneiderJSON []byte
	//go:embed calibrations/matrad.json
	matRadJSON []byte
)

func builtin(data []byte) *Calibration {
	c, err := ReadCalibration(bytes.NewReader(data))
	if err != nil {
		panic(err)
	}
	return c
}
