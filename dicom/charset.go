package dicom

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

// charset turns the text of a file into UTF-8, by its SpecificCharacterSet
// (0008,0005), PS3.3 C.12.1.1.2.
type charset struct {
	decoder encoding.Encoding // nil: none named
	unknown string            // a defined term that is not known here
	needed  bool              // some text is not ASCII
}

// charsets are the defined terms, with "ISO 2022 IR n" written as "ISO_IR n".
var charsets = map[string]encoding.Encoding{
	"ISO_IR 6":   nil,
	"ISO_IR 100": charmap.ISO8859_1,
	"ISO_IR 101": charmap.ISO8859_2,
	"ISO_IR 109": charmap.ISO8859_3,
	"ISO_IR 110": charmap.ISO8859_4,
	"ISO_IR 126": charmap.ISO8859_7,
	"ISO_IR 127": charmap.ISO8859_6,
	"ISO_IR 138": charmap.ISO8859_8,
	"ISO_IR 144": charmap.ISO8859_5,
	"ISO_IR 148": charmap.ISO8859_9,
	"ISO_IR 166": charmap.Windows874, // TIS 620 with additions
	"ISO_IR 203": charmap.ISO8859_15,
	"ISO_IR 13":  japanese.ShiftJIS,
	"ISO_IR 87":  japanese.ISO2022JP,
	"ISO_IR 159": japanese.ISO2022JP,
	"ISO_IR 149": korean.EUCKR,
	"ISO_IR 58":  simplifiedchinese.GBK,
	"ISO_IR 192": unicode.UTF8,
	"GB18030":    simplifiedchinese.GB18030,
	"GBK":        simplifiedchinese.GBK,
}

// newCharset reads the value of SpecificCharacterSet. Of several terms (code
// extensions) the last that names an encoding is used: the first is the Latin
// part that each of them contains.
func newCharset(value []byte) charset {
	var c charset
	for name := range strings.SplitSeq(string(value), `\`) {
		name = trim(name)
		if name == "" {
			continue
		}
		e, ok := charsets[strings.Replace(name, "ISO 2022 IR", "ISO_IR", 1)]
		if !ok {
			c.unknown = name
		} else if e != nil {
			c.decoder = e
		}
	}
	return c
}

// decode returns s in UTF-8. Where the file names no character set that is
// known, text that is not UTF-8 is taken for Latin-1.
func (c charset) decode(s string) string {
	if isASCII(s) {
		return s
	}
	if c.decoder == nil {
		if utf8.ValidString(s) {
			return s
		}
		s, _ = charmap.ISO8859_1.NewDecoder().String(s)
		return s
	}
	for _, escape := range []string{"\x1b$)C", "\x1b$)A"} { // to Korean, Chinese, in the upper half
		s = strings.ReplaceAll(s, escape, "")
	}
	out, err := c.decoder.NewDecoder().String(s)
	if err != nil {
		out, _ = charmap.ISO8859_1.NewDecoder().String(s)
	}
	return out
}

// decodeAll decodes values that the parser split at each backslash, a byte
// that is also the second half of some Asian characters.
func (c charset) decodeAll(values []string) []string {
	joined := strings.Join(values, `\`)
	if isASCII(joined) {
		return values
	}
	return strings.Split(c.decode(joined), `\`)
}

// warning is what to know about the text of the file.
func (c charset) warning() string {
	const guess = "text outside ASCII is read as UTF-8 or else Latin-1"
	switch {
	case c.unknown != "":
		return fmt.Sprintf("character set %q is not known: %s", c.unknown, guess)
	case c.decoder == nil && c.needed:
		return "no character set is named: " + guess
	}
	return ""
}

// isASCII reports whether s needs no decoding: no byte above 127, no escape.
func isASCII[T string | []byte](s T) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf || s[i] == 0x1b {
			return false
		}
	}
	return true
}
