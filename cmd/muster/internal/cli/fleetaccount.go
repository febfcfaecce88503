package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/seed-198b1370/muster/cmd/muster/internal/cli/value"
	"github.com/seed-198b1370/muster/pkg/money"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

type accountCommand struct {
	Show    accountShow    `cmd:"" help:"Show the account that calls: --account, or the one that is always there."`
	List    accountList    `cmd:"" help:"List all accounts of the simulated cloud."`
	Set     accountSet     `cmd:"" help:"Make an account, or change what it may."`
	Deposit accountDeposit `cmd:"" help:"Give money to an account, or take it away."`
}

type accountShow struct{ client }

// Run shows the caller's account.
func (c *accountShow) Run(ctx context.Context, on console) error {
	return c.billing(func(billing fleetv1.BillingServiceClient, fleet fleetv1.FleetServiceClient) error {
		got, err := billing.GetAccount(ctx, &fleetv1.GetAccountRequest{})
		if err != nil {
			return err
		}
		return c.showPriced(ctx, fleet, on.out, got, func(w pricedTable) { describeAccount(w, got.GetAccount()) })
	})
}

// describeAccount writes everything about an account.
func describeAccount(w pricedTable, account *fleetv1.Account) {
	row(w, "Account:", account.GetAccountId())
	row(w, "Balance:", balance(account))
	row(w, "Overdue:", map[bool]string{true: "yes: it can launch and start nothing until it has paid", false: "no"}[account.GetOverdue()])
	row(w, "Charged so far:", money.FormatMicros(account.GetChargedMicros()))
	row(w, "Instances:", account.GetInstances())
	row(w, "Pay-as-you-go vCPUs:", usage(account.GetPayAsYouGoVcpus(), settings(account).PayAsYouGoVcpuQuota))
	row(w, "Spot vCPUs:", usage(account.GetSpotVcpus(), settings(account).SpotVcpuQuota))
	row(w, "Calls:", callRate(settings(account)))
	row(w, "Cost tags:", orDash(strings.Join(account.GetCostTagKeys(), ", ")))
	w.sayAmounts()
}

func accountTable(w pricedTable, accounts ...*fleetv1.Account) {
	row(w, "ACCOUNT", "BALANCE", "OVERDUE", "CHARGED", "INSTANCES", "PAY-AS-YOU-GO VCPUS", "SPOT VCPUS", "CALLS")
	for _, account := range accounts {
		row(w, account.GetAccountId(), balance(account), yesOrDash(account.GetOverdue()), money.FormatMicros(account.GetChargedMicros()),
			account.GetInstances(), usage(account.GetPayAsYouGoVcpus(), settings(account).PayAsYouGoVcpuQuota),
			usage(account.GetSpotVcpus(), settings(account).SpotVcpuQuota), callRate(settings(account)))
	}
	w.sayAmounts()
}

// balance writes what an account has left; an account without a balance is never
// overdue.
func balance(account *fleetv1.Account) string {
	if account.BalanceMicros == nil {
		return "unlimited"
	}
	return money.FormatMicros(account.GetBalanceMicros())
}

// settings are what an account may; one that has none may anything.
func settings(account *fleetv1.Account) *fleetv1.AccountSettings {
	return cmp.Or(account.GetSettings(), &fleetv1.AccountSettings{})
}

// usage writes what is used of a quota.
func usage(used int64, quota *int64) string {
	if quota == nil {
		return fmt.Sprintf("%d of unlimited", used)
	}
	return fmt.Sprintf("%d of %d", used, *quota)
}

// callRate writes how often an account may call.
func callRate(settings *fleetv1.AccountSettings) string {
	if settings.CallsPerSecond == nil {
		return "unlimited"
	}
	burst := settings.GetCallBurst()
	if settings.CallBurst == nil {
		burst = settings.GetCallsPerSecond()
	}
	return fmt.Sprintf("%d/s, %d at once", settings.GetCallsPerSecond(), burst)
}

type accountList struct{ client }

// Run lists the accounts.
func (c *accountList) Run(ctx context.Context, on console) error {
	return c.accounts(func(simulation fleetv1.SimulationServiceClient, fleet fleetv1.FleetServiceClient) error {
		listed, err := simulation.ListAccounts(ctx, &fleetv1.ListAccountsRequest{})
		if err != nil {
			return err
		}
		return c.showPriced(ctx, fleet, on.out, listed, func(w pricedTable) { accountTable(w, listed.GetAccounts()...) })
	})
}

