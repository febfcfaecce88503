package ops

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/gateway/internal/network"
	"github.com/seed-198b1370/muster/services/gateway/internal/table"
	"github.com/seed-198b1370/muster/services/gateway/wire"
)

// instanceOperations are those of instances.
func instanceOperations() []Operation {
	return slices.Concat([]Operation{
		runInstances(),
		describeInstances(),
		describeInstanceStatus(),
		describeInstancesFullStatus(),
		describeInstanceAttribute(),
		modifyInstanceAttribute(),
	}, powerOperations(), releaseOperations())
}

// missing is an error of HTTP status 404.
func missing(code, message string) wire.Error {
	return wire.Error{Status: http.StatusNotFound, Code: code, Message: message}
}

// denied is an error of HTTP status 403.
func denied(code, message string) wire.Error {
	return wire.Error{Status: http.StatusForbidden, Code: code, Message: message}
}

// Errors of instances and of what is looked up for them.
var (
	errRegionID       = missing("InvalidRegionId.NotFound", "The specified RegionId does not exist.")
	errZoneID         = missing("InvalidZoneId.NotFound", "The specified ZoneId does not exist.")
	errVSwitchID      = missing("InvalidVSwitchId.NotFound", "The specified VSwitchId does not exist.")
	errInstanceID     = missing("InvalidInstanceId.NotFound", "The specified InstanceId does not exist.")
	errStatusFilter   = missing("InvalidStatus.NotFound", "The specified Status is not found.")
	errLockFilter     = missing("InvalidLockReason.NotFound", "The specified LockReason is not found.")
	errChargeFilter   = missing("InvalidInstanceChargeType.NotFound", "The specified InstanceChargeType is not found.")
	errNetworkFilter  = missing("InvalidNetworkType.NotFound", "The specified InstanceNetworkType is not found.")
	errFilterKey      = missing("InvalidFilterKey.NotFound", "The specified Filter.N.Key is not found.")
	errTooManyIDs     = denied("InstanceIdLimitExceeded", "The specified number of InstanceId exceeds the limit.")
	errEndBeforeStart = denied("InvalidParameter.TimeEndBeforeStart", "The end of the time must not be before its start.")
	// Those of DescribeInstancesFullStatus have statuses of their own.
	errNoFullStatusRegion = missing("MissingParameter", `The parameter "RegionId" must be given.`)
	errFullStatusParam    = denied("InvalidParameter", "")

	errTooManyEvents = denied("EventIdLimitExceeded", "The specified number of EventId exceeds the limit.")
)

var lockReasons = words[fleetv1.OperationLock]{
	fleetv1.OperationLock_OPERATION_LOCK_RECYCLING: "Recycling",
	fleetv1.OperationLock_OPERATION_LOCK_FINANCIAL: "financial",
}

var healths = words[fleetv1.InstanceHealth]{
	fleetv1.InstanceHealth_INSTANCE_HEALTH_OK:                "Ok",
	fleetv1.InstanceHealth_INSTANCE_HEALTH_IMPAIRED:          "Impaired",
	fleetv1.InstanceHealth_INSTANCE_HEALTH_WARNING:           "Warning",
	fleetv1.InstanceHealth_INSTANCE_HEALTH_MAINTAINING:       "Maintaining",
	fleetv1.InstanceHealth_INSTANCE_HEALTH_INITIALIZING:      "Initializing",
	fleetv1.InstanceHealth_INSTANCE_HEALTH_INSUFFICIENT_DATA: "InsufficientData",
	fleetv1.InstanceHealth_INSTANCE_HEALTH_NOT_APPLICABLE:    "NotApplicable",
}

var stoppedModes = words[fleetv1.StoppedMode]{
	fleetv1.StoppedMode_STOPPED_MODE_KEEP_CHARGING: "KeepCharging",
	fleetv1.StoppedMode_STOPPED_MODE_STOP_CHARGING: "StopCharging",
}

var interruptions = words[fleetv1.InterruptionBehavior]{
	fleetv1.InterruptionBehavior_INTERRUPTION_BEHAVIOR_TERMINATE: "Terminate",
	fleetv1.InterruptionBehavior_INTERRUPTION_BEHAVIOR_STOP:      "Stop",
}

// regionParam is the region of a call that is about more than groups.
func regionParam() table.Param { return region(wire.Error{}) }

// ids is a list of ids, at most so many.
func ids(name string, limit int) table.Param {
	return table.Param{Name: name, List: true, Limit: limit, Max: 64}
}

