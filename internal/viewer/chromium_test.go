package viewer

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"image"
	"image/png"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// browser is a Chromium that a test drives through the pipes of its DevTools
// protocol: a message is JSON that ends with a zero byte.
type browser struct {
	t       testing.TB
	to      *os.File
	from    *bufio.Reader
	session string
	last    int
	trouble []string // exceptions, errors of the console, requests to elsewhere
	home    string
	profile string
}

type message struct {
	ID     int             `json:"id,omitempty"`
	Method string          `json:"method,omitempty"`
	Params json.RawMessage `json:"params,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
	Session string `json:"sessionId,omitempty"`
}

// open shows a case in a Chromium without a screen or a graphics card. The
// test is skipped where there is no Chromium.
func open(t testing.TB, c Case) *browser {
	t.Helper()
	var program string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		t.Skip("no Chromium on this machine")
	}
	v, err := New(c)
	require.NoError(t, err)
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	server := &http.Server{Handler: v}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { server.Close() })

	profile, err := os.MkdirTemp("", "kerma-chromium")
	require.NoError(t, err)
	theirIn, ourOut, err := os.Pipe()
	require.NoError(t, err)
	ourIn, theirOut, err := os.Pipe()
	require.NoError(t, err)
	cmd := exec.Command(program, "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--no-first-run", "--disable-extensions",
		"--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--force-device-scale-factor=1",
		"--disable-gpu", "--enable-unsafe-swiftshader", "--user-data-dir="+profile)
	cmd.ExtraFiles = []*os.File{theirIn, theirOut}
	require.NoError(t, cmd.Start())
	theirIn.Close()
	theirOut.Close()
	b := &browser{t: t, to: ourOut, from: bufio.NewReaderSize(ourIn, 1<<20), home: "http://" + l.Addr().String() + "/", profile: profile}
	limit := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	t.Cleanup(func() {
		b.session = ""
		_, _ = b.try("Browser.close", nil)
		ourOut.Close()
		_ = cmd.Wait() // the limit ends one that does not close
		limit.Stop()
		ourIn.Close()
		os.RemoveAll(profile)
	})
	var target struct {
		TargetID string `json:"targetId"`
	}
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct {
		SessionID string `json:"sessionId"`
	}
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Runtime.enable", "Log.enable", "Network.enable", "Page.enable"} {
		b.call(domain, nil, nil)
	}
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": 1440, "height": 900, "deviceScaleFactor": 1, "mobile": false}, nil)
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": "dark"}}}, nil)
	b.call("Page.navigate", map[string]any{"url": b.home}, nil)
	b.until(`document.getElementById("stage")?.dataset.complete || document.querySelector(".busy.error")?.textContent`)
	return b
}

func (b *browser) try(method string, params any) (json.RawMessage, error) {
	b.last++
	p, err := json.Marshal(params)
	if err != nil {
		return nil, err
	}
	if params == nil {
		p = []byte("{}")
	}
	m, err := json.Marshal(message{ID: b.last, Method: method, Params: p, Session: b.session})
	if err != nil {
		return nil, err
	}
	if _, err := b.to.Write(append(m, 0)); err != nil {
		return nil, err
	}
	for {
		line, err := b.from.ReadBytes(0)
		if err != nil {
			return nil, err
		}
		var got message
		if err := json.Unmarshal(bytes.TrimSuffix(line, []byte{0}), &got); err != nil {
			return nil, err
		}
		if got.ID == b.last {
			if got.Error != nil {
				return nil, errors.New(got.Error.Message)
			}
			return got.Result, nil
		}
		b.note(got)
	}
}

// note keeps what a page without fault would not report.
func (b *browser) note(m message) {
	p := string(m.Params)
	switch m.Method {
	case "Runtime.exceptionThrown":
		b.trouble = append(b.trouble, p)
	case "Log.entryAdded":
		if strings.Contains(p, `"level":"error"`) {
			b.trouble = append(b.trouble, p)
		}
	case "Network.requestWillBeSent":
		var r struct {
			Request struct {
				URL string `json:"url"`
			} `json:"request"`
		}
		if json.Unmarshal(m.Params, &r) == nil && !strings.HasPrefix(r.Request.URL, b.home) && !strings.HasPrefix(r.Request.URL, "data:") && !strings.HasPrefix(r.Request.URL, "blob:") {
			b.trouble = append(b.trouble, "request to "+r.Request.URL)
		}
	}
}

func (b *browser) call(method string, params, to any) {
	b.t.Helper()
	got, err := b.try(method, params)
	require.NoError(b.t, err, method)
	if to != nil {
		require.NoError(b.t, json.Unmarshal(got, to), method)
	}
}

// eval is the value of an expression in the page.
func (b *browser) eval(expression string, to any) {
	b.t.Helper()
	var got struct {
		Result struct {
			Value json.RawMessage `json:"value"`
		} `json:"result"`
		Exception *struct {
			Text      string          `json:"text"`
			Exception json.RawMessage `json:"exception"`
		} `json:"exceptionDetails"`
	}
	b.call("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}, &got)
	if got.Exception != nil {
		b.t.Fatalf("%s: %s %s", expression, got.Exception.Text, got.Exception.Exception)
	}
	if to != nil && len(got.Result.Value) > 0 {
		require.NoError(b.t, json.Unmarshal(got.Result.Value, to), expression)
	}
}

// until waits for an expression to be true.
func (b *browser) until(expression string) {
	b.t.Helper()
	for range 600 {
		var is bool
		b.eval("!!("+expression+")", &is)
		if is {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	b.t.Fatalf("never true: %s", expression)
}

func (b *browser) key(name string) {
	b.t.Helper()
	press := map[string]any{"type": "keyDown", "key": name}
	if len(name) == 1 {
		press["text"] = name
	}
	b.call("Input.dispatchKeyEvent", press, nil)
	b.call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": name}, nil)
}

func (b *browser) mouse(kind string, x, y float64) {
	b.t.Helper()
	b.call("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1}, nil)
}

func (b *browser) click(selector string) {
	b.t.Helper()
	b.eval("document.querySelector("+quote(selector)+").click()", nil)
}

func quote(s string) string {
	q, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string
	}
	return string(q)
}

func (b *browser) picture() image.Image {
	b.t.Helper()
	var shot struct {
		Data string `json:"data"`
	}
	b.call("Page.captureScreenshot", map[string]any{"format": "png"}, &shot)
	raw, err := base64.StdEncoding.DecodeString(shot.Data)
	require.NoError(b.t, err)
	m, err := png.Decode(bytes.NewReader(raw))
	require.NoError(b.t, err)
	return m
}

// cpu is the processor time that this browser has used so far, all its
// processes together, in ms; 0 where the system does not say.
func (b *browser) cpu() float64 {
	const tick = 10 // ms, of Linux
	total := 0.0
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		line, err := os.ReadFile(filepath.Join(filepath.Dir(name), "cmdline"))
		if err != nil || !bytes.Contains(line, []byte(b.profile)) {
			continue
		}
		stat, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		// After the name in brackets, user and system time are the 12th and 13th.
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		for _, f := range fields[11:13] {
			ticks, err := strconv.ParseFloat(f, 64)
			if err == nil {
				total += tick * ticks
			}
		}
	}
	return total
}
