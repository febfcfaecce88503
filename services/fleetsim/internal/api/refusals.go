package api

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/protoadapt"

	"github.com/seed-198b1370/muster/pkg/money"
	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/wire"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// refusedInstance reads errors about what an instance is.
func (d *Deps) refusedInstance(err error, of *subject) (refusal, bool) {
	var missing *world.NotFoundError
	var status *world.StatusError
	var protected *world.ProtectedError
	var locked *world.LockedError
	switch {
	case errors.As(err, &missing):
		return noInstance(of.instance(missing.Place)), true
	case errors.As(err, &status):
		id, wanted := of.instance(status.Place), make([]string, len(status.Wanted))
		for i, one := range status.Wanted {
			wanted[i] = fleetv1.InstanceStatus(one).String()
		}
		now := fleetv1.InstanceStatus(status.Status).String()
		return refusal{
			code: codes.FailedPrecondition, reason: fleetv1.ErrorReason_ERROR_REASON_INCORRECT_INSTANCE_STATUS,
			metadata: map[string]string{"instance_id": id, "status": now, "wanted": strings.Join(wanted, ",")},
			message:  fmt.Sprintf("instance %s has status %s, it must have %s", rpc.Quote(id), now, strings.Join(wanted, " or ")),
		}, true
	case errors.As(err, &locked):
		id := of.instance(locked.Place)
		return refusal{
			code: codes.FailedPrecondition, reason: fleetv1.ErrorReason_ERROR_REASON_INSTANCE_LOCKED,
			metadata: map[string]string{"instance_id": id, "lock": "recycling"},
			message:  fmt.Sprintf("instance %s is about to be reclaimed and can not be started until it was", rpc.Quote(id)),
		}, true
	case errors.As(err, &protected):
		id := of.instance(protected.Place)
		return refusal{
			code: codes.FailedPrecondition, reason: fleetv1.ErrorReason_ERROR_REASON_DELETION_PROTECTED,
			metadata: map[string]string{"instance_id": id},
			message:  fmt.Sprintf("instance %s is protected from deletion; set its deletion_protection to false first", rpc.Quote(id)),
		}, true
	}
	return refusal{}, false
}

func noInstance(id string) refusal {
	return refusal{
		code: codes.NotFound, reason: fleetv1.ErrorReason_ERROR_REASON_INSTANCE_NOT_FOUND,
		metadata: map[string]string{"instance_id": id}, message: "there is no instance " + rpc.Quote(id),
	}
}

// refusedPurchase reads errors about what a launch or a start would buy.
func (d *Deps) refusedPurchase(err error, of *subject) (refusal, bool) {
	var stock *world.StockError
	var price *world.PriceError
	var quota *world.QuotaError
	var balance *world.BalanceError
	var zone *world.ZoneError
	var category *world.DiskCategoryError
	switch {
	case errors.As(err, &stock):
		return d.noStock(stock), true
	case errors.As(err, &price):
		return d.priceTooLow(price), true
	case errors.As(err, &quota):
		return pastQuota(quota, of.account), true
	case errors.As(err, &balance):
		return refusal{
			code: codes.FailedPrecondition, reason: fleetv1.ErrorReason_ERROR_REASON_INSUFFICIENT_BALANCE,
			metadata: map[string]string{"account_id": of.account, "balance_micros": decimal(balance.Balance)},
			message:  fmt.Sprintf("account %s is overdue, its balance is %s; Deposit pays what it owes", rpc.Quote(of.account), money.FormatMicros(balance.Balance)),
		}, true
	case errors.As(err, &zone):
		return refusal{
			code: codes.FailedPrecondition, reason: fleetv1.ErrorReason_ERROR_REASON_ZONE_NOT_ON_SALE,
			metadata: map[string]string{"zone_id": zone.ZoneID},
			message:  fmt.Sprintf("zone %s does not sell now; try another zone", zone.ZoneID),
		}, true
	case errors.As(err, &category):
		names := make([]string, len(category.Categories))
		for i, one := range category.Categories {
			names[i] = fleetv1.DiskCategory(one).String()
		}
		return refusal{
			code: codes.FailedPrecondition, reason: fleetv1.ErrorReason_ERROR_REASON_DISK_CATEGORY_NOT_AVAILABLE,
			metadata: map[string]string{"zone_id": category.ZoneID, "categories": strings.Join(names, ",")},
			message:  fmt.Sprintf("zone %s offers none of %s for disk %d now; name further categories, or try another zone", category.ZoneID, strings.Join(names, ", "), category.Disk),
		}, true
	}
	return refusal{}, false
}