func describeInstances() Operation {
	params := []table.Param{
		regionParam(),
		ids("InstanceIds", 100),
		{Name: "InstanceName", Max: 128, Note: "`*` stands for any characters."},
		{Name: "Status", OneOf: instanceStatuses.all(), Wrong: errStatusFilter},
		{Name: "ZoneId", Max: 64},
		{Name: "VSwitchId", Max: 64, Note: "Instances of the zone that the vSwitch is in."},
		{Name: "InstanceType", Max: 64},
		{Name: "InstanceTypeFamily", Max: 64},
		{Name: "ImageId", Max: 64},
		{Name: "SecurityGroupId", Max: 64},
		{Name: "KeyPairName", Max: 128},
		{Name: "ResourceGroupId", Max: 64},
		{Name: "InstanceChargeType", OneOf: []string{"PostPaid", "PrePaid"}, Wrong: errChargeFilter, Note: "Nothing is `PrePaid` here."},
		{Name: "InstanceNetworkType", OneOf: []string{"vpc", "classic"}, Wrong: errNetworkFilter, Note: "Nothing is `classic` here."},
		{Name: "LockReason", OneOf: []string{"financial", "security", "Recycling", "dedicatedhostfinancial", "refunded"}, Wrong: errLockFilter},
		{Name: "PrivateIpAddresses", List: true, Limit: 100, Max: 64},
		tagParams("Tag", 20, "Instances that have all of these."),
		{Name: "Filter", Kind: table.Struct, List: true, Limit: 4, Of: []table.Param{
			{Name: "Key", OneOf: []string{"CreationStartTime"}, Wrong: errFilterKey},
			{Name: "Value", Kind: table.Time, Note: "Instances that were created then or later."},
		}},
		{Name: "NextToken", Max: 4096, Note: "Of the answer before. `TotalCount` then counts the page alone."},
		{Name: "MaxResults", Kind: table.Integer, Max: 1e6, Note: "10 to 100; less means 10, more 100."},
		{Name: "VpcId", Status: table.Ignored, Note: noNetworks},
		{Name: "IoOptimized", Status: table.Ignored, Note: "Everything is."},
		{Name: "InternetChargeType", Status: table.Ignored, Note: "Traffic costs nothing."},
		{Name: "AdditionalAttributes", List: true, Status: table.Ignored, Note: "All that is known is told."},
	}
	return Operation{
		Operation: table.Operation{Name: "DescribeInstances", Summary: "Lists instances.", Params: append(params, pageParams(100)...)},
		Run:       runDescribeInstances,
		Rules: []Rule{{Reason: "fleet.muster/INVALID_TOKEN",
			Error: bad("InvalidParameter", "The NextToken is not one of an answer.")}},
	}
}

func runDescribeInstances(ctx context.Context, call *Call) (wire.Object, error) {
	if err := call.Cloud.CheckRegion(ctx, call.Text("RegionId"), errRegionID); err != nil {
		return nil, err
	}
	request, err := listRequest(ctx, call)
	if err != nil {
		return nil, err
	}
	places, err := call.Cloud.Places(ctx)
	if err != nil {
		return nil, err
	}
	described := func(list []*fleetv1.Instance) wire.Member {
		empty := emptyMembers()
		return wire.ListOf("Instances", "Instance", len(list), func(at int, to wire.Object) wire.Object {
			return append(appendInstance(to, list[at], places, call.Text("RegionId")), empty...)
		})
	}
	if call.Has("NextToken") || call.Has("MaxResults") {
		return describeByToken(ctx, call, request, described)
	}
	shown, list := pageOf(call.Values), []*fleetv1.Instance{}
	show := func(instance *fleetv1.Instance) {
		if wanted(call, instance) && shown.next() {
			list = append(list, instance)
		}
	}
	if slices.ContainsFunc(beyondCloud, call.Has) {
		err = call.Cloud.eachInstance(ctx, request, show)
	} else {
		err = call.Cloud.instancesOf(ctx, shown, request, show)
	}
	return append(shown.members(), described(list)), err
}

// beyondCloud are the filters that the cloud does not know: who uses one has
// all other instances looked at.
var beyondCloud = []string{
	"ImageId", "KeyPairName", "ResourceGroupId", "InstanceChargeType", "InstanceNetworkType", "SecurityGroupId", "PrivateIpAddresses", "LockReason", "Filter",
}

