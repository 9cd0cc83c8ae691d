//go:build linux

package dicom

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/suyashkumar/dicom/pkg/tag"
)

// hostile are files that kill the parser, or make it answer with nonsense, when
// it is given them unwalked. Each is read in a process of its own.
func hostile() map[string][]byte {
	begin := explicit(tag.SOPClassUID, "UI", -1, classCT+"\x00")
	item, sq := tag.Item, tag.ReferencedStudySequence
	nested := func(depth int) string {
		var b strings.Builder
		for range depth {
			b.WriteString(explicit(sq, "SQ", int64(undefined), "") + explicit(item, "", int64(undefined), ""))
		}
		return b.String()
	}
	ct := func(change func(image)) []byte {
		m := phantomSeries(orientations["HFS"][0], orientations["HFS"][1], []float64{0}, ramp)[0]
		change(m)
		return m.file()
	}
	set := func(t tag.Tag, vr, value string) []byte {
		return ct(func(m image) { m[t] = attribute{vr, value} })
	}
	long := func(v uint32) string { return string(binary.LittleEndian.AppendUint32(nil, v)) }
	files := map[string][]byte{
		"OB of 4 GiB":        withMeta(syntaxExplicit, begin+explicit(tag.EncapsulatedDocument, "OB", 0xfffffffe, "")),
		"UT of 4 GiB":        withMeta(syntaxExplicit, begin+explicit(tag.TextValue, "UT", 0xfffffffe, "")),
		"UN of 4 GiB":        withMeta(syntaxExplicit, begin+explicit(tag.Tag{Group: 9, Element: 0x1001}, "UN", 0xfffffffe, "")),
		"pixels of 4 GiB":    withMeta(syntaxExplicit, begin+explicit(tag.PixelData, "OW", 0xfffffffe, "")),
		"implicit of 4 GiB":  withMeta(syntaxImplicit, implicit(tag.SOPClassUID, -1, classCT)+implicit(tag.TextValue, 0xfffffffe, "")),
		"item of 4 GiB":      withMeta(syntaxExplicit, begin+explicit(sq, "SQ", int64(undefined), explicit(item, "", 0xfffffffe, ""))),
		"fragment of 4 GiB":  withMeta("1.2.840.10008.1.2.5", begin+explicit(tag.PixelData, "OB", int64(undefined), explicit(item, "", 0xfffffffe, ""))),
		"nested 3,000":       withMeta(syntaxExplicit, begin+nested(3000)),
		"nested 100,000":     withMeta(syntaxExplicit, begin+nested(100_000)),
		"nested 3,000,000":   withMeta(syntaxExplicit, begin+nested(3_000_000)),
		"nested UN":          withMeta(syntaxExplicit, begin+strings.Repeat(explicit(tag.Tag{Group: 9, Element: 0x1001}, "UN", int64(undefined), "")+explicit(item, "", int64(undefined), ""), 3000)),
		"one byte of Rows":   set(tag.Rows, "US", ""),
		"Rows as text":       set(tag.Rows, "LO", "30"),
		"two Rows":           set(tag.Rows, "US", ushort(30)+ushort(30)),
		"Rows twice":         withMeta(syntaxExplicit, begin+explicit(tag.Rows, "US", -1, ushort(30))+explicit(tag.Rows, "US", -1, ushort(4))),
		"200,000,000 frames": set(tag.NumberOfFrames, "IS", "200000000 "),
		"-1 frames":          set(tag.NumberOfFrames, "IS", "-1"),
		"65535 × 65535": ct(func(m image) {
			m[tag.Rows], m[tag.Columns] = attribute{"US", ushort(65535)}, attribute{"US", ushort(65535)}
		}),
		"no rows":            set(tag.Rows, "US", ushort(0)),
		"charset as US":      ct(func(m image) { m[tag.SpecificCharacterSet] = attribute{"US", ushort(1)}; delete(m, tag.Rows) }),
		"Thai":               ct(func(m image) { m[tag.SpecificCharacterSet] = attribute{"CS", "ISO_IR 166"}; delete(m, tag.Rows) }),
		"unknown syntax":     withMeta("1.2.3.4", begin),
		"empty syntax":       withMeta("", begin),
		"no item":            withMeta(syntaxExplicit, begin+explicit(sq, "SQ", -1, explicit(tag.StudyID, "SH", -1, "1"))),
		"delimiter at root":  withMeta(syntaxExplicit, begin+explicit(tag.ItemDelimitationItem, "", 0, "")),
		"item at root":       withMeta(syntaxExplicit, begin+explicit(item, "", 0, "")),
		"long delimiter":     withMeta(syntaxExplicit, begin+explicit(sq, "SQ", int64(undefined), explicit(tag.SequenceDelimitationItem, "", 64, ""))),
		"OV":                 withMeta(syntaxExplicit, begin+explicit(tag.Tag{Group: 9, Element: 0x1001}, "OV", -1, "1234")),
		"unknown VR":         withMeta(syntaxExplicit, begin+explicit(tag.StudyID, "ZZ", -1, "1")),
		"undefined UT":       withMeta(syntaxExplicit, begin+explicit(tag.TextValue, "UT", int64(undefined), "")),
		"undefined LO":       withMeta(syntaxExplicit, begin+explicit(tag.PatientID, "LO", 0xffff, "")),
		"undefined OB":       withMeta(syntaxExplicit, begin+explicit(tag.EncapsulatedDocument, "OB", int64(undefined), explicit(tag.PatientID, "LO", -1, "1"))),
		"zeros":              make([]byte, 1<<20),
		"zeros behind DICM":  withMeta(syntaxImplicit, strings.Repeat("\x00", 1<<20)),
		"group length lies":  []byte(strings.Repeat("\x00", 128) + "DICM" + explicit(tag.FileMetaInformationGroupLength, "UL", -1, long(0xffffffff))),
		"backslashes":        set(tag.ImagePositionPatient, "UN", strings.Repeat(`\`, 40<<20)),
		"8,000,000 elements": withMeta(syntaxImplicit, manyElements(8_000_000)),
		"deflated 70 MB":     withMeta(syntaxDeflated, begin+strings.Repeat("\x00", 70<<20)),
		"deflated noise":     withMeta(syntaxExplicit+".99", begin)[:200],
	}
	files["text inside a sequence of its own"] = withMeta(syntaxExplicit, begin+explicit(sq, "SQ", -1, explicit(item, "", 4, "abcd")))
	return files
}

// manyElements are empty elements with ascending private tags.
func manyElements(n int) string {
	b := make([]byte, 0, 8*n)
	for i := range n {
		b = binary.LittleEndian.AppendUint16(b, uint16(9+2*(i>>16)))
		b = binary.LittleEndian.AppendUint16(b, uint16(i))
		b = binary.LittleEndian.AppendUint32(b, 0)
	}
	return string(b)
}

const (
	hostileFile    = "KERMA_HOSTILE_FILE"
	hostileMemory  = 3 << 30 // bytes of address space, of which Go itself reserves one
	hostileSeconds = 60
)

func TestHostileFileIsATypedErrorNotDeath(t *testing.T) {
	if path := os.Getenv(hostileFile); path != "" {
		readHostile(path)
		return
	}
	if raceDetector {
		t.Skip("the race detector's shadow memory does not fit under the memory limit")
	}
	dir := t.TempDir()
	for name, data := range hostile() {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, "hostile.dcm")
			require.NoError(t, os.WriteFile(path, data, 0o644))
			child := exec.Command(os.Args[0], "-test.run=^TestHostileFileIsATypedErrorNotDeath$")
			child.Env = append(os.Environ(), hostileFile+"="+path)
			var out bytes.Buffer
			child.Stdout, child.Stderr = &out, &out
			require.NoError(t, child.Start())
			kill := time.AfterFunc(hostileSeconds*time.Second, func() { child.Process.Kill() })
			err := child.Wait()
			kill.Stop()
			said := out.String()
			if len(said) > 600 {
				said = said[:600]
			}
			require.NoError(t, err, "%d bytes: %s", len(data), said)
			assert.Contains(t, said, "refused:")
		})
	}
}

// readHostile is what the child process does: every public reader on one file,
// under a limit of memory. It ends the process with 0 only when each answered
// with a typed error.
func readHostile(path string) {
	limit := syscall.Rlimit{Cur: hostileMemory, Max: hostileMemory}
	if err := syscall.Setrlimit(syscall.RLIMIT_AS, &limit); err != nil {
		fmt.Println("no limit of memory:", err)
		os.Exit(3)
	}
	for name, read := range readers {
		err := read(path)
		var e *Error
		if !errors.As(err, &e) {
			fmt.Printf("%s: %v\n", name, err)
			os.Exit(4)
		}
		message := err.Error()
		fmt.Printf("refused: %s: %.120s\n", name, message)
	}
	os.Exit(0)
}

// readers are the public functions that read a file.
var readers = map[string]func(path string) error{
	"ReadCT":         func(path string) error { _, err := ReadCT(path); return err },
	"ReadStructures": func(path string) error { _, err := ReadStructures(path); return err },
	"ReadPlan":       func(path string) error { _, err := ReadPlan(path, PlanOptions{}); return err },
	"ReadDose":       func(path string) error { _, err := ReadDose(path); return err },
	"Inspect": func(path string) error { // which never fails because of a file, but says what is wrong
		infos, err := Inspect(path)
		if err == nil && len(infos) == 1 && len(infos[0].Problems) > 0 {
			err = &Error{File: path, Message: infos[0].Problems[0].Message}
		}
		return err
	},
}
