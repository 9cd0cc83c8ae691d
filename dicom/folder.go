package dicom

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/suyashkumar/dicom/pkg/tag"
	"github.com/suyashkumar/dicom/pkg/uid"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
)

// Kind is what a DICOM object is to this library.
type Kind string

// The kinds of objects in a Folder.
const (
	KindCT         Kind = "CT"         // a series of CT images
	KindStructures Kind = "structures" // an RTSTRUCT
	KindPlan       Kind = "plan"       // a photon RTPLAN
	KindDose       Kind = "dose"       // an RTDOSE
	KindOther      Kind = "other"      // an object that this library names and does not read
)

// SOP classes that this package acts on.
const (
	classCT         = "1.2.840.10008.5.1.4.1.1.2"
	classStructures = "1.2.840.10008.5.1.4.1.1.481.3"
	classPlan       = "1.2.840.10008.5.1.4.1.1.481.5"
	classDose       = "1.2.840.10008.5.1.4.1.1.481.2"
	classDirectory  = "1.2.840.10008.1.3.10"
)

// classNames are those that the dictionary lacks or names less clearly.
var classNames = map[string]string{
	"1.2.840.10008.5.1.4.1.1.2.1":         "Enhanced CT Image Storage",
	"1.2.840.10008.5.1.4.1.1.2.2":         "Legacy Converted Enhanced CT Image Storage",
	"1.2.840.10008.5.1.4.1.1.481.8":       "RT Ion Plan Storage",
	"1.2.840.10008.5.1.4.1.1.481.9":       "RT Ion Beams Treatment Record Storage",
	"1.2.246.352.70.1.70":                 "private RT plan class (Varian Halcyon, Ethos)",
	"2.16.840.1.114493.1.2.1.4.1.1.481.5": "private RT plan class (ViewRay MRIdian)",
}

func className(class string) string {
	name := classNames[class]
	if info, err := uid.Lookup(class); name == "" && err == nil {
		name = info.Name
	}
	if name == "" {
		return fmt.Sprintf("SOP class %q", class)
	}
	return fmt.Sprintf("%s (%s)", name, class)
}

// Object is one thing found in a folder: a series of images, or a structure
// set, plan or dose, with what it refers to.
type Object struct {
	Identity
	Kind     Kind
	UID      string   // series instance UID of images, SOP instance UID of the others
	Class    string   // SOP class UID
	Modality string   // as the file says; not what Kind goes by
	Label    string   // of the plan, the structure set, the series
	Frame    string   // frame of reference UID; empty when the file does not say
	Files    []string // sorted

	StructureSetUID string   // that a plan refers to
	PlanUIDs        []string // that a dose refers to
	SeriesUIDs      []string // CT series that a structure set was drawn on
	Frames          []string // frames of reference that a structure set names

	slices []slice
	err    error // why it cannot be read, where the scan already knows
}

// String is how an object is listed where one has to be chosen.
func (o Object) String() string {
	s := fmt.Sprintf("%s %s", o.Kind, o.UID)
	if o.Label != "" {
		s += fmt.Sprintf(" %q", o.Label)
	}
	return fmt.Sprintf("%s (%s)", s, o.Files[0])
}

// Folder is an index of the DICOM objects in files and folders. Nothing but the
// headers has been kept.
type Folder struct {
	Objects  []Object  // sorted by kind, then UID
	Problems []Problem // files that are not DICOM (warnings) or cannot be read
}

// AmbiguousError says that there are several objects where one was wanted.
type AmbiguousError struct {
	Wanted  string   // such as "CT series"
	Choices []Object // at least two
}

// Error lists the choices.
func (e *AmbiguousError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "dicom: several %s, choose one by its UID:", e.Wanted)
	for _, c := range e.Choices {
		fmt.Fprintf(&b, "\n  %s", c)
	}
	return b.String()
}

// ErrNotFound is wrapped by the error about an object that a folder lacks.
var ErrNotFound = errors.New("not in these files")

// Scan reads the headers of files, and of all files below folders, and sorts
// them by what they are, not by their names. It fails only when a path cannot
// be read at all: what is wrong with one file is a Problem of the folder.
func Scan(paths ...string) (*Folder, error) {
	files, err := list(paths)
	if err != nil {
		return nil, err
	}
	found := make([]scanned, len(files))
	memory := semaphore.NewWeighted(maxFile) // bytes of files that are open at once
	var group errgroup.Group
	group.SetLimit(workers())
	for i, path := range files {
		size := int64(1)
		if info, err := os.Stat(path); err == nil {
			size = max(1, min(info.Size(), maxFile))
		}
		if err := memory.Acquire(context.Background(), size); err != nil {
			return nil, &Error{File: path, Message: "cannot be read", Err: err}
		}
		group.Go(func() error {
			defer memory.Release(size)
			found[i] = scan(path)
			return nil
		})
	}
	group.Wait()
	return index(found), nil
}

