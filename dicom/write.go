package dicom

import (
	"bufio"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/kerma-rt/kerma/internal/version"
	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"
	"github.com/suyashkumar/dicom/pkg/uid"
)

// implementationUID is ours, for ever: a UUID drawn once (PS3.5 B.2).
const implementationUID = "2.25.254109896794681471596955141416352674846"

// newUID is a UID from a random UUID: 2.25 and its 128 bits as a decimal number.
func newUID() (string, error) {
	id, err := uuid.NewRandom()
	if err != nil {
		return "", &Error{Message: "no identifier could be drawn", Err: err}
	}
	return "2.25." + new(big.Int).SetBytes(id[:]).String(), nil
}

// dataset collects the elements of a file to be written. The first error stays.
type dataset struct {
	elements []*dicom.Element
	err      error
}

// add appends an element: text, whole numbers, or items of a sequence.
func (d *dataset) add(t tag.Tag, value any) {
	if d.err != nil {
		return
	}
	e, err := dicom.NewElement(t, value)
	if err != nil {
		d.err = &Error{Tag: tagName(t), Value: valueText(value), Message: "cannot be written", Err: err}
		return
	}
	d.elements = append(d.elements, e)
}

// text appends one value of text.
func (d *dataset) text(t tag.Tag, value string) { d.add(t, []string{value}) }

// long appends text of a value representation with a limit of n characters,
// which the value must keep.
func (d *dataset) long(t tag.Tag, value string, n int) {
	if d.err == nil && len([]rune(value)) > n {
		d.err = &Error{Tag: tagName(t), Value: valueText(value), Message: fmt.Sprintf("is longer than %d characters", n)}
	}
	d.text(t, value)
}

// decimals appends a list of decimal strings, joined here: the library's own
// joining takes quadratic time.
func (d *dataset) decimals(t tag.Tag, values ...float64) {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = decimal(v)
	}
	d.text(t, strings.Join(parts, `\`))
}

// whole appends an integer string.
func (d *dataset) whole(t tag.Tag, n int) { d.text(t, strconv.Itoa(n)) }

// short appends an unsigned 16-bit number.
func (d *dataset) short(t tag.Tag, n int) { d.add(t, []int{n}) }

// sequence appends a sequence.
func (d *dataset) sequence(t tag.Tag, items ...*dataset) {
	values := make([][]*dicom.Element, len(items))
	for i, it := range items {
		if it.err != nil && d.err == nil {
			d.err = it.err
		}
		values[i] = it.sorted()
	}
	d.add(t, values)
}

func (d *dataset) sorted() []*dicom.Element {
	slices.SortStableFunc(d.elements, func(a, b *dicom.Element) int { return a.Tag.Compare(b.Tag) })
	return d.elements
}

// decimal is a number as a decimal string (DS): the shortest that is exactly it,
// or as many digits as fit in the 16 characters.
func decimal(v float64) string {
	const most = 16
	for precision := -1; ; precision-- {
		digits := precision
		if precision < -1 {
			digits = 19 + precision // 17, 16, …
		}
		s := strconv.FormatFloat(v, 'g', digits, 64)
		s = strings.Replace(strings.Replace(s, "e-0", "e-", 1), "e+0", "e+", 1)
		if len(s) <= most || digits == 1 {
			return s
		}
	}
}

// origin fills what every object of ours has: the file meta information and the
// patient, study, series, equipment and SOP common modules.
func (d *dataset) origin(class, instance, series, modality string, id Identity, at time.Time) {
	d.add(tag.FileMetaInformationVersion, []byte{0, 1})
	d.text(tag.MediaStorageSOPClassUID, class)
	d.text(tag.MediaStorageSOPInstanceUID, instance)
	d.text(tag.TransferSyntaxUID, uid.ImplicitVRLittleEndian)
	d.text(tag.ImplementationClassUID, implementationUID)
	d.long(tag.ImplementationVersionName, "KERMA_"+version.Version, 16)

	d.text(tag.SpecificCharacterSet, "ISO_IR 192")
	d.text(tag.InstanceCreationDate, at.Format("20060102"))
	d.text(tag.InstanceCreationTime, at.Format("150405"))
	d.text(tag.SOPClassUID, class)
	d.text(tag.SOPInstanceUID, instance)
	d.text(tag.StudyDate, id.StudyDate)
	d.text(tag.StudyTime, id.StudyTime)
	d.text(tag.AccessionNumber, id.AccessionNumber)
	d.text(tag.Modality, modality)
	d.text(tag.Manufacturer, "Kerma")
	d.text(tag.ReferringPhysicianName, id.ReferringPhysician)
	d.text(tag.OperatorsName, "")

	d.text(tag.PatientName, id.PatientName)
	d.text(tag.PatientID, id.PatientID)
	d.text(tag.PatientBirthDate, id.PatientBirthDate)
	d.text(tag.PatientSex, id.PatientSex)

	d.text(tag.StudyInstanceUID, id.StudyUID)
	d.text(tag.SeriesInstanceUID, series)
	d.text(tag.StudyID, id.StudyID)
	d.text(tag.SeriesNumber, "1")
}

// write puts the data set into a file at path, whole or not at all: it is
// written under another name in the same folder, brought to the disk, read back
// and checked, and only then takes its name. On any failure nothing is left
// behind and what stood at path stays.
func (d *dataset) write(path string, check func(temporary string) error) (err error) {
	if d.err != nil {
		return d.err
	}
	var random [8]byte
	if _, err := rand.Read(random[:]); err != nil {
		return &Error{File: path, Message: "cannot be written", Err: err}
	}
	temporary := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+hex.EncodeToString(random[:])+".tmp")
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return &Error{File: path, Message: "cannot be written", Err: err}
	}
	defer func() {
		if err != nil {
			os.Remove(temporary)
		}
	}()
	if err := d.encode(f); err != nil {
		f.Close()
		return &Error{File: path, Message: "cannot be written", Err: err}
	}
	if err := f.Close(); err != nil {
		return &Error{File: path, Message: "cannot be written", Err: err}
	}
	if err := check(temporary); err != nil {
		return &Error{File: path, Message: "the file does not hold what was written to it", Err: err}
	}
	if err := os.Rename(temporary, path); err != nil {
		return &Error{File: path, Message: "cannot be written", Err: err}
	}
	if folder, err := os.Open(filepath.Dir(path)); err == nil {
		folder.Sync() // so that the name survives a crash; not every file system can
		folder.Close()
	}
	return nil
}

func (d *dataset) encode(f *os.File) (err error) {
	defer func() {
		if r := recover(); r != nil { // as where files are read: the library is not trusted
			err = fmt.Errorf("the DICOM writer failed: %v", r)
		}
	}()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := dicom.Write(w, dicom.Dataset{Elements: d.sorted()}); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Sync()
}
