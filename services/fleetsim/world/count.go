package world

// A CountQuery says which instances to count. All that it gives must match.
type CountQuery struct {
	// AccountID is the owner.
	AccountID string
	// Tags is tags that they carry.
	Tags []Tag
	// Pools is the pools that they are of.
	Pools Selector
}

// A CountKey is what counted instances have in common.
type CountKey struct {
	// Pool is their pool.
	Pool Pool
	// Status is their status.
	Status Status
	// Health is their health.
	Health Health
	// Noticed is whether their interruption was announced.
	Noticed bool
}

// A Count is how many instances have something in common.
type Count struct {
	CountKey
	// Instances is how many, at least 1.
	Instances int64
}

// Count counts instances, by the fields of [CountKey] in ascending order.
func (w *World) Count(q CountQuery) []Count { return nil }