// instancesOf visits the instances that a request asks for up to the end of a
// page, and has the cloud count the rest. One that does not is asked for all of
// them.
func (c *Cloud) instancesOf(ctx context.Context, shown *page, request *fleetv1.ListInstancesRequest, visit func(*fleetv1.Instance)) error {
	request.CountTotal = true
	for end := shown.number * shown.size; ; {
		request.PageSize = backendPage
		if left := end - shown.seen; left > 0 && request.GetCountTotal() {
			request.PageSize = int32(min(backendPage, left))
		}
		listed, err := c.ListInstances(ctx, request)
		if err != nil {
			return err
		}
		for _, instance := range listed.GetInstances() {
			visit(instance)
		}
		if request.PageToken = listed.GetNextPageToken(); request.GetPageToken() == "" {
			return nil
		}
		if request.CountTotal = listed.TotalSize != nil; request.GetCountTotal() && shown.seen >= end {
			shown.seen = max(shown.seen, int(listed.GetTotalSize())) // some may have gone meanwhile
			return nil
		}
	}
}

// eachInstance visits all instances that a request asks for. When it names
// ids, there are no more than those.
func (c *Cloud) eachInstance(ctx context.Context, request *fleetv1.ListInstancesRequest, visit func(*fleetv1.Instance)) error {
	request.PageSize = backendPage
	for {
		listed, err := c.ListInstances(ctx, request)
		if err != nil {
			return err
		}
		for _, instance := range listed.GetInstances() {
			visit(instance)
		}
		if request.PageToken = listed.GetNextPageToken(); request.GetPageToken() == "" {
			return nil
		}
	}
}

func describeByToken(ctx context.Context, call *Call, request *fleetv1.ListInstancesRequest, described func([]*fleetv1.Instance) wire.Member) (wire.Object, error) {
	size := int32(min(100, max(10, call.Integer("MaxResults"))))
	request.PageSize, request.PageToken = size, call.Text("NextToken")
	listed, err := call.Cloud.ListInstances(ctx, request)
	if err != nil {
		return nil, err
	}
	list := slices.DeleteFunc(listed.GetInstances(), func(instance *fleetv1.Instance) bool { return !wanted(call, instance) })
	return wire.Object{
		wire.M("PageNumber", 1), wire.M("PageSize", size), wire.M("TotalCount", len(list)),
		wire.M("NextToken", listed.GetNextPageToken()), described(list),
	}, nil
}

// listRequest is what of the filters the cloud knows itself.
func listRequest(ctx context.Context, call *Call) (*fleetv1.ListInstancesRequest, error) {
	tags, err := tagsOf(call.Values, "Tag")
	if err != nil {
		return nil, err
	}
	request := &fleetv1.ListInstancesRequest{
		InstanceIds: unique(call.Texts("InstanceIds")), Tags: tags, ZoneId: call.Text("ZoneId"), InstanceType: call.Text("InstanceType"),
		InstanceName: call.Text("InstanceName"), Family: call.Text("InstanceTypeFamily"),
		OperationLock: lockReasons.value(call.Text("LockReason")),
	}
	if status := instanceStatuses.value(call.Text("Status")); status != 0 {
		request.Statuses = []fleetv1.InstanceStatus{status}
	}
	if id := call.Text("VSwitchId"); id != "" {
		zone, err := call.Cloud.ZoneOf(ctx, id, errVSwitchID)
		if err != nil {
			return nil, err
		}
		request.ZoneId = cmp.Or(request.GetZoneId(), zone)
	}
	return request, nil
}

// wanted tells whether an instance passes the filters that the cloud does not
// know.
func wanted(call *Call, instance *fleetv1.Instance) bool {
	options := instance.GetOptions()
	for _, known := range [...]struct{ name, value string }{
		{"ImageId", options.GetImageId()}, {"KeyPairName", options.GetKeyPairName()}, {"ResourceGroupId", options.GetResourceGroupId()},
		{"InstanceChargeType", "PostPaid"}, {"InstanceNetworkType", "vpc"},
	} {
		if filter := call.Text(known.name); filter != "" && filter != known.value {
			return false
		}
	}
	if group := call.Text("SecurityGroupId"); group != "" && !slices.Contains(options.GetSecurityGroupIds(), group) {
		return false
	}
	if addresses := call.Texts("PrivateIpAddresses"); len(addresses) > 0 && !slices.Contains(addresses, instance.GetPrivateIpAddress()) {
		return false
	}
	if lock := call.Text("LockReason"); lock != "" && lockReasons.value(lock) == 0 {
		return false
	}
	for _, filter := range call.Structs("Filter") {
		if instance.GetCreateTime().AsTime().Before(filter.Time("Value")) {
			return false
		}
	}
	return true
}

