package cli

import (
	"context"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// A currency is what amounts are in, as three letters; empty when nobody tells.
type currency string

// unknownCurrency is how a currency that nobody tells is called.
const unknownCurrency = "the account's currency"

// prices says once what all prices of an answer are.
func (c currency) prices() string {
	if c == "" {
		return "Prices are per hour, in " + unknownCurrency + "."
	}
	return "Prices are in " + string(c) + " per hour."
}

// amounts says once what all amounts of an answer are.
func (c currency) amounts() string {
	if c == "" {
		return "Amounts are in " + unknownCurrency + "."
	}
	return "Amounts are in " + string(c) + "."
}

// perHour is the unit of a price.
func (c currency) perHour() string {
	if c == "" {
		return unknownCurrency + " per hour"
	}
	return string(c) + " per hour"
}

// regions is what knows the currency.
type regions interface {
	ListRegions(context.Context, *fleetv1.ListRegionsRequest, ...grpc.CallOption) (*fleetv1.ListRegionsResponse, error)
}

// currencyPatience is how long to wait, in real time, for an answer that is
// shown without it, too.
const currencyPatience = time.Second

// currencyOf asks for the currency. It is that of all regions, or none: what is
// shown does not say which region a price is of. Who does not serve regions, as
// the group service alone, does not tell.
func currencyOf(ctx context.Context, of regions) currency {
	ctx, cancel := context.WithTimeout(ctx, currencyPatience)
	defer cancel()
	listed, err := of.ListRegions(ctx, &fleetv1.ListRegionsRequest{})
	if err != nil || len(listed.GetRegions()) == 0 {
		return ""
	}
	first := listed.GetRegions()[0].GetCurrency()
	for _, region := range listed.GetRegions() {
		if region.GetCurrency() != first {
			return ""
		}
	}
	return currency(first)
}

// A pricedTable is a table that can say what its prices and amounts are in.
type pricedTable struct {
	table
	currency func() currency // asks
}

// sayPrices says what all prices above are in.
func (t pricedTable) sayPrices() { t.say(t.currency().prices()) }

// sayAmounts says what all amounts above are in.
func (t pricedTable) sayAmounts() { t.say(t.currency().amounts()) }

// showPriced is show for an answer with money in it. The currency is only asked
// for when it is said.
func (c client) showPriced(ctx context.Context, of regions, out io.Writer, answer proto.Message, fill func(pricedTable)) error {
	return c.show(out, answer, func(w table) {
		fill(pricedTable{table: w, currency: func() currency { return currencyOf(ctx, of) }})
	})
}
