package world

import "github.com/seed-198b1370/muster/services/fleetsim/catalog"

// A Config is what a world is made with. It never changes during its life.
type Config struct {
	// Catalog is what is sold.
	Catalog *catalog.Catalog
	// Market tells prices and demand.
	Market Market
	// Seed decides all that is drawn.
	Seed uint64
	// Origin is the time at which it begins, after the first moment of 1970:
	// instant 0 stands for none in an [Instance] and a [Fault].
	Origin Instant
	// Accounts is the accounts that there are from the beginning, beside
	// [DefaultAccountID], which can be among them.
	Accounts []AccountSetup
	// CostTagKeys is the keys of tags by which charges are summed.
	CostTagKeys []string
	// Agenda is what will happen by itself, in order of time. A command that is
	// refused at its time is passed over.
	Agenda []Planned
}

// An AccountSetup is an account that there is from the beginning.
type AccountSetup struct {
	// ID names it.
	ID string
	// Settings is what it may.
	Settings AccountSettings
	// BalanceMicros is what it has, in micro-units of the currency; nil for an
	// account without a balance.
	BalanceMicros *int64
}

// A Planned command is obeyed at a time.
type Planned struct {
	// At is when.
	At Instant
	// Command is what.
	Command Command
}
