// Package page is what every HTML page of Kerma has in common: style, plots,
// colours, and the policy that lets a page run its own script and load nothing.
package page

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"math"
	"strconv"
	"strings"
)

//go:embed page.css plots.js uplot
var files embed.FS

// Shell is the style and script of one kind of page.
type Shell struct {
	Style  template.CSS
	Script template.JS
	Policy string // Content-Security-Policy
}

// New adds the style and the script of a page to those that all share. The
// script finds uPlot, and the functions of plots.js.
func New(style, script string) Shell {
	s := Shell{
		Style:  template.CSS(text("uplot/uPlot.min.css") + "\n" + text("page.css") + "\n" + style),
		Script: template.JS(text("uplot/uPlot.iife.min.js") + "\n" + text("plots.js") + "\n" + script),
	}
	sum := sha256.Sum256([]byte(s.Script))
	s.Policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-" +
		base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
	return s
}

// Licence is that of the plots, to be shown on a page that has some.
var Licence = text("uplot/LICENSE")

// NotForClinicalUse stands on every page.
const NotForClinicalUse = "Not for clinical use without independent commissioning and validation."

func text(name string) string {
	b, err := files.ReadFile(name)
	if err != nil {
		panic(err) // embedded at build time
	}
	return string(b)
}

// Absent stands for what is not known.
const Absent = "–"

// Number is v with that many decimals and a true minus sign; Absent for NaN
// and infinities.
func Number(v float64, decimals int) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return Absent
	}
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	if strings.Trim(s, "-0.") == "" {
		s = strings.TrimPrefix(s, "-")
	}
	return strings.Replace(s, "-", "−", 1)
}