// spotStrategyOf is the bid of an instance in the API's words.
func spotStrategyOf(instance *fleetv1.Instance) string {
	switch {
	case instance.GetBillingMethod() != fleetv1.BillingMethod_BILLING_METHOD_SPOT:
		return "NoSpot"
	case instance.GetMaxPriceMicrosPerHour() > 0:
		return "SpotWithPriceLimit"
	default:
		return "SpotAsPriceGo"
	}
}

// instanceMembers is room for all members of an instance.
const instanceMembers = 48

// appendInstance appends an instance as answers tell it.
func appendInstance(to wire.Object, instance *fleetv1.Instance, places Places, region string) wire.Object {
	kind, options := places.TypeOf[instance.GetInstanceType()], instance.GetOptions()
	var locks []wire.Object
	for _, lock := range instance.GetOperationLocks() {
		locks = append(locks, wire.Object{wire.T("LockReason", lockReasons[lock])})
	}
	tokens := "optional"
	if options.GetMetadataTokensRequired() {
		tokens = tokensRequired
	}
	duration := 0
	if instance.GetProtectionEndTime() != nil {
		duration = 1
	}
	return append(slices.Grow(to, instanceMembers),
		wire.T("InstanceId", instance.GetInstanceId()),
		wire.T("InstanceName", cmp.Or(instance.GetInstanceName(), instance.GetInstanceId())),
		wire.T("Description", instance.GetDescription()),
		wire.T("RegionId", region),
		wire.T("ZoneId", instance.GetZoneId()),
		wire.T("InstanceType", instance.GetInstanceType()),
		wire.T("InstanceTypeFamily", kind.GetFamily()),
		wire.T("Status", instanceStatuses[instance.GetStatus()]),
		wire.T("StoppedMode", cmp.Or(stoppedModes[instance.GetStoppedMode()], "Not-applicable")),
		wire.T("ImageId", options.GetImageId()),
		wire.T("OSType", "linux"),
		wire.M("Cpu", kind.GetVcpus()),
		wire.M("Memory", kind.GetMemoryMib()),
		wire.M("GPUAmount", kind.GetGpus()),
		wire.M("IoOptimized", true),
		wire.M("DeviceAvailable", true),
		wire.M("DeletionProtection", instance.GetDeletionProtection()),
		wire.T("CreationTime", stamp(instance.GetCreateTime(), toMinutes)),
		wire.T("StartTime", stamp(instance.GetStartTime(), toMinutes)),
		wire.T("ExpiredTime", "2099-12-31T15:59Z"),
		wire.T("AutoReleaseTime", ""),
		wire.T("InstanceChargeType", "PostPaid"),
		wire.T("SpotStrategy", spotStrategyOf(instance)),
		wire.M("SpotPriceLimit", units(instance.GetMaxPriceMicrosPerHour())),
		wire.M("SpotDuration", duration),
		wire.Some("SpotInterruptionBehavior", interruptions[instance.GetInterruptionBehavior()]),
		wire.T("InstanceNetworkType", "vpc"),
		wire.M("InternetMaxBandwidthOut", options.GetInternetMaxBandwidthOutMbps()),
		wire.T("KeyPairName", options.GetKeyPairName()),
		wire.T("ResourceGroupId", options.GetResourceGroupId()),
		wire.M("VpcAttributes", wire.Object{
			wire.T("VpcId", network.VPC), wire.T("VSwitchId", vSwitchOf(instance.GetZoneId())), wire.T("NatIpAddress", ""),
			wire.List("PrivateIpAddress", "IpAddress", one(instance.GetPrivateIpAddress())),
		}),
		wire.M("MetadataOptions", wire.Object{wire.T("HttpEndpoint", "enabled"), wire.T("HttpTokens", tokens)}),
		wire.List("SecurityGroupIds", "SecurityGroupId", options.GetSecurityGroupIds()),
		wire.List("OperationLocks", "LockReason", locks),
		wire.List("Tags", "Tag", tagList(instance.GetTags(), "TagKey", "TagValue")),
	)
}

