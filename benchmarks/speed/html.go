package speed

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"

	"github.com/kerma-rt/kerma/internal/page"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string

	document = template.Must(template.New("speed").Parse(pageHTML))
	shell    = page.New(pageCSS, "")
)

// WriteHTML writes the report as one page that needs nothing else.
func (r *Report) WriteHTML(w io.Writer) error {
	c := struct {
		page.Shell
		Statement string
		Identity  [][2]string
		Tables    []table
		Drawings  []template.HTML
	}{Shell: shell, Statement: page.NotForClinicalUse, Identity: r.identity(), Tables: r.tables()}
	for _, d := range r.Drawings() {
		c.Drawings = append(c.Drawings, template.HTML(d.SVG))
	}
	var b bytes.Buffer
	if err := document.Execute(&b, c); err != nil {
		return fmt.Errorf("speed: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}
