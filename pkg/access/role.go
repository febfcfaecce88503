// Package access owns who may make which call: tokens and the roles and accounts
// they are bound to, the role that each call takes, how many calls an account may
// make, and the record of who changed what. It must not know what calls do.
//
// Deciding is pure: [Decide] is given a caller and a call. The [Gate] asks it for
// each call that comes from outside of the process.
package access

import (
	"fmt"
	"slices"
)

// A Role is what a caller may do; each may do what those before it may.
type Role int

// The roles, the least first. None is of no use to anybody.
const (
	None Role = iota
	// Viewer reads what its account has.
	Viewer
	// Operator changes what its account has.
	Operator
	// Service is a part of the system: it acts for any account, and for all.
	Service
	// Admin runs the system: it changes what accounts share.
	Admin
)

// roleNames are the roles' names by their numbers.
func roleNames() []string { return []string{"none", "viewer", "operator", "service", "admin"} }

// String is the role's name.
func (r Role) String() string {
	if names := roleNames(); r >= 0 && int(r) < len(names) {
		return names[r]
	}
	return fmt.Sprintf("role %d", int(r))
}

// ParseRole tells the role of a name.
func ParseRole(name string) (Role, error) {
	at := slices.Index(roleNames(), name)
	if at <= int(None) {
		return None, fmt.Errorf("role must be viewer, operator, service or admin, got %.32q", name)
	}
	return Role(at), nil
}

// AnyAccount tells whether the role acts for whichever account a call names.
func (r Role) AnyAccount() bool { return r >= Service }