// emptyMembers are those of an instance that tell nothing about any here, and
// must be there all the same.
func emptyMembers() wire.Object {
	return wire.Object{
		wire.List("PublicIpAddress", "IpAddress", []string{}),
		wire.List("InnerIpAddress", "IpAddress", []string{}),
		wire.M("EipAddress", wire.Object{wire.T("AllocationId", ""), wire.T("IpAddress", "")}),
		wire.List("NetworkInterfaces", "NetworkInterface", []wire.Object{}),
	}
}

// one is a list of a text, empty for none.
func one(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}

// idsParam is the parameter InstanceId of a list of instances.
func idsParam(required bool) table.Param {
	param := ids("InstanceId", 100)
	param.Required, param.TooMany = required, errTooManyIDs
	return param
}

func describeInstanceStatus() Operation {
	return Operation{
		Operation: table.Operation{
			Name: "DescribeInstanceStatus", Summary: "Lists the states of instances.",
			Params: append([]table.Param{
				regionParam(), {Name: "ZoneId", Max: 64}, idsParam(false), {Name: "ClusterId", Status: table.Ignored, Note: noNetworks},
			}, pageParams(50)...),
		},
		Run: func(ctx context.Context, call *Call) (wire.Object, error) {
			if err := call.Cloud.CheckRegion(ctx, call.Text("RegionId"), errRegionID); err != nil {
				return nil, err
			}
			shown, list := pageOf(call.Values), []wire.Object{}
			request := &fleetv1.ListInstancesRequest{InstanceIds: unique(call.Texts("InstanceId")), ZoneId: call.Text("ZoneId")}
			err := call.Cloud.instancesOf(ctx, shown, request, func(instance *fleetv1.Instance) {
				if shown.next() {
					list = append(list, wire.Object{
						wire.M("InstanceId", instance.GetInstanceId()), wire.M("Status", instanceStatuses[instance.GetStatus()]),
					})
				}
			})
			return append(shown.members(), wire.List("InstanceStatuses", "InstanceStatus", list)), err
		},
	}
}

// Codes of states by number; those of the reference, and 0 for what it does not
// tell.
var (
	statusCodes = map[fleetv1.InstanceStatus]int{fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING: 1}
	healthCodes = map[fleetv1.InstanceHealth]int{fleetv1.InstanceHealth_INSTANCE_HEALTH_WARNING: 64}
	eventCodes  = map[string]int{"SystemMaintenance.Reboot": 1, "InstanceExpiration.Stop": 34, "SystemFailure.Reboot": 65}
)

func coded(name string, code int, text string) wire.Member {
	return wire.M(name, wire.Object{wire.M("Code", code), wire.M("Name", text)})
}

func describeInstancesFullStatus() Operation {
	between := []table.Param{{Name: "Start", Kind: table.Time}, {Name: "End", Kind: table.Time}}
	eventIDs := ids("EventId", 100)
	eventIDs.TooMany = errTooManyEvents
	params := append([]table.Param{
		region(errNoFullStatusRegion), idsParam(false), eventIDs,
		{Name: "EventType", Max: 64},
		{Name: "InstanceEventType", List: true, Limit: 30, Max: 64},
		{Name: "HealthStatus", OneOf: append(healths.all(), "Ok")},
		{Name: "Status", OneOf: instanceStatuses.all()},
		{Name: "NotBefore", Kind: table.Struct, Of: between, Note: "Events begin when they are published."},
		{Name: "EventPublishTime", Kind: table.Struct, Of: between},
	}, pageParams(100)...)
	for _, list := range [][]table.Param{between, params} { // which only this operation tells so
		for i := range list {
			list[i].Wrong = errFullStatusParam
		}
	}
	return Operation{
		Operation: table.Operation{
			Name: "DescribeInstancesFullStatus", Summary: "Lists states, health and system events of instances.",
			Params: params,
			Note:   "A spot interruption is no system event, as in the cloud: it is a lock.",
		},
		Run: runFullStatus,
	}
}

