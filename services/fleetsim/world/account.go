package world

import (
	"cmp"
	"encoding/binary"
	"maps"
	"slices"
	"time"
)

// DefaultAccountID is the account that every world has.
const DefaultAccountID = "default"

// MaxAccounts is how many accounts there can be.
const MaxAccounts = 1_000

// SettlementPeriod is how often accounts with a balance are settled, at whole
// multiples of it since 1970: so long an account can owe unnoticed.
const SettlementPeriod = time.Hour

// An Account owns instances.
type Account struct{ id string }

// NewAccount makes an account as it is seen in instances.
func NewAccount(id string) *Account { return &Account{id: id} }

// ID is the account's id.
func (a *Account) ID() string { return a.id }

// AccountSettings is what an account may.
type AccountSettings struct {
	// PayAsYouGoVCPUs and SpotVCPUs is how many vCPUs of each billing method
	// it may have at a time; -1 for no limit.
	PayAsYouGoVCPUs, SpotVCPUs int64
	// CallsPerSecond is how often it may call in the long run, CallBurst how
	// often at once; 0 for no limit. They are only kept here, for those who
	// serve calls.
	CallsPerSecond, CallBurst int32
}

// Unlimited is the settings of an account that may anything.
func Unlimited() AccountSettings { return AccountSettings{PayAsYouGoVCPUs: -1, SpotVCPUs: -1} }

// vcpus is the quota of a billing method, less than 0 for none.
func (s AccountSettings) vcpus(spot bool) int64 {
	if spot {
		return s.SpotVCPUs
	}
	return s.PayAsYouGoVCPUs
}

// holding is what an account holds, may and owes.
type holding struct {
	account  *Account
	settings AccountSettings

	live    numberSet
	tallies tally
	byTag   map[Tag]*tagIndex
	vcpus   [2]int64 // in use: pay-as-you-go, spot

	hasBalance bool
	given      int64 // in micro-units of the currency
	overdue    bool
	running    running
	closed     totals // charges that no instance's or disk's open time is in
	byPool     map[Pool]*totals
	byCostTag  map[Tag]*totals
}

func (w *World) addAccount(id string, settings AccountSettings) *holding {
	owner, ok := w.accounts[id]
	if !ok {
		owner = &holding{
			account: &Account{id: id}, tallies: tally{}, byTag: map[Tag]*tagIndex{},
			byPool: map[Pool]*totals{}, byCostTag: map[Tag]*totals{},
		}
		w.accounts[id] = owner
	}
	owner.settings = settings
	w.facts = nil
	return owner
}

func (w *World) setAccount(c SetAccount) (Answer, error) {
	owner, ok := w.accounts[c.AccountID]
	if !ok && len(w.accounts) >= MaxAccounts {
		return Answer{}, &LimitError{What: "accounts", Limit: MaxAccounts}
	}
	if ok && owner.settings == c.Settings {
		return Answer{}, nil
	}
	w.addAccount(c.AccountID, c.Settings)
	return Answer{Changed: true}, nil
}

func (w *World) deposit(c Deposit) (Answer, error) {
	owner, ok := w.accounts[c.AccountID]
	if !ok {
		return Answer{}, &AccountError{AccountID: c.AccountID}
	}
	key, fingerprint := keyOf(c.AccountID, "deposit", c.RequestID), hash(binary.AppendVarint(nil, c.Micros))
	if known, ok := w.requests.find(key); ok {
		if known.Fingerprint != fingerprint {
			return Answer{}, ErrRequestMismatch
		}
		return Answer{}, nil
	}
	w.requests.add(Request{Key: key, Fingerprint: fingerprint, Time: w.now})
	owner.hasBalance = true
	owner.given += c.Micros
	w.settleAccount(owner)
	w.planSettlement()
	return Answer{Changed: true}, nil
}

// planSettlement sets when accounts are settled next, if one has a balance.
func (w *World) planSettlement() {
	periods := ticks{length: int64(SettlementPeriod)}
	w.settleAt = periods.begin(periods.of(w.now) + 1)
	w.settles = false
	for _, owner := range w.accounts {
		w.settles = w.settles || owner.hasBalance
	}
}

func (w *World) settleAccounts() {
	for _, id := range slices.Sorted(maps.Keys(w.accounts)) {
		w.settleAccount(w.accounts[id])
	}
	w.planSettlement()
}

// settleAccount holds what an account was charged against what it was given.
func (w *World) settleAccount(owner *holding) {
	overdue := owner.hasBalance && w.balanceOf(owner) < 0
	if overdue == owner.overdue {
		return
	}
	owner.overdue = overdue
	for _, number := range owner.live.all() {
		i := w.instances.at(number)
		i.FinancialLock = overdue
		switch {
		case !overdue:
			w.record(i, KindUpdated, ReasonPaid)
		case i.Status == Stopped || i.Status == Stopping:
			w.change(i, func() { i.Economical = true })
			w.record(i, KindUpdated, ReasonOverdue)
		default:
			i.Economical = true
			w.enter(i, Stopping, ReasonOverdue, w.stoppingFor(i))
			w.arm(i)
		}
	}
}

// balanceOf is what an account has left, in micro-units of the currency.
func (w *World) balanceOf(owner *holding) int64 {
	return owner.given - w.chargedTo(owner).micros()
}

// An AccountState is what there is to tell about an account.
type AccountState struct {
	// ID names it.
	ID string
	// Settings is what it may.
	Settings AccountSettings
	// HasBalance tells whether it has a balance; without, it is never overdue.
	HasBalance bool
	// BalanceMicros is what it has left, in micro-units of the currency.
	BalanceMicros int64
	// Overdue is true while it owes.
	Overdue bool
	// ChargedMicros is what it was charged so far, in the same unit.
	ChargedMicros int64
	// PayAsYouGoVCPUs and SpotVCPUs is how many vCPUs it has.
	PayAsYouGoVCPUs, SpotVCPUs int64
	// Instances is how many it has.
	Instances int64
}

// AccountOf tells about an account; false when there is none.
func (w *World) AccountOf(id string) (AccountState, bool) {
	owner, ok := w.accounts[id]
	if !ok {
		return AccountState{}, false
	}
	state := AccountState{
		ID: id, Settings: owner.settings, HasBalance: owner.hasBalance, Overdue: owner.overdue,
		ChargedMicros: w.chargedTo(owner).micros(), Instances: int64(owner.live.count),
		PayAsYouGoVCPUs: owner.vcpus[0], SpotVCPUs: owner.vcpus[1],
	}
	if owner.hasBalance {
		state.BalanceMicros = owner.given - state.ChargedMicros
	}
	return state, true
}

// Accounts tells about all accounts, by id.
func (w *World) Accounts() []AccountState {
	states := make([]AccountState, 0, len(w.accounts))
	for id := range w.accounts {
		state, _ := w.AccountOf(id)
		states = append(states, state)
	}
	slices.SortFunc(states, func(a, b AccountState) int { return cmp.Compare(a.ID, b.ID) })
	return states
}