// list is all files at and below paths, each once, sorted.
func list(paths []string) ([]string, error) {
	const most = 200_000 // files: a mistaken root folder is not read for hours
	var files []string
	for _, root := range paths {
		info, err := os.Stat(root)
		if err != nil {
			return nil, &Error{File: root, Message: "cannot be read", Err: err}
		}
		if !info.IsDir() {
			files = append(files, filepath.Clean(root))
			continue
		}
		err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.Type().IsRegular() || d.Type()&fs.ModeSymlink != 0 && leadsToFile(path) {
				files = append(files, path)
			}
			if len(files) > most {
				return fmt.Errorf("more than %d files", most)
			}
			return nil
		})
		if err != nil {
			return nil, &Error{File: root, Message: "cannot be read", Err: err}
		}
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

// leadsToFile reports whether a symbolic link is one to a file. Links to folders
// are not followed: they may lead in circles.
func leadsToFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// scanned is one file after a look at its header.
type scanned struct {
	path string
	Object
	slice *slice
	err   error // of the file as a whole
}

func scan(path string) scanned {
	s := scanned{path: path}
	o, err := open(path)
	if err != nil {
		s.err = err
		return s
	}
	s.Object = Object{
		Identity: o.identity(),
		UID:      o.text(tag.SOPInstanceUID),
		Class:    o.text(tag.SOPClassUID),
		Modality: o.text(tag.Modality),
		Frame:    o.text(tag.FrameOfReferenceUID),
		Files:    []string{path},
	}
	switch {
	case s.Class == classCT:
		s.Kind = KindCT
		s.UID = o.text(tag.SeriesInstanceUID)
		s.Label = o.text(tag.SeriesDescription)
		one, err := readSlice(o)
		s.slice, s.Object.err = &one, err
	case s.Class == classStructures:
		s.Kind = KindStructures
		s.Label = o.text(tag.StructureSetLabel)
		s.Object.err = s.readStructureLinks(o)
	case s.Class == classDose:
		s.Kind = KindDose
		s.Label = o.text(tag.DoseSummationType)
		s.PlanUIDs, s.Object.err = references(o.item, tag.ReferencedRTPlanSequence)
	case isPlan(o):
		s.Kind = KindPlan
		s.Label = o.text(tag.RTPlanLabel)
		var sets []string
		if sets, s.Object.err = references(o.item, tag.ReferencedStructureSetSequence); len(sets) > 0 {
			s.StructureSetUID = sets[0]
		}
	case s.Class == "" || s.Class == classDirectory:
		s.err = &Error{File: path, Tag: tagName(tag.SOPClassUID), Value: s.Class, Message: "holds no object", Err: ErrNotDICOM}
	default:
		s.Kind = KindOther
		if u := o.text(tag.SeriesInstanceUID); o.hasPixels && u != "" {
			s.UID = u
		}
		s.Label = o.text(tag.SeriesDescription)
		s.Object.err = o.fail(tag.SOPClassUID, s.Class, "%s is not read by this library", className(s.Class))
	}
	return s
}

// isPlan reports whether a file is a photon plan: by its SOP class, or, for the
// private classes of some machines, by its modality and its beams.
func isPlan(o *object) bool {
	return o.text(tag.SOPClassUID) == classPlan || o.text(tag.Modality) == "RTPLAN" && o.has(tag.BeamSequence)
}

// references are the instance UIDs that a reference sequence names.
func references(it item, sequence tag.Tag) ([]string, error) {
	items, err := it.items(sequence)
	var uids []string
	for _, one := range items {
		if u := one.text(tag.ReferencedSOPInstanceUID); u != "" {
			uids = append(uids, u)
		}
	}
	return uids, err
}

// readStructureLinks finds the frames and the image series that a structure
// set names.
func (s *scanned) readStructureLinks(o *object) error {
	frames, err := o.items(tag.ReferencedFrameOfReferenceSequence)
	if err != nil {
		return err
	}
	for _, f := range frames {
		s.Frames = append(s.Frames, f.text(tag.FrameOfReferenceUID))
		studies, err := f.items(tag.RTReferencedStudySequence)
		if err != nil {
			return err
		}
		for _, study := range studies {
			series, err := study.items(tag.RTReferencedSeriesSequence)
			if err != nil {
				return err
			}
			for _, one := range series {
				s.SeriesUIDs = append(s.SeriesUIDs, one.text(tag.SeriesInstanceUID))
			}
		}
	}
	rois, err := o.items(tag.StructureSetROISequence)
	for _, roi := range rois {
		s.Frames = append(s.Frames, roi.text(tag.ReferencedFrameOfReferenceUID))
	}
	s.Frames = unique(append(s.Frames, s.Frame))
	s.SeriesUIDs = unique(s.SeriesUIDs)
	return err
}

