package viewer

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/kerma-rt/kerma/internal/page"
	"gonum.org/v1/gonum/spatial/r3"
)

// errAsked is wrapped by errors about what a request asks for.
var errAsked = errors.New("bad request")

func asked(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errAsked, fmt.Sprintf(format, args...))
}

// routes is the whole of what is served: a fixed list of names. Anything else,
// and so any path, is not found.
func (v *Viewer) routes() {
	var script strings.Builder
	for _, part := range []string{"volume", "planes", "overlay", "curves", "beamseye", "compare", "start"} {
		script.WriteString(text("app/" + part + ".js"))
	}
	shell := page.New(text("viewer.css"), script.String())
	answers := map[string]http.HandlerFunc{
		"/":               fixed("text/html; charset=utf-8", text("page.html")),
		"/viewer.css":     fixed("text/css; charset=utf-8", string(shell.Style)),
		"/viewer.js":      fixed("text/javascript; charset=utf-8", string(shell.Script)),
		"/niivue.js":      fixed("text/javascript; charset=utf-8", text("niivue/niivue.umd.js")),
		"/licences":       fixed("text/plain; charset=utf-8", text("niivue/LICENSE")+"\n\nuPlot\n\n"+page.Licence),
		"/case":           answer(v.summary),
		"/lines":          answer(v.lines),
		"/dvh":            answer(v.histograms),
		"/profile":        answer(v.profile),
		"/bev":            answer(v.beamsEye),
		"/gamma":          answer(v.gammaSummary),
		"/ct.nii":         volume(v.ctFile),
		"/dose.nii":       volume(v.doseFile),
		"/difference.nii": volume(v.differenceFile),
		"/gamma.nii":      volume(v.gammaFile),
	}
	v.handler = guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := answers[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		f(w, r)
	}))
}

func fixed(kind, content string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { send(w, kind, []byte(content)) }
}

func answer(f func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		got, err := f(r)
		if err != nil {
			refuse(w, err)
			return
		}
		b, err := json.Marshal(got)
		if err != nil {
			refuse(w, err)
			return
		}
		send(w, "application/json", b)
	}
}

func volume(f func(*http.Request) ([]byte, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		b, err := f(r)
		if err != nil {
			refuse(w, err)
			return
		}
		send(w, "application/octet-stream", b)
	}
}

func send(w http.ResponseWriter, kind string, content []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	_, _ = w.Write(content) // who asked may have gone
}

func refuse(w http.ResponseWriter, err error) {
	status := http.StatusUnprocessableEntity
	if errors.Is(err, errAsked) {
		status = http.StatusBadRequest
	}
	http.Error(w, err.Error(), status)
}

// dose is the one that a request names by its number.
func (v *Viewer) dose(q url.Values, name string) (*doseView, error) {
	n, err := index(q, name, len(v.doses))
	if err != nil {
		return nil, err
	}
	if v.doses[n].Volume == nil {
		return nil, asked("there is no dose")
	}
	return v.doses[n], nil
}

func index(q url.Values, name string, n int) (int, error) {
	if n == 0 {
		return 0, asked("%s: expected none, for there is none here", name)
	}
	i, err := strconv.Atoi(q.Get(name))
	if err != nil || i < 0 || i >= n {
		return 0, asked("%s=%q: expected a number from 0 to %d", name, q.Get(name), n-1)
	}
	return i, nil
}

func number(q url.Values, name string) (float64, error) {
	x, err := strconv.ParseFloat(q.Get(name), 64)
	if err != nil || math.IsNaN(x) || math.Abs(x) > 1e6 {
		return 0, asked("%s=%q: expected a number", name, q.Get(name))
	}
	return x, nil
}

// point is x,y,z in mm, LPS.
func point(q url.Values, name string) (r3.Vec, error) {
	parts := strings.Split(q.Get(name), ",")
	if len(parts) != 3 {
		return r3.Vec{}, asked("%s=%q: expected x,y,z", name, q.Get(name))
	}
	var c [3]float64
	for n, part := range parts {
		x, err := strconv.ParseFloat(part, 64)
		if err != nil || math.IsNaN(x) || math.Abs(x) > 1e6 {
			return r3.Vec{}, asked("%s=%q: expected x,y,z", name, q.Get(name))
		}
		c[n] = x
	}
	return r3.Vec{X: c[0], Y: c[1], Z: c[2]}, nil
}
