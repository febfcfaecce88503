package cli

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-198b1370/muster/cmd/muster/internal/plot"
	"github.com/seed-198b1370/muster/pkg/money"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// Rows of the drawing of a zone: fewer when there are more zones.
const (
	rowsOfOne  = 12
	rowsOfMany = 6
)

// Finest steps of the scales.
const (
	finestPercent = 0.1
	finestStock   = 1
)

// A history is what became of the spot pools of an instance type, by zone.
type history struct {
	instanceType string
	span         plot.Span
	zones        []*zoneHistory // by id
	listMicros   int64          // the list price of all zones; 0 when they differ
	currency     currency
	past         bool // whether stocks are what other tenants left, not what a launch can get
}

// A zoneHistory is what became of the pool of a zone.
type zoneHistory struct {
	zone        string
	prices      []plot.Point // percent of the list price
	stocks      []plot.Point // instances
	priceMicros int64        // the last
	stock       string       // now; empty when it is not known
}

// newHistory makes a history from prices, by zone and time, and pools as they are
// now.
func newHistory(instanceType string, span plot.Span, prices []*fleetv1.SpotPrice, pools []*fleetv1.Pool) *history {
	h := &history{instanceType: instanceType, span: span}
	for i, price := range prices {
		z := h.zone(price.GetZoneId())
		z.addPrice(price.GetTime().AsTime(), price.GetPriceMicrosPerHour(), price.GetPayAsYouGoPriceMicrosPerHour())
		switch list := price.GetPayAsYouGoPriceMicrosPerHour(); {
		case i == 0:
			h.listMicros = list
		case list != h.listMicros:
			h.listMicros = 0
		}
	}
	for _, pool := range pools {
		if i := h.find(pool.GetZoneId()); i < len(h.zones) && h.zones[i].zone == pool.GetZoneId() {
			h.zones[i].stock = stock(pool.AvailableInstances, pool.GetStockStatus())
		}
	}
	return h
}

// find is where a zone is, or belongs.
func (h *history) find(zone string) int {
	i, _ := slices.BinarySearchFunc(h.zones, zone, func(z *zoneHistory, zone string) int { return strings.Compare(z.zone, zone) })
	return i
}

// zone is the history of a zone, which is made when there is none.
func (h *history) zone(zone string) *zoneHistory {
	i := h.find(zone)
	if i == len(h.zones) || h.zones[i].zone != zone {
		h.zones = slices.Insert(h.zones, i, &zoneHistory{zone: zone})
	}
	return h.zones[i]
}

// add adds what a pool is at a time, and tells whether that is new.
func (h *history) add(at time.Time, pool *fleetv1.Pool) bool {
	z := h.zone(pool.GetZoneId())
	stocked := stock(pool.AvailableInstances, pool.GetStockStatus())
	same := z.priceMicros == pool.GetPriceMicrosPerHour() && z.stock == stocked && len(z.stocks) > 0
	if z.priceMicros != pool.GetPriceMicrosPerHour() {
		z.addPrice(at, pool.GetPriceMicrosPerHour(), pool.GetPayAsYouGoPriceMicrosPerHour())
	}
	if pool.AvailableInstances != nil && (z.stock != stocked || len(z.stocks) == 0) {
		z.stocks = append(z.stocks, plot.Point{Time: at, Value: float64(pool.GetAvailableInstances())})
	}
	z.stock = stocked
	return !same
}

// addStocks adds the stocks that there were, by zone and time.
func (h *history) addStocks(stocks []*fleetv1.PastStock) {
	h.past = true
	for _, past := range stocks {
		z := h.zone(past.GetZoneId())
		z.stocks = append(z.stocks, plot.Point{Time: past.GetTime().AsTime(), Value: float64(past.GetLeftInstances())})
	}
}

// until moves the span on to a time, and forgets what is not seen any more.
func (h *history) until(now time.Time) {
	h.span = plot.Span{From: now.Add(h.span.From.Sub(h.span.To)), To: now}
	for _, z := range h.zones {
		z.prices, z.stocks = seen(z.prices, h.span.From), seen(z.stocks, h.span.From)
	}
}

