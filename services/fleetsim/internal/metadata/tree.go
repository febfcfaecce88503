package metadata

import (
	"strings"
	"time"
)

// timeFormat is how times are written: UTC, to the second.
const timeFormat = "2006-01-02T15:04:05Z"

// An Instance is what an instance is told about itself.
type Instance struct {
	// ID is its id, Type its type, Name its name, empty for none.
	ID, Type, Name string
	// RegionID and ZoneID is where it is.
	RegionID, ZoneID string
	// Spot is true for a spot instance.
	Spot bool
	// Termination is when it will be reclaimed; the zero time while that is not
	// announced.
	Termination time.Time
	// UserData is what its launch left for it, in base64; empty for nothing.
	UserData string
	// TokensRequired is true when it is told something only with a token.
	TokensRequired bool
}

// items is the metadata of an instance by path, without what it does not have.
func (i *Instance) items() map[string]string {
	items := map[string]string{
		"instance-id": i.ID, "region-id": i.RegionID, "zone-id": i.ZoneID,
		"instance/instance-type": i.Type,
	}
	if i.Name != "" {
		items["instance/instance-name"] = i.Name
	}
	if i.Spot && !i.Termination.IsZero() {
		items["instance/spot/termination-time"] = i.Termination.UTC().Format(timeFormat)
	}
	return items
}

// find tells what is at a path: the value of an item, or the names in a folder.
func (i *Instance) find(path string) (text string, ok bool) {
	items := i.items()
	if value, ok := items[path]; ok {
		return value, true
	}
	folder := strings.TrimSuffix(path, "/")
	if folder != "" {
		folder += "/"
	}
	names := map[string]bool{}
	for item := range items {
		rest, inside := strings.CutPrefix(item, folder)
		if !inside {
			continue
		}
		name, _, deeper := strings.Cut(rest, "/")
		if deeper {
			name += "/"
		}
		names[name] = true
	}
	return listing(names), len(names) > 0
}
