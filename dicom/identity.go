package dicom

import "github.com/suyashkumar/dicom/pkg/tag"

// Identity is who and which study a file belongs to: what a file made from it
// must repeat. Dates are YYYYMMDD and times HHMMSS as DICOM writes them; every
// field is empty when the file leaves it out.
type Identity struct {
	PatientName        string // PN: family^given^middle^prefix^suffix
	PatientID          string
	PatientBirthDate   string
	PatientSex         string // M, F, O or as found
	StudyUID           string
	StudyDate          string
	StudyTime          string
	StudyID            string
	AccessionNumber    string
	ReferringPhysician string // PN
}

func (it item) identity() Identity {
	return Identity{
		PatientName:        it.text(tag.PatientName),
		PatientID:          it.text(tag.PatientID),
		PatientBirthDate:   it.text(tag.PatientBirthDate),
		PatientSex:         it.text(tag.PatientSex),
		StudyUID:           it.text(tag.StudyInstanceUID),
		StudyDate:          it.text(tag.StudyDate),
		StudyTime:          it.text(tag.StudyTime),
		StudyID:            it.text(tag.StudyID),
		AccessionNumber:    it.text(tag.AccessionNumber),
		ReferringPhysician: it.text(tag.ReferringPhysicianName),
	}
}