func (d *Deps) noStock(e *world.StockError) refusal {
	metadata := d.poolMetadata(e.Pool)
	metadata["billing_method"] = wire.ToBilling(e.Pool.Spot).String()
	metadata["wanted"], metadata["available"] = decimal(e.Wanted), decimal(e.Available)
	return refusal{
		code: codes.ResourceExhausted, reason: fleetv1.ErrorReason_ERROR_REASON_NO_INSTANCE_STOCK, metadata: metadata,
		message: fmt.Sprintf("%s in %s has stock for %d instances, at least %d are wanted", metadata["instance_type"], metadata["zone_id"], e.Available, e.Wanted),
	}
}

func (d *Deps) priceTooLow(e *world.PriceError) refusal {
	metadata := d.poolMetadata(e.Pool)
	metadata["max_price_micros_per_hour"], metadata["market_price_micros_per_hour"] = decimal(e.Bid), decimal(e.Market)
	return refusal{
		code: codes.FailedPrecondition, reason: fleetv1.ErrorReason_ERROR_REASON_PRICE_BELOW_MARKET, metadata: metadata,
		message: fmt.Sprintf("the maximum price %s of %s in %s is below the market price %s", money.FormatMicros(e.Bid), metadata["instance_type"], metadata["zone_id"], money.FormatMicros(e.Market)),
	}
}

func pastQuota(e *world.QuotaError, account string) refusal {
	billing := wire.ToBilling(e.Spot).String()
	message := fmt.Sprintf("account %s uses %d of %d vCPUs of %s; %d more would pass that", rpc.Quote(account), e.Used, e.Quota, billing, e.Wanted)
	return refusal{
		code: codes.ResourceExhausted, reason: fleetv1.ErrorReason_ERROR_REASON_QUOTA_EXCEEDED,
		metadata: map[string]string{
			"account_id": account, "billing_method": billing,
			"wanted_vcpus": decimal(e.Wanted), "used_vcpus": decimal(e.Used), "quota_vcpus": decimal(e.Quota),
		},
		message: message, details: []protoadapt.MessageV1{quotaFailure(account, message)},
	}
}

func quotaFailure(account, message string) *errdetails.QuotaFailure {
	return &errdetails.QuotaFailure{Violations: []*errdetails.QuotaFailure_Violation{{Subject: "account:" + account, Description: message}}}
}

// refusedByFault reads the error of a launch that a fault refuses: it looks like
// the refusal that it stands in for, and its metadata names the fault.
func (d *Deps) refusedByFault(err error, of *subject) (refusal, bool) {
	var refused *world.RefusedError
	if !errors.As(err, &refused) || of.launch == nil {
		return refusal{}, false
	}
	pool := of.launch.Pool
	why := refusal{code: codes.FailedPrecondition, reason: fleetv1.ErrorReason(refused.Refusal), metadata: d.poolMetadata(pool)}
	why.message = fmt.Sprintf("fault %s of the simulation refuses launches of %s in %s for the reason %s", rpc.Quote(refused.FaultID),
		why.metadata["instance_type"], why.metadata["zone_id"], strings.TrimPrefix(why.reason.String(), "ERROR_REASON_"))
	why.metadata["fault_id"], why.metadata["account_id"] = refused.FaultID, of.account
	why.metadata["billing_method"] = wire.ToBilling(pool.Spot).String()
	switch why.reason {
	case fleetv1.ErrorReason_ERROR_REASON_NO_INSTANCE_STOCK:
		why.code = codes.ResourceExhausted
		why.metadata["wanted"], why.metadata["available"] = decimal(int64(of.launch.MinAmount)), "0"
	case fleetv1.ErrorReason_ERROR_REASON_QUOTA_EXCEEDED:
		why.code = codes.ResourceExhausted
		why.details = append(why.details, quotaFailure(of.account, why.message))
	case fleetv1.ErrorReason_ERROR_REASON_THROTTLED:
		why.code = codes.ResourceExhausted
		why.metadata["method"] = of.method
		why.details = append(why.details, rpc.RetryAfter(injectedWait))
	default: // the others have nothing to add
	}
	return why, true
}

