package world

// DefaultAccountID is the account that every world has.
const DefaultAccountID = "default"

// MaxAccounts is how many accounts there can be.
const MaxAccounts = 1_000

// An Account owns instances.
type Account struct{ id string }

// NewAccount makes an account as it is seen in instances.
func NewAccount(id string) *Account { return &Account{id: id} }

// ID is the account's id.
func (a *Account) ID() string { return a.id }

// AccountSettings is what an account may. Unlimited stands for no limit.
type AccountSettings struct {
	// PayAsYouGoVCPUs and SpotVCPUs is how many vCPUs of each billing method
	// it may have at a time.
	PayAsYouGoVCPUs, SpotVCPUs int64
	// CallsPerSecond is how often it may call in the long run, CallBurst how
	// often at once. They are only kept here, for those who serve calls.
	CallsPerSecond, CallBurst int32
}

// Unlimited is the settings of an account that may anything.
func Unlimited() AccountSettings { return AccountSettings{-1, -1, 0, 0} }
