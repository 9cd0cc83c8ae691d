package check

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/goregular"

	"github.com/kerma-rt/kerma/internal/page"
	"github.com/kerma-rt/kerma/internal/report"
)

// colours of the verdicts, dark enough for print.
var colours = map[Verdict][3]int{Pass: {26, 127, 75}, Look: {180, 83, 9}, Fail: {192, 38, 38}}

// WritePDF writes the check for paper: the verdict first, the figures, a picture
// of the dose, then what was not modelled. picture may be nil.
func (r *Report) WritePDF(w io.Writer, title string, identity []report.Field, picture image.Image, made time.Time) error {
	const margin, width = 14.0, 210 - 2*14.0 // mm, A4
	p := fpdf.New("P", "mm", "A4", "")
	p.AddUTF8FontFromBytes("go", "", goregular.TTF)
	p.AddUTF8FontFromBytes("go", "B", gomedium.TTF)
	p.SetMargins(margin, margin, margin)
	p.SetAutoPageBreak(true, 16)
	p.SetTitle(title, true)
	p.SetCreator("Kerma", true)
	p.SetCreationDate(made)
	p.SetModificationDate(made)
	p.SetFooterFunc(func() {
		p.SetY(-11)
		p.SetFont("go", "", 7.5)
		p.SetTextColor(90, 100, 110)
		p.CellFormat(0, 4, fmt.Sprintf("%s   Kerma %s, %s   page %d", page.NotForClinicalUse, r.Calculation.Result.Provenance.Version, made.Format("2006-01-02 15:04"), p.PageNo()), "", 0, "L", false, 0, "")
	})
	p.AddPage()
	ink := func() { p.SetTextColor(24, 33, 43) }
	ink()
	p.SetFont("go", "B", 14)
	p.MultiCell(0, 6.5, title, "", "L", false)

	c := colours[r.Verdict]
	p.Ln(1.5)
	p.SetFillColor(c[0], c[1], c[2])
	p.SetTextColor(255, 255, 255)
	p.SetFont("go", "B", 13)
	p.CellFormat(0, 9, " "+titles[r.Verdict], "", 1, "L", true, 0, "")
	ink()
	p.SetFont("go", "", 9)
	p.Ln(1)
	p.MultiCell(0, 4.4, r.Summary, "", "L", false)
	p.Ln(1.5)

	for i, f := range identity {
		p.SetFont("go", "", 8)
		p.SetTextColor(90, 100, 110)
		p.CellFormat(26, 4.4, f.Label, "", 0, "L", false, 0, "")
		ink()
		p.CellFormat(width/2-26, 4.4, f.Value, "", (i%2)|boolean(i == len(identity)-1), "L", false, 0, "")
	}
	p.Ln(2)

	columns := []struct {
		title string
		width float64
		align string
	}{{"check", 22, "L"}, {"figure", 72, "L"}, {"planned", 20, "R"}, {"Kerma", 20, "R"}, {"difference", 25, "R"}, {"limit", 13, "R"}, {"", 10, "R"}}
	p.SetFont("go", "B", 7.5)
	for _, col := range columns {
		p.CellFormat(col.width, 5, col.title, "B", 0, col.align, false, 0, "")
	}
	p.Ln(5)
	for _, row := range r.Rows {
		f := row.format()
		limit := fmt.Sprintf("%g/%g", row.Limit.Tolerance, row.Limit.Action)
		difference := page.Absent
		if row.Difference != nil && row.Group != "gamma" {
			difference = page.Number(*row.Difference, 2) + " %"
		}
		if row.Group == "model" {
			limit = page.Absent
		}
		p.SetFont("go", "", 7.5)
		ink()
		for i, text := range []string{f.Group, f.Name, f.Planned, f.Kerma, difference, limit} {
			p.CellFormat(columns[i].width, 4.6, fit(p, text, columns[i].width-1), "", 0, columns[i].align, false, 0, "")
		}
		c := colours[row.Verdict]
		p.SetTextColor(c[0], c[1], c[2])
		p.SetFont("go", "B", 7.5)
		p.CellFormat(columns[6].width, 4.6, f.Verdict, "", 1, "R", false, 0, "")
	}
	ink()
	p.SetFont("go", "", 7.5)
	p.Ln(1)
	p.MultiCell(0, 3.8, "Limits: "+r.Limits.Name+" (tolerance/action). Differences are Kerma less planned: of the planned figure for targets, points and monitor units, of the prescription for organs.", "", "L", false)

	if picture != nil {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, picture, &jpeg.Options{Quality: 88}); err != nil {
			return err
		}
		p.Ln(2)
		size := picture.Bounds().Size()
		wide, high := width, width*float64(size.Y)/float64(size.X)
		if room := 297 - 18 - p.GetY(); room > 90 && high > room { // smaller, on the first page
			wide, high = wide*room/high, room
		} else if high > room {
			p.AddPage()
		}
		p.RegisterImageOptionsReader("dose", fpdf.ImageOptions{ImageType: "JPG"}, &b)
		p.ImageOptions("dose", margin+(width-wide)/2, p.GetY(), wide, high, true, fpdf.ImageOptions{ImageType: "JPG"}, 0, "")
	}
	if len(r.NotModelled) > 0 {
		p.Ln(2)
		p.SetFont("go", "B", 9)
		p.CellFormat(0, 5, "What was not modelled, and what else is to be known", "", 1, "L", false, 0, "")
		p.SetFont("go", "", 7.5)
		for _, line := range r.NotModelled {
			p.MultiCell(0, 3.8, "• "+line, "", "L", false)
		}
	}
	return p.Output(w)
}

// fit cuts a text to a width in mm.
func fit(p *fpdf.Fpdf, text string, width float64) string {
	if p.GetStringWidth(text) <= width {
		return text
	}
	runes := []rune(text)
	for len(runes) > 1 && p.GetStringWidth(string(runes)+"…") > width {
		runes = runes[:len(runes)-1]
	}
	return string(runes) + "…"
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}
