package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/engine"
)

// stopping turns what the engine says for itself into a status: a caller may
// try again elsewhere, or later.
func stopping(err error) error {
	if errors.Is(err, engine.ErrStopped) {
		return status.Error(codes.Unavailable, "the simulated cloud is stopping")
	}
	return err
}

// ended is why a stream ends when its reader or the engine has gone.
func ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return stopping(engine.ErrStopped)
}

// invalidToken refuses a page token or cursor.
func invalidToken(field, value string) error {
	var violations rpc.Violations
	violations.Add(field, value, "must be empty or one that this service gave")
	return violations.ErrWithReason(fleetv1.ErrorReason_ERROR_REASON_INVALID_TOKEN, nil)
}

// findOffer finds the offer of a type in a zone, or says of each what is wrong
// with it.
func findOffer(c *catalog.Catalog, zoneID, instanceType string) (int32, error) {
	var violations rpc.Violations
	checkZone(c, &violations, "zone_id", zoneID)
	checkType(c, &violations, "instance_type", instanceType)
	index, sold := c.Find(zoneID, instanceType)
	if !sold && violations.Err() == nil {
		refuseZoneOfType(c, &violations, "zone_id", zoneID, instanceType)
	}
	return int32(index), violations.ErrWithReason(fleetv1.ErrorReason_ERROR_REASON_UNKNOWN_POOL, nil)
}

func checkZone(c *catalog.Catalog, violations *rpc.Violations, field, zoneID string) {
	if !c.HasZone(zoneID) {
		violations.Add(field, zoneID, fmt.Sprintf("must be a zone of %s: %s", c.RegionID(), strings.Join(c.ZoneIDs(), ", ")))
	}
}

func checkType(c *catalog.Catalog, violations *rpc.Violations, field, instanceType string) {
	if !c.HasType(instanceType) {
		violations.Add(field, instanceType, fmt.Sprintf("must be an instance type of %s, as ListInstanceTypes lists them, such as %s",
			c.RegionID(), strings.Join(alike(c.InstanceTypes(), instanceType), ", ")))
	}
}

func refuseZoneOfType(c *catalog.Catalog, violations *rpc.Violations, field, zoneID, instanceType string) {
	first, end := c.OffersOf(instanceType)
	var zones []string
	for _, offer := range c.Offers()[first:end] {
		zones = append(zones, offer.ZoneID)
	}
	violations.Add(field, zoneID, fmt.Sprintf("must be a zone that sells %s: %s", instanceType, strings.Join(zones, ", ")))
}

// alike tells up to three names that begin most like one, the shortest first.
func alike(names []string, name string) []string {
	var best []string
	longest := -1
	for _, candidate := range names {
		common := 0
		for common < len(name) && common < len(candidate) && name[common] == candidate[common] {
			common++
		}
		if common > longest {
			best, longest = nil, common
		}
		if common == longest {
			best = append(best, candidate)
		}
	}
	slices.SortStableFunc(best, func(a, b string) int { return len(a) - len(b) })
	return best[:min(3, len(best))]
}

// poolMetadata is the metadata of an error about a pool.
func poolMetadata(req *fleetv1.RunInstancesRequest) map[string]string {
	return map[string]string{"zone_id": req.GetZoneId(), "instance_type": req.GetInstanceType()}
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }
