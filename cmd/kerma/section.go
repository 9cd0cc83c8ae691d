package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// section is the part of a document that a command writes: what lies between
// two lines. The text around it stays.
type section struct {
	path, begin, end string
}

var (
	verdictSection    = section{begin: "<!-- kerma benchmark all: made by this command, edits are lost -->", end: "<!-- /kerma benchmark all -->"}
	monteCarloSection = section{begin: "<!-- kerma benchmark mc: made by this command, edits are lost -->", end: "<!-- /kerma benchmark mc -->"}
	speedSection      = section{begin: "<!-- kerma benchmark speed: made by this command, edits are lost -->", end: "<!-- /kerma benchmark speed -->"}
)

// in is the section in a document.
func (s section) in(path string) section {
	s.path = path
	return s
}

// around is what the document says before and after; nothing where there is no
// document yet.
func (s section) around() (before, after string, err error) {
	data, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", "", nil
	}
	if err != nil {
		return "", "", err
	}
	before, rest, begun := strings.Cut(string(data), s.begin+"\n")
	_, after, ended := strings.Cut(rest, s.end+"\n")
	if !begun || !ended {
		return "", "", fmt.Errorf("%s has no place for the tables: add the lines\n%s\n%s", s.path, s.begin, s.end)
	}
	return before, after, nil
}

// write puts what the function writes into the document.
func (s section) write(inner func(io.Writer) error) error {
	before, after, err := s.around()
	if err != nil {
		return err
	}
	return writeFile(s.path, func(w io.Writer) error {
		if _, err := io.WriteString(w, before+s.begin+"\n"); err != nil {
			return err
		}
		if err := inner(w); err != nil {
			return err
		}
		_, err := io.WriteString(w, s.end+"\n"+after)
		return err
	})
}
