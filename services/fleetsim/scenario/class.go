package scenario

import (
	"io/fs"
	"strings"
	"unicode"
)

const (
	letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	lower   = "abcdefghijklmnopqrstuvwxyz"
	digits  = "0123456789"
)

// made tells whether a text is least to most bytes, all of an alphabet.
func made(written string, least, most int, alphabet string) bool {
	return len(written) >= least && len(written) <= most && strings.Trim(written, alphabet) == ""
}

// printable tells whether a text is least to most bytes of what can be seen.
func printable(written string, least, most int) bool {
	return len(written) >= least && len(written) <= most &&
		strings.IndexFunc(written, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// title is what people call something.
func title() class {
	return class{"a text of 1 to 64 bytes in one line", func(t string) bool { return printable(t, 1, 64) }}
}

// prose is what people write about something.
func prose() class {
	return class{"a text of at most 4096 bytes", func(t string) bool { return len(t) <= 4096 }}
}

// id is what the fleet's contract takes for an id.
func id() class {
	return class{"1 to 64 letters, digits, dots, hyphens and underscores", func(t string) bool {
		return made(t, 1, 64, letters+lower+digits+"._-")
	}}
}

// poolName is the name of a region, a zone, a type or a family.
func poolName() class {
	return class{"1 to 64 lower-case letters, digits, dots and hyphens", func(t string) bool {
		return made(t, 1, 64, lower+digits+".-")
	}}
}

func currency() class {
	return class{"the three capital letters of a currency, such as CNY", func(t string) bool { return made(t, 3, 3, letters) }}
}

// fileName is a file in the folder of the scenario, or below.
func fileName() class {
	return class{"the name of a file beside the scenario, at most 256 bytes, without ..", func(t string) bool {
		return printable(t, 1, 256) && t != "." && fs.ValidPath(t) && !strings.ContainsAny(t, `\:`)
	}}
}

// seriesName is a column, a pool, or a type and a zone of a trace file.
func seriesName() class {
	return class{"a column, a pool, or a type and a zone of the file, 1 to 257 bytes", func(t string) bool {
		return len(t) >= 1 && len(t) <= 257
	}}
}

func tagKey() class {
	return class{"the key of a tag, 1 to 128 bytes", func(t string) bool { return len(t) >= 1 && len(t) <= 128 }}
}

// methodName is a method of the fleet that can be disturbed.
func methodName(known []string) class {
	return class{"a method of FleetService such as RunInstances", func(t string) bool {
		for _, name := range known {
			if name == t {
				return true
			}
		}
		return false
	}}
}

// spelt is words of the catalog as they are written.
func spelt[W ~string](words []W) []string {
	all := make([]string, len(words))
	for i, word := range words {
		all[i] = string(word)
	}
	return all
}