type accountSet struct {
	client
	ID              string `arg:"" name:"name" help:"Name of the account: 1 to 64 of A-Z a-z 0-9 . _ -. What is not named by a flag becomes unlimited."`
	PayAsYouGoVCPUs *int64 `name:"pay-as-you-go-vcpus" placeholder:"N" help:"Most vCPUs of pay-as-you-go instances at a time, 0 or more."`
	SpotVCPUs       *int64 `name:"spot-vcpus" placeholder:"N" help:"Most vCPUs of spot instances at a time, 0 or more."`
	Calls           *int32 `placeholder:"N" help:"Most calls a second of simulated time, in the long run, 1 or more."`
	Burst           *int32 `placeholder:"N" help:"Most calls at once, after a pause, 1 or more; by default as many as in a second."`
}

// Run makes or changes the account.
func (c *accountSet) Run(ctx context.Context, on console) error {
	if err := c.check(); err != nil {
		return err
	}
	return c.accounts(func(simulation fleetv1.SimulationServiceClient, fleet fleetv1.FleetServiceClient) error {
		set, err := simulation.SetAccount(ctx, &fleetv1.SetAccountRequest{AccountId: c.ID, Settings: &fleetv1.AccountSettings{
			PayAsYouGoVcpuQuota: c.PayAsYouGoVCPUs, SpotVcpuQuota: c.SpotVCPUs, CallsPerSecond: c.Calls, CallBurst: c.Burst,
		}})
		if err != nil {
			return err
		}
		return c.showPriced(ctx, fleet, on.out, set, func(w pricedTable) { accountTable(w, set.GetAccount()) })
	})
}

func (c *accountSet) check() error {
	if err := checkAccount("NAME", c.ID); err != nil || c.ID == "" {
		return misuse("NAME must be 1 to 64 of A-Z a-z 0-9 . _ -, got %q", c.ID)
	}
	if c.Burst != nil && c.Calls == nil {
		return misuse("--burst needs --calls")
	}
	for _, flag := range []struct {
		name        string
		value       *int64
		least, most int64
	}{
		{"--pay-as-you-go-vcpus", c.PayAsYouGoVCPUs, 0, 1_000_000_000}, {"--spot-vcpus", c.SpotVCPUs, 0, 1_000_000_000},
		{"--calls", widened(c.Calls), 1, 1_000_000}, {"--burst", widened(c.Burst), 1, 1_000_000},
	} {
		if flag.value != nil && (*flag.value < flag.least || *flag.value > flag.most) {
			return misuse("%s must be %d to %d, got %d", flag.name, flag.least, flag.most, *flag.value)
		}
	}
	return nil
}

func widened(number *int32) *int64 {
	if number == nil {
		return nil
	}
	wide := int64(*number)
	return &wide
}

// mostDeposit is the most money that is given at once, in micro-units.
const mostDeposit = 1_000_000_000 * money.MicrosPerUnit

type accountDeposit struct {
	client
	ID        string `arg:"" name:"name" help:"Name of the account."`
	Amount    string `arg:"" name:"amount" help:"How much, in units of the currency, such as 100 or 12.50, at most a billion. Less than nothing takes money away; write -- before it, as in: deposit acme -- -5."`
	RequestID string `name:"request-id" placeholder:"ID" help:"Client token: the same call again gives nothing more. Without it one is made."`
}

// Run gives the money.
func (c *accountDeposit) Run(ctx context.Context, on console) error {
	amount, err := value.Micros(c.Amount)
	if err == nil && (amount > mostDeposit || amount < -mostDeposit) {
		err = fmt.Errorf("must be at most a billion either way, got %q", c.Amount)
	}
	if err != nil {
		return of("AMOUNT", err)
	}
	token, err := tokenOf(c.RequestID, "")
	if err != nil {
		return err
	}
	return c.accounts(func(simulation fleetv1.SimulationServiceClient, fleet fleetv1.FleetServiceClient) error {
		given, err := simulation.Deposit(ctx, &fleetv1.DepositRequest{RequestId: token.id, AccountId: c.ID, AmountMicros: amount})
		if err != nil {
			return token.failed(err)
		}
		return c.showPriced(ctx, fleet, on.out, given, func(w pricedTable) { accountTable(w, given.GetAccount()) })
	})
}
