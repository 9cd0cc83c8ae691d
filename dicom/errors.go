package dicom

import (
	"errors"
	"fmt"
	"strings"
)

// ErrNotDICOM is wrapped by the error about a file that is something else: a
// picture, an archive, a note. A folder is read past such files.
var ErrNotDICOM = errors.New("not a DICOM file")

// Error is what is wrong with a file: where, and with which value.
type Error struct {
	File    string // path as given; empty where no single file is at fault
	Tag     string // such as "BeamSequence[2]/(300A,00C0) BeamNumber"; empty where no single element is at fault
	Value   string // as found; empty when the element is missing
	Message string // what was expected or what cannot be done
	Err     error  // the cause, if there is one
}

// Error is the file, the element, its value and the message in one line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("dicom: ")
	if e.File != "" {
		b.WriteString(e.File + ": ")
	}
	if e.Tag != "" {
		b.WriteString(e.Tag)
		if e.Value != "" {
			fmt.Fprintf(&b, " = %q", e.Value)
		}
		b.WriteString(": ")
	}
	b.WriteString(e.Message)
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Severity says what became of a file or an object with a problem.
type Severity string

// The severities of a Problem.
const (
	Warning Severity = "warning" // loaded, with this to be known
	Refused Severity = "refused" // not loaded
)

// Problem is one thing found wrong, in the form of `kerma info --json`.
type Problem struct {
	Severity Severity `json:"severity"`
	File     string   `json:"file"`
	Tag      string   `json:"tag"`
	Value    string   `json:"value"`
	Message  string   `json:"message"`
}

// refused is err as a Problem.
func refused(err error) Problem {
	var e *Error
	if !errors.As(err, &e) {
		return Problem{Severity: Refused, Message: err.Error()}
	}
	message := e.Message
	if e.Err != nil {
		message += ": " + e.Err.Error()
	}
	return Problem{Severity: Refused, File: e.File, Tag: e.Tag, Value: e.Value, Message: message}
}
