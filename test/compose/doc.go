// Package compose breaks the stack of deploy/compose and holds it to what users
// are promised: it comes up by itself, keeps capacity while any part of it is
// killed, and forgets nothing. `make test-compose` runs it where there is a
// Docker engine; its tests have the build tag compose, so that a run without an
// engine can not be taken for a pass.
package compose
