package world

import (
	"encoding/binary"
	"fmt"
	"unique"

	"github.com/seed-198b1370/muster/pkg/sequence"
)

// Options is what else instances are made with. Nothing depends on it.
type Options struct {
	// ImageID, KeyPairName, RAMRoleName and ResourceGroupID are anything.
	ImageID, KeyPairName, RAMRoleName, ResourceGroupID string
	// SecurityGroupIDs is the security groups, with a NUL after each.
	SecurityGroupIDs string
	// BandwidthMbps is the outbound bandwidth to the Internet in Mbit/s.
	BandwidthMbps int32
	// UserData is what instances can read of themselves, in base64.
	UserData string
	// TokensRequired is whether their metadata is told only to who brings a token.
	TokensRequired bool
}

// SharedOptions holds options. Equal ones are kept once, however many instances
// and launches have them, for as long as there is one that does.
type SharedOptions struct{ kept unique.Handle[Options] }

// Share makes the shared form of options.
func Share(options Options) SharedOptions {
	if options == (Options{}) {
		return SharedOptions{}
	}
	return SharedOptions{unique.Make(options)}
}

// Options is what is shared.
func (s SharedOptions) Options() Options {
	if s == (SharedOptions{}) {
		return Options{}
	}
	return s.kept.Value()
}

// Equal tells whether the options of both are the same.
func (s SharedOptions) Equal(other SharedOptions) bool { return s == other }

// appendTo adds all that the options say to a launch's parameters; nothing for
// none.
func (s SharedOptions) appendTo(raw []byte) []byte {
	if s == (SharedOptions{}) {
		return raw
	}
	options := s.kept.Value()
	for _, text := range []string{
		options.ImageID, options.KeyPairName, options.RAMRoleName, options.ResourceGroupID, options.SecurityGroupIDs, options.UserData,
	} {
		raw = binary.AppendUvarint(raw, uint64(len(text)))
		raw = append(raw, text...)
	}
	raw = binary.AppendVarint(raw, int64(options.BandwidthMbps))
	if options.TokensRequired { // else as before there was such a thing
		raw = append(raw, 1)
	}
	return raw
}

// uniqueDigits is how many digits a unique suffix has at least.
const uniqueDigits = 3

// nameAt is the name of the instance that is so many after the first one of its
// launch.
func (a *Attributes) nameAt(offset uint64) string {
	name := a.Name
	pattern, numbered := sequence.Parse(name)
	if numbered {
		name = pattern.At(offset)
	}
	if a.UniqueSuffix && (!numbered || pattern.Suffix != "") {
		name = fmt.Sprintf("%s%0*d", name, uniqueDigits, offset+1)
	}
	return name
}

// numbered tells whether the instances of a launch have names of their own.
func (a *Attributes) numbered() bool {
	_, pattern := sequence.Parse(a.Name)
	return pattern || a.UniqueSuffix && a.Name != ""
}