// seen leaves out what was over before a time.
func seen(points []plot.Point, from time.Time) []plot.Point {
	for len(points) > 1 && !points[1].Time.After(from) {
		points = points[1:]
	}
	return points
}

func (z *zoneHistory) addPrice(at time.Time, micros, listMicros int64) {
	z.priceMicros = micros
	z.prices = append(z.prices, plot.Point{Time: at, Value: 100 * float64(micros) / float64(max(1, listMicros))})
}

// notes say how a zone stands at the end.
func (z *zoneHistory) notes() []string {
	var notes []string
	if last := len(z.prices) - 1; last >= 0 {
		notes = append(notes, fmt.Sprintf("last %s, %s", money.FormatMicros(z.priceMicros), percentLabel(math.Round(z.prices[last].Value*10)/10)))
	}
	if z.stock != "" {
		notes = append(notes, "stock now "+z.stock)
	}
	return notes
}

// title says what the history is of.
func (h *history) title() string { return "Spot price of " + h.instanceType }

// axis says how percentages of the list price are written: as amounts, too, when
// all zones have the same list price.
func (h *history) axis() plot.Axis {
	axis := plot.Axis{Unit: "percent of the list price", Label: percentLabel}
	if h.listMicros > 0 {
		axis.Other = h.currency.perHour()
		axis.OtherLabel = func(percent float64) string {
			return strconv.FormatFloat(percent*float64(h.listMicros)/100/money.MicrosPerUnit, 'f', 4, 64)
		}
	}
	return axis
}

// stockAxis says how stocks are written.
func (h *history) stockAxis() plot.Axis {
	unit := "instances that a launch could get"
	if h.past {
		unit = "instances that other tenants left"
	}
	return plot.Axis{Unit: unit, Label: func(n float64) string { return strconv.FormatFloat(n, 'f', 0, 64) }}
}

func percentLabel(percent float64) string { return strconv.FormatFloat(percent, 'f', -1, 64) + "%" }

// series are the lines of the history: prices, and stocks where any are known.
func (h *history) series() (prices, stocks []plot.Series) {
	for _, z := range h.zones {
		prices = append(prices, plot.Series{Name: z.zone, Notes: z.notes(), Points: z.prices})
		if len(z.stocks) > 0 {
			stocks = append(stocks, plot.Series{Name: z.zone, Notes: []string{"stock now " + z.stock}, Points: z.stocks})
		}
	}
	return prices, stocks
}

// text draws the history as text: a drawing for each zone, for lines of one
// colour can not be told apart, all on the same scale.
func (h *history) text(width int) string {
	prices, stocks := h.series()
	rows := rowsOfMany
	if len(prices) == 1 {
		rows = rowsOfOne
	}
	units := "percent of the list price"
	if h.listMicros > 0 {
		units = h.currency.perHour() + " and percent of the list price of " + money.FormatMicros(h.listMicros)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s in %s\n%s to %s\n", h.title(), units, h.span.From.UTC().Format(time.RFC3339), h.span.To.UTC().Format(time.RFC3339))
	priceScale := plot.NewScale(prices, h.span, rows, finestPercent)
	stockScale := plot.NewScale(stocks, h.span, rows, finestStock)
	for _, price := range prices {
		fmt.Fprintf(&text, "\n%s: %s\n%s\n", price.Name, strings.Join(price.Notes, "; "), plot.Text(price, h.axis(), priceScale, h.span, width))
		for _, stock := range stocks {
			if stock.Name == price.Name {
				fmt.Fprintf(&text, "\n%s: %s\n%s\n", stock.Name, h.stockAxis().Unit, plot.Text(stock, h.stockAxis(), stockScale, h.span, width))
			}
		}
	}
	return text.String()
}

// chart is the history as a picture.
func (h *history) chart() plot.Chart {
	prices, stocks := h.series()
	chart := plot.Chart{Title: h.title(), Span: h.span, Panels: []plot.Panel{{Axis: h.axis(), Finest: finestPercent, Series: prices}}}
	if len(stocks) > 0 {
		chart.Title += ", and stock"
		chart.Panels = append(chart.Panels, plot.Panel{Axis: h.stockAxis(), Finest: finestStock, Series: stocks})
	}
	return chart
}
