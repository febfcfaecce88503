package world

import (
	"encoding/binary"
	"slices"
	"strings"
)

// MaxTags is how many tags an instance can have.
const MaxTags = 20

// A Tag is a key and a value.
type Tag struct {
	// Key is unique among the tags of an instance.
	Key string
	// Value is anything.
	Value string
}

// A TagSet is the tags of an instance. Instances with the same tags share one.
type TagSet struct {
	tags []Tag
	// encoded is the tags in canonical form; the strings of tags lie in it.
	encoded string
}

// NewTagSet makes a set of tags.
func NewTagSet(tags map[string]string) *TagSet {
	sorted := make([]Tag, 0, len(tags))
	for key, value := range tags {
		sorted = append(sorted, Tag{key, value})
	}
	slices.SortFunc(sorted, func(a, b Tag) int { return strings.Compare(a.Key, b.Key) })
	var raw []byte
	for _, tag := range sorted {
		raw = binary.AppendUvarint(raw, uint64(len(tag.Key)))
		raw = append(raw, tag.Key...)
		raw = binary.AppendUvarint(raw, uint64(len(tag.Value)))
		raw = append(raw, tag.Value...)
	}
	// The tags of the set point into its encoded form: one string instead of
	// one for each key and value, and none of the caller's.
	set := &TagSet{tags: sorted, encoded: string(raw)}
	at := 0
	next := func(text string) string {
		at += len(binary.AppendUvarint(nil, uint64(len(text))))
		at += len(text)
		return set.encoded[at-len(text) : at]
	}
	for i, tag := range sorted {
		sorted[i] = Tag{Key: next(tag.Key), Value: next(tag.Value)}
	}
	return set
}

// Tags is the tags, by key. The caller must not change it.
func (s *TagSet) Tags() []Tag { return s.tags }

// Map is the tags as a new map.
func (s *TagSet) Map() map[string]string {
	all := make(map[string]string, len(s.tags))
	for _, tag := range s.tags {
		all[tag.Key] = tag.Value
	}
	return all
}

// HasAll tells whether the set holds all of some tags.
func (s *TagSet) HasAll(tags []Tag) bool {
	for _, want := range tags {
		if !slices.Contains(s.tags, want) {
			return false
		}
	}
	return true
}

// tagTable holds each set of tags that is in use once.
type tagTable map[string]*sharedSet

// sharedSet is a set and how many instances have it.
type sharedSet struct {
	set  *TagSet
	uses int
}

// take counts more uses of a set and returns the one that is shared.
func (t tagTable) take(set *TagSet, uses int) *TagSet {
	shared, ok := t[set.encoded]
	if !ok {
		shared = &sharedSet{set: set}
		t[set.encoded] = shared
	}
	shared.uses += uses
	return shared.set
}

// drop counts one use less.
func (t tagTable) drop(set *TagSet) {
	if shared := t[set.encoded]; shared.uses > 1 {
		shared.uses--
		return
	}
	delete(t, set.encoded)
}