func runFullStatus(ctx context.Context, call *Call) (wire.Object, error) {
	for _, name := range []string{"NotBefore", "EventPublishTime"} {
		if in := call.In(name); in.Has("End") && in.Time("End").Before(in.Time("Start")) {
			return nil, errEndBeforeStart.With("The parameter " + name + " ends before it starts.")
		}
	}
	if err := call.Cloud.CheckRegion(ctx, call.Text("RegionId"), errRegionID); err != nil {
		return nil, err
	}
	shown, list := pageOf(call.Values), []wire.Object{}
	request := &fleetv1.ListInstanceStatusesRequest{
		InstanceIds: unique(call.Texts("InstanceId")), Health: healths.value(call.Text("HealthStatus")), PageSize: backendPage,
	}
	if status := instanceStatuses.value(call.Text("Status")); status != 0 {
		request.Statuses = []fleetv1.InstanceStatus{status}
	}
	for {
		listed, err := call.Cloud.ListInstanceStatuses(ctx, request)
		if err != nil {
			return nil, err
		}
		for _, status := range listed.GetStatuses() {
			events := eventsOf(call, status)
			if len(events) == 0 && aboutEvents(call) {
				continue
			}
			if shown.next() {
				list = append(list, wire.Object{
					wire.M("InstanceId", status.GetInstanceId()),
					coded("Status", statusCodes[status.GetStatus()], instanceStatuses[status.GetStatus()]),
					coded("HealthStatus", healthCodes[status.GetHealth()], cmp.Or(healths[status.GetHealth()], "Ok")),
					wire.List("ScheduledSystemEventSet", "ScheduledSystemEventType", events),
				})
			}
		}
		if request.PageToken = listed.GetNextPageToken(); request.GetPageToken() == "" {
			return append(shown.members(), wire.List("InstanceFullStatusSet", "InstanceFullStatusType", list)), nil
		}
	}
}

// aboutEvents tells whether only instances with certain events are asked for.
func aboutEvents(call *Call) bool {
	return slices.ContainsFunc([]string{"EventId", "EventType", "InstanceEventType", "NotBefore", "EventPublishTime"}, call.Has)
}

func eventsOf(call *Call, status *fleetv1.InstanceFullStatus) []wire.Object {
	list := []wire.Object{}
	types := append(call.Texts("InstanceEventType"), one(call.Text("EventType"))...)
	for _, event := range status.GetSystemEvents() {
		published := event.GetPublishTime().AsTime()
		id := eventID(status.GetInstanceId(), event)
		if len(types) > 0 && !slices.Contains(types, event.GetEventType()) ||
			call.Has("EventId") && !slices.Contains(call.Texts("EventId"), id) ||
			!inside(call.In("NotBefore"), published) || !inside(call.In("EventPublishTime"), published) {
			continue
		}
		list = append(list, wire.Object{
			wire.M("EventId", id),
			wire.M("EventPublishTime", published.Format(toSeconds)),
			wire.M("NotBefore", published.Format(toSeconds)),
			coded("EventType", eventCodes[event.GetEventType()], event.GetEventType()),
			coded("EventCycleStatus", 0, "Executing"),
		})
	}
	return list
}

func inside(between table.Values, moment time.Time) bool {
	if between.Has("Start") && moment.Before(between.Time("Start")) {
		return false
	}
	return !between.Has("End") || !moment.After(between.Time("End"))
}

// eventID is the id of an event: there is one of a type at a time on an
// instance.
func eventID(instanceID string, event *fleetv1.SystemEvent) string {
	return "e-" + instanceID + "-" + event.GetPublishTime().AsTime().Format("20060102150405")
}

// instance finds one instance.
func (c *Cloud) instance(ctx context.Context, id string) (*fleetv1.Instance, error) {
	listed, err := c.ListInstances(ctx, &fleetv1.ListInstancesRequest{InstanceIds: []string{id}})
	if err != nil {
		return nil, err
	}
	if len(listed.GetInstances()) == 0 {
		return nil, errInstanceID.With("There is no instance " + wire.Quote(id) + ".")
	}
	return listed.GetInstances()[0], nil
}

func describeInstanceAttribute() Operation {
	return Operation{
		Operation: table.Operation{
			Name: "DescribeInstanceAttribute", Summary: "Tells of one instance.",
			Params: []table.Param{{Name: "InstanceId", Required: true, Max: 64}},
		},
		Run: func(ctx context.Context, call *Call) (wire.Object, error) {
			instance, err := call.Cloud.instance(ctx, call.Text("InstanceId"))
			if err != nil {
				return nil, err
			}
			places, err := call.Cloud.Places(ctx)
			if err != nil {
				return nil, err
			}
			return append(appendInstance(nil, instance, places, regionOf(places, instance.GetZoneId())), emptyMembers()...), nil
		},
	}
}

// regionOf is the region of a zone.
func regionOf(places Places, zoneID string) string {
	for _, zone := range places.Zones {
		if zone.GetZoneId() == zoneID {
			return zone.GetRegionId()
		}
	}
	return ""
}
