package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/cmd/muster/internal/cli/value"
	"github.com/seed-198b1370/muster/cmd/muster/internal/plot"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// Bounds of a price history.
const (
	mostHistory    = 30 * 24 * time.Hour
	defaultHistory = 24 * time.Hour
	mostPrices     = 1_000 // or stocks, that one page can have
)

// Bounds of a picture of text, in columns.
const (
	leastWidth   = 40
	mostWidth    = 500
	defaultWidth = 100 // where there is no terminal
)

type marketHistory struct {
	client
	Type        string   `arg:"" name:"type" help:"The instance type."`
	Zone        []string `placeholder:"ZONE" help:"Only these zones; by default all that sell the type."`
	Since       string   `placeholder:"DURATION" help:"How far back to begin, in simulated time, such as 90m, 24h or 7d, at most 30d; by default 24h."`
	From        string   `placeholder:"TIME" help:"When to begin, such as 2026-01-02T15:04:05Z, instead of --since."`
	To          string   `placeholder:"TIME" help:"When to end, at most 30d after the begin; by default now."`
	Unprotected bool     `help:"The price of instances without the hour of protection, instead of that of protected ones."`
	Live        bool     `help:"Go on drawing price, and the stock that is left for a launch, as they change, until Ctrl-C."`
	SVG         string   `name:"svg" placeholder:"FILE" help:"Write a picture to this file, too; with --live when that ends."`
	Width       int      `placeholder:"COLUMNS" help:"How wide to draw, 40 to 500 columns; by default as wide as the terminal, or 100."`
}

// Run draws the history.
func (c *marketHistory) Run(ctx context.Context, on console) error {
	request, err := c.request()
	if err != nil {
		return err
	}
	return c.call(func(conn grpc.ClientConnInterface) error {
		fleet := fleetv1.NewFleetServiceClient(conn)
		pools, err := everything.pools(ctx, fleet, &fleetv1.ListPoolsRequest{
			ZoneIds: c.Zone, InstanceTypes: []string{c.Type}, BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_SPOT,
		})
		if err != nil {
			return err
		}
		c.complete(request, pools.GetAsOfTime().AsTime())
		prices, err := listPrices(ctx, fleet, request)
		if err != nil {
			return err
		}
		drawn := newHistory(c.Type, plot.Span{From: request.GetStartTime().AsTime(), To: request.GetEndTime().AsTime()}, prices.GetPrices(), pools.GetPools())
		if c.draws() {
			drawn.currency = currencyOf(ctx, fleet)
		}
		if c.Live {
			ended := c.live(ctx, on, fleet, drawn)
			if err := c.writeSVG(on.err, drawn); err != nil {
				return err // that it was ended by the user must not hide this
			}
			return ended
		}
		if len(prices.GetPrices()) == 0 {
			say(on.err, "no zone sold it then")
			return nil
		}
		if c.draws() {
			stocks, err := listStocks(ctx, fleetv1.NewSimulationServiceClient(conn), request)
			if err != nil {
				return err
			}
			drawn.addStocks(stocks)
		}
		if err := c.show(on.out, prices, func(w table) { _, _ = io.WriteString(w, drawn.text(c.columns(w.width))) }); err != nil {
			return err
		}
		return c.writeSVG(on.err, drawn)
	})
}