// poolMetadata is the metadata of an error about a pool.
func (d *Deps) poolMetadata(pool world.Pool) map[string]string {
	offer := &d.Catalog.Offers()[pool.Offer]
	return map[string]string{"zone_id": offer.ZoneID, "instance_type": offer.InstanceType}
}

// refusedDisk reads errors about disks.
func (d *Deps) refusedDisk(err error, of *subject) (refusal, bool) {
	var missing *world.DiskNotFoundError
	var status *world.DiskStatusError
	switch {
	case errors.As(err, &missing):
		return refusal{
			code: codes.NotFound, reason: fleetv1.ErrorReason_ERROR_REASON_DISK_NOT_FOUND,
			metadata: map[string]string{"disk_id": of.disk}, message: "there is no disk " + rpc.Quote(of.disk),
		}, true
	case errors.As(err, &status):
		return refusal{
			code: codes.FailedPrecondition, reason: fleetv1.ErrorReason_ERROR_REASON_INCORRECT_DISK_STATUS,
			metadata: map[string]string{"disk_id": of.disk}, message: fmt.Sprintf("disk %s %s", rpc.Quote(of.disk), status.Why),
		}, true
	}
	return refusal{}, false
}

// refusedOrder reads errors about accounts, faults, bills and limits.
func (d *Deps) refusedOrder(err error, of *subject) (refusal, bool) {
	var account *world.AccountError
	var exists *world.FaultExistsError
	var missing *world.FaultNotFoundError
	var limit *world.LimitError
	var bill *world.BillError
	switch {
	case errors.As(err, &account):
		return refusal{
			code: codes.Unauthenticated, reason: fleetv1.ErrorReason_ERROR_REASON_ACCOUNT_NOT_FOUND,
			metadata: map[string]string{"account_id": account.AccountID}, message: "there is no account " + rpc.Quote(account.AccountID),
		}, true
	case errors.As(err, &exists):
		return refusal{
			code: codes.AlreadyExists, reason: fleetv1.ErrorReason_ERROR_REASON_FAULT_EXISTS,
			metadata: map[string]string{"fault_id": exists.ID}, message: fmt.Sprintf("there is another fault %s; clear it first, or choose another id", rpc.Quote(exists.ID)),
		}, true
	case errors.As(err, &missing):
		return refusal{
			code: codes.NotFound, reason: fleetv1.ErrorReason_ERROR_REASON_FAULT_NOT_FOUND,
			metadata: map[string]string{"fault_id": missing.ID}, message: fmt.Sprintf("there is no fault %s; ListFaults tells which there are", rpc.Quote(missing.ID)),
		}, true
	case errors.As(err, &limit):
		return refusal{
			code: codes.ResourceExhausted, reason: fleetv1.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED,
			metadata: map[string]string{"what": limit.What, "limit": decimal(int64(limit.Limit))},
			message:  fmt.Sprintf("there are %d %s already, there can be no more", limit.Limit, limit.What),
		}, true
	case errors.As(err, &bill):
		return d.noBill(bill, of), true
	}
	return refusal{}, false
}

func (d *Deps) noBill(e *world.BillError, of *subject) refusal {
	if e.Key == "" {
		return noInstance(of.instance(0))
	}
	keys := strings.Join(d.Engine.Facts().CostTagKeys, ",")
	return refusal{
		code: codes.FailedPrecondition, reason: fleetv1.ErrorReason_ERROR_REASON_NOT_A_COST_TAG,
		metadata: map[string]string{"key": e.Key, "cost_tag_keys": keys},
		message:  fmt.Sprintf("charges are not summed by the tag key %s, only by %s", rpc.Quote(e.Key), keys),
	}
}