// unique is the values of s that are not empty, each once, sorted.
func unique(s []string) []string {
	s = slices.DeleteFunc(s, func(v string) bool { return v == "" })
	slices.Sort(s)
	return slices.Compact(s)
}

// index groups images into series and sorts the objects.
func index(found []scanned) *Folder {
	f := &Folder{}
	series := map[string]int{}
	for _, s := range found {
		if s.err != nil {
			p := refused(s.err)
			if errors.Is(s.err, ErrNotDICOM) {
				p.Severity = Warning
				p.Message = "skipped: " + p.Message
			}
			f.Problems = append(f.Problems, p)
			continue
		}
		if s.Kind != KindCT && s.Kind != KindOther {
			f.Objects = append(f.Objects, s.Object)
			continue
		}
		key := s.Class + " " + s.UID
		i, ok := series[key]
		if !ok {
			i = len(f.Objects)
			series[key] = i
			s.Object.Files = nil
			f.Objects = append(f.Objects, s.Object)
		}
		o := &f.Objects[i]
		o.Files = append(o.Files, s.path)
		if s.slice != nil {
			o.slices = append(o.slices, *s.slice)
			if o.err == nil {
				o.err = s.Object.err
			}
		}
	}
	slices.SortStableFunc(f.Objects, func(a, b Object) int {
		return cmp.Or(cmp.Compare(kindOrder[a.Kind], kindOrder[b.Kind]), strings.Compare(a.UID, b.UID))
	})
	return f
}

var kindOrder = map[Kind]int{KindCT: 0, KindStructures: 1, KindPlan: 2, KindDose: 3, KindOther: 4}

// Of is the objects of one kind.
func (f *Folder) Of(kind Kind) []Object {
	var out []Object
	for _, o := range f.Objects {
		if o.Kind == kind {
			out = append(out, o)
		}
	}
	return out
}

// choose is the one object of a kind with the given UID, or the only one when
// uid is empty. A file copied under another name, with the same UID, is a choice
// too: the copies may differ.
func (f *Folder) choose(kind Kind, wanted, uid string) (*Object, error) {
	var fit []Object
	for _, o := range f.Of(kind) {
		if uid == "" || o.UID == uid {
			fit = append(fit, o)
		}
	}
	switch len(fit) {
	case 1:
		return &fit[0], nil
	case 0:
		return nil, f.missing(wanted, uid)
	}
	return nil, &AmbiguousError{Wanted: wanted, Choices: fit}
}

// missing is the error about an object that is not there, which names what was
// refused or is of another kind instead, since that is most often why.
func (f *Folder) missing(wanted, uid string) error {
	message := "no " + wanted
	if uid != "" {
		message += " " + uid
	}
	const named = 3
	var instead []string
	for _, p := range f.Problems {
		if p.Severity == Refused {
			instead = append(instead, fmt.Sprintf("%s: %s %s", p.File, p.Tag, p.Message))
		}
	}
	for _, o := range f.Of(KindOther) {
		instead = append(instead, fmt.Sprintf("%s: %s", o.Files[0], className(o.Class)))
	}
	if len(instead) > named {
		instead = append(instead[:named], fmt.Sprintf("and %d more", len(instead)-named))
	}
	if len(instead) > 0 {
		message += " (found " + strings.Join(instead, "; ") + ")"
	}
	return &Error{Message: message, Err: ErrNotFound}
}

// CT reads the CT series with this series instance UID; an empty UID stands for
// the only one. It fails with *AmbiguousError when there are several.
func (f *Folder) CT(seriesUID string) (*CT, error) {
	o, err := f.choose(KindCT, "CT series", seriesUID)
	if err != nil {
		return nil, err
	}
	if o.err != nil {
		return nil, o.err
	}
	ct, err := readCT(o.slices)
	if err != nil {
		return nil, err
	}
	for _, p := range f.Problems { // a slice may be among them
		if p.Severity == Refused {
			p.Severity = Warning
			p.Message = "left out, it cannot be read: " + p.Message
			ct.Warnings = append(ct.Warnings, p)
		}
	}
	return ct, nil
}
