package control

import (
	"slices"
)

// forgetGone drops what is remembered of instances that are members no more.
func (l *look) forgetGone() {
	present := map[string]bool{}
	for _, instance := range l.instances {
		present[instance.GetInstanceId()] = true
	}
	for _, launch := range l.stored.GetLaunches() {
		for _, id := range launch.GetInstanceIds() {
			present[id] = true
		}
	}
	for _, attachment := range l.stored.GetAttachments() {
		present[attachment.GetInstanceId()] = true
	}
	l.stored.ProtectedInstanceIds = slices.DeleteFunc(l.stored.ProtectedInstanceIds, func(id string) bool { return !present[id] })
}

// isProtected tells whether an instance is not to be given up.
func (l *look) isProtected(id string) bool {
	_, found := slices.BinarySearch(l.stored.GetProtectedInstanceIds(), id)
	return found
}
