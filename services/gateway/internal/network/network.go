// Package network owns how ids of the networks that clients know are taken,
// though there are no networks here: a vSwitch only tells a zone. It must not
// know any operation.
package network

import (
	"hash/fnv"
	"regexp"
	"slices"
	"strings"
)

// VPC is the id of the one network that everything is in.
const VPC = "vpc-muster"

// prefix is what ids of vSwitches begin with.
const prefix = "vsw-"

var wellFormed = regexp.MustCompile(`^vsw-[a-z0-9][a-z0-9-]{0,59}$`)

// ZoneOf tells the zone of a vSwitch: vsw-<zone> is in that zone, and any other
// well-formed id is in one of the zones, always the same one. It is false for
// what can not be the id of a vSwitch. Zones must be all of the region.
func ZoneOf(vSwitch string, zones []string) (zone string, ok bool) {
	if !wellFormed.MatchString(vSwitch) || len(zones) == 0 {
		return "", false
	}
	if named := strings.TrimPrefix(vSwitch, prefix); slices.Contains(zones, named) {
		return named, true
	}
	sorted := slices.Sorted(slices.Values(zones))
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(vSwitch)) // never fails
	return sorted[sum.Sum32()%uint32(len(sorted))], true
}

// VSwitchOf is the id of the vSwitch that stands for a zone.
func VSwitchOf(zone string) string { return prefix + zone }
