package heterogeneity

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// maxCalibrationBytes bounds what a file can make ReadCalibration hold.
const maxCalibrationBytes = 1 << 20

// ReadCalibration reads a calibration in the JSON form of Table. It fails with
// ErrCalibration for JSON that is broken, has a field that Table does not, is
// followed by more, or is longer than 1 MiB, and where NewCalibration fails.
func ReadCalibration(r io.Reader) (*Calibration, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxCalibrationBytes+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCalibration, err)
	}
	if len(data) > maxCalibrationBytes {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrCalibration, maxCalibrationBytes)
	}
	var t Table
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&t); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCalibration, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("%w: more after the end of the table", ErrCalibration)
	}
	return NewCalibration(t)
}

// Write writes the calibration in the form that ReadCalibration reads.
func (c *Calibration) Write(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(c.table)
}