// request is what the command line asks for, or what is wrong with it. Times that
// depend on the cloud's clock are still open.
func (c *marketHistory) request() (*fleetv1.ListSpotPricesRequest, error) {
	request := &fleetv1.ListSpotPricesRequest{InstanceType: c.Type, ZoneIds: c.Zone, Unprotected: c.Unprotected}
	wrong := []error{checkNamed("--zone", c.Zone)}
	if c.Width != 0 && (c.Width < leastWidth || c.Width > mostWidth) {
		wrong = append(wrong, misuse("--width must be %d to %d, got %d", leastWidth, mostWidth, c.Width))
	}
	if c.Live {
		wrong = append(wrong, checkAlone("--live", given{"--from", c.From != ""}, given{"--to", c.To != ""}, given{"--unprotected", c.Unprotected}))
	}
	if c.Since != "" {
		_, err := value.Within(c.Since, mostHistory)
		wrong = append(wrong, of("--since", err), checkAlone("--since", given{"--from", c.From != ""}))
	}
	wrong = append(wrong, readTime("--from", c.From, &request.StartTime), readTime("--to", c.To, &request.EndTime))
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	if request.StartTime != nil && request.EndTime != nil {
		if length := request.EndTime.AsTime().Sub(request.StartTime.AsTime()); length <= 0 || length > mostHistory {
			return nil, misuse("--to must be after --from and at most 30d later, got %s and %s", c.From, c.To)
		}
	}
	return request, nil
}

// complete fills in the times that depend on the cloud's clock.
func (c *marketHistory) complete(request *fleetv1.ListSpotPricesRequest, now time.Time) {
	if request.EndTime == nil {
		request.EndTime = timestamppb.New(now)
	}
	if request.StartTime == nil {
		request.StartTime = timestamppb.New(request.EndTime.AsTime().Add(-c.length()))
	}
}

// length is how far back the history goes. The flag is in order.
func (c *marketHistory) length() time.Duration {
	if length, err := value.Duration(c.Since); err == nil {
		return length
	}
	return defaultHistory
}

// listPrices asks for all prices, as one answer.
func listPrices(ctx context.Context, fleet fleetv1.FleetServiceClient, request *fleetv1.ListSpotPricesRequest) (*fleetv1.ListSpotPricesResponse, error) {
	all := &fleetv1.ListSpotPricesResponse{}
	_, err := everything.eachPage(mostPrices, func(token string, size int32) (int, string, error) {
		request.PageToken, request.PageSize = token, size
		page, err := fleet.ListSpotPrices(ctx, request)
		all.Prices = append(all.Prices, page.GetPrices()...)
		return len(all.Prices), page.GetNextPageToken(), err
	})
	return all, err
}

// listStocks asks for all stocks of the times and zones of prices. Only a
// simulated cloud knows them: others have none.
func listStocks(ctx context.Context, simulation fleetv1.SimulationServiceClient, of *fleetv1.ListSpotPricesRequest) ([]*fleetv1.PastStock, error) {
	request := &fleetv1.ListStockHistoryRequest{
		InstanceType: of.GetInstanceType(), ZoneIds: of.GetZoneIds(), StartTime: of.GetStartTime(), EndTime: of.GetEndTime(),
	}
	var all []*fleetv1.PastStock
	_, err := everything.eachPage(mostPrices, func(token string, size int32) (int, string, error) {
		request.PageToken, request.PageSize = token, size
		page, err := simulation.ListStockHistory(ctx, request)
		all = append(all, page.GetStocks()...)
		return len(all), page.GetNextPageToken(), err
	})
	if status.Code(err) == codes.Unimplemented {
		return nil, nil
	}
	return all, err
}

// columns is how wide to draw.
func (c *marketHistory) columns(terminal int) int {
	switch {
	case c.Width > 0:
		return c.Width
	case terminal > 0:
		return max(leastWidth, terminal)
	default:
		return defaultWidth
	}
}

// draws tells whether the history is drawn, not only told as JSON.
func (c *marketHistory) draws() bool { return c.Output != "json" || c.SVG != "" }

// writeSVG writes the history as a picture, if a file is named for it.
func (c *marketHistory) writeSVG(errOut io.Writer, drawn *history) error {
	if c.SVG == "" {
		return nil
	}
	var picture bytes.Buffer
	if err := plot.SVG(&picture, drawn.chart()); err != nil {
		return err
	}
	const readable = 0o644
	if err := os.WriteFile(c.SVG, picture.Bytes(), readable); err != nil {
		return err
	}
	say(errOut, fmt.Sprintf("muster: wrote %s", c.SVG))
	return nil
}
