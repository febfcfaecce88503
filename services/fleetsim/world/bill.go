package world

// A Bill is what instances have cost and cost now.
type Bill struct {
	// ComputeMicros is what computing has cost so far, in micro-units of the
	// currency, rounded down.
	ComputeMicros int64
	// DiskMicros is what disks have cost so far, likewise.
	DiskMicros int64
	// TotalMicros is the sum of both, rounded down once.
	TotalMicros int64
	// PriceMicros is what they cost now, in micro-units of the currency per
	// hour, disks included.
	PriceMicros int64
	// Instances is how many there are now.
	Instances int64
	// AsOf is up to when cost is counted: whole seconds.
	AsOf Instant
}

// BillOf tells the bill of one instance of an account, also of one that was
// released lately. Its error: [*BillError].
func (w *World) BillOf(accountID string, number uint64) (Bill, error) { return Bill{}, nil }

// BillOfPool tells the bill of an account's instances in a pool.
func (w *World) BillOfPool(accountID string, pool Pool) Bill { return Bill{} }

// BillOfTag tells the bill of an account's instances for as long as they
// carried a tag. Its error: [*BillError] for a key that is no cost tag.
func (w *World) BillOfTag(accountID string, tag Tag) (Bill, error) { return Bill{}, nil }

// BillOfAll tells the bill of everything that an account has had, kept disks
// included.
func (w *World) BillOfAll(accountID string) Bill { return Bill{} }
