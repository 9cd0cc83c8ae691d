package check

import (
	"fmt"

	"github.com/kerma-rt/kerma/internal/page"
	"github.com/kerma-rt/kerma/internal/report"
)

// titles is what a person reads first.
var titles = map[Verdict]string{
	Pass: "PASS: the plan's dose is confirmed",
	Look: "LOOK: beyond tolerance, within the action level",
	Fail: "FAIL: the plan's dose is not confirmed",
}

// Section is the check as a section of a report.
func (r *Report) Section() *report.Check {
	c := &report.Check{Verdict: string(r.Verdict), Title: titles[r.Verdict], Summary: r.Summary, Limits: r.Limits.Name}
	for _, row := range r.Rows {
		c.Rows = append(c.Rows, row.format())
	}
	return c
}

func (row Row) format() report.CheckRow {
	out := report.CheckRow{
		Verdict: string(row.Verdict), Group: row.Group, Name: row.Name, Why: row.Why,
		Planned: page.Absent, Kerma: page.Absent, Difference: page.Absent, Limit: page.Absent,
	}
	if row.Planned != nil {
		out.Planned = page.Number(*row.Planned, 2) + " " + row.Unit
	}
	if row.Kerma != nil {
		out.Kerma = page.Number(*row.Kerma, 2) + " " + row.Unit
	}
	switch {
	case row.Difference == nil:
	case row.Group == "gamma":
		out.Limit = fmt.Sprintf("≥ %g, %g %%", row.Limit.Tolerance, row.Limit.Action)
	default:
		sign := ""
		if *row.Difference > 0 {
			sign = "+"
		}
		out.Difference = sign + page.Number(*row.Difference, 2) + " " + row.DifferenceUnit
		out.Limit = fmt.Sprintf("± %g, %g %%", row.Limit.Tolerance, row.Limit.Action)
	}
	return out
}
