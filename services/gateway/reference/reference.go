// Package reference holds, as data, the error codes that the reference of the
// ECS API has for the operations that are implemented here, and says of those
// that are never given why not. The compatibility document tells them, and a
// test holds the API against them. It must not know how anything is answered.
package reference

import "slices"

// A Code is an error code of an operation.
type Code struct {
	// Operation is whose table it is in; empty for the codes of all operations.
	Operation string
	// Status is the HTTP status that it comes with.
	Status int
	// Code as the reference spells it, oddities included.
	Code string
	// Never says why the code is never given here; empty for one that can be
	// provoked.
	Never string
}

// Why codes are never given.
const (
	noRoles         = "there are no service-linked roles; who may not call at all is told `Forbidden.RAM`"
	noOwners        = "groups of other accounts are not found; who may not call is told `Forbidden.RAM`"
	sizeExceed      = "`InvalidLaunchTemplateConfigs.SizeExceed` tells of the same"
	notOnSale       = "zones do not open; one that does not sell is told as `Zone.NotOnSale`"
	neverOffline    = "types are not withdrawn"
	noAuthorization = "everybody may use spot instances"
	noLocalDisks    = "no type has local disks"
	noClassic       = "there is no classic network"
	vcpuQuota       = "quotas count vCPUs: `QuotaExceed.ElasticQuota`"
	oneAmount       = "`InvalidParam.Amount` tells of the same"
	anyImage        = "images are names: any that is well-formed will do"
	anyGroup        = "security groups are names: any that is well-formed will do"
	anyAddress      = "vSwitches do not run out of addresses"
	oneBalance      = "`InsufficientBalance` tells of the same"
	notReady        = "`IncorrectInstanceStatus` tells of the same"
	noSubscription  = "nothing is subscribed"
	noDependants    = "nothing keeps an instance from being released but its own protection"
	unavailable     = "`ServiceUnavailable` tells of the same"
	oneMismatch     = "`IdempotentParameterMismatch` tells of the same"
	tokenWaits      = "a call waits for another one with its token, and is answered the same"
	oneThrottling   = "`Throttling.User` tells of the same"
)

// a is a code that an operation can give.
func a(operation string, status int, codes ...string) []Code {
	out := make([]Code, 0, len(codes))
	for _, code := range codes {
		out = append(out, Code{Operation: operation, Status: status, Code: code})
	}
	return out
}

// no is a code that an operation never gives.
func no(operation string, status int, code, why string) []Code {
	return []Code{{Operation: operation, Status: status, Code: code, Never: why}}
}

// each is the same codes for several operations.
func each(codes func(operation string) []Code, operations ...string) []Code {
	var out []Code
	for _, operation := range operations {
		out = append(out, codes(operation)...)
	}
	return out
}

// Codes are the codes of the reference: those of all operations, then
// operation by operation.
func Codes() []Code {
	return slices.Concat(common(), groups(), launches(), instances(), market(), templates(), tags())
}

func common() []Code {
	return slices.Concat(
		a("", 400, "MissingParameter", "InvalidParameter", "InvalidVersion", "InvalidTimeStamp.Expired", "IllegalTimestamp", "SignatureNonceUsed",
			"SignatureDoesNotMatch", "IncompleteSignature", "IdempotentParameterMismatch", "Throttling.User"),
		a("", 403, "UnsupportedHTTPMethod", "Forbidden.RAM"),
		a("", 404, "InvalidAction.NotFound", "InvalidAccessKeyId.NotFound"),
		a("", 500, "InternalError"),
		a("", 503, "ServiceUnavailable"),
		no("", 400, "Throttling", oneThrottling), no("", 400, "Throttling.Api", oneThrottling),
		no("", 403, "InvalidIdempotenceParameter.Mismatch", oneMismatch),
		no("", 403, "LastTokenProcessing", tokenWaits),
	)
}

func groups() []Code {
	const create, modify, remove = "CreateAutoProvisioningGroup", "ModifyAutoProvisioningGroup", "DeleteAutoProvisioningGroup"
	const instances, history = "DescribeAutoProvisioningGroupInstances", "DescribeAutoProvisioningGroupHistory"
	return slices.Concat(
		a(create, 400,
			"InvalidParameter", "InvalidAutoProvisioningGroupName.Malformed", "InvalidAutoProvisioningGroupType.ValueNotSupported",
			"InvalidFleetExcessCapacityTerminationPolicy.ValueNotSupported", "InvalidDefaultTargetCapacityType.ValueNotSupported",
			"InvalidSpotAllocationStrategy.ValueNotSupported", "InvalidSpotInstanceInterruptionBehavior.ValueNotSupported",
			"InvalidPayAsYouGoAllocationStrategy.ValueNotSupported", "MissingParameter.SpotAllocationStrategy",
			"MissingParameter.LaunchTemplateConfigs", "MissingParameter", "MissingParameter.WeightedCapacity",
			"MissingParameter.ResourcePoolOptions.PrivatePoolIds", "InvalidValidTime.MalFormed",
			"InvalidLaunchTemplateVersion.ValueNotSupported", "InvalidLaunchTemplate.ValueNotSupported", "InvalidRegion.ValueNotSupported",
			"InvalidDescription.ValueNotSupported", "InvalidCapacity.ValueNotSupported", "InvalidParameter.TargetCapacity",
			"InvalidInstanceType.ValueNotSupported", "InvalidLaunchTemplateConfigs.SizeExceed",
			"InvalidParameter.SpotInstancePoolsToUseCount", "InvalidParameter.ResourceGroupId",
			"InvalidParameter.WeightedCapacityBeyondRange", "InvalidParameter.MaxPrice", "NoPermission", "Duplicate.DiskCategory",
			"InvalidVSwitchId.NotFound", "InvalidImageFamily.Confict", "Invalid.ResourcePoolOptions.PrivatePoolIds",
			"Invalid.ResourcePoolOptions.Strategy", "Invalid.ResourcePoolOptionsPrivatePoolIds.SizeExceed", "InvalidSpotDuration",
			"InvalidSpotInterruptionBehavior", "IdempotentParameterMismatch"),
		// One table has 400 for it, all others 500.
		a(create, 500, "InternalError"),
		a(create, 403, "TotalTargetCapacityLimitExceed", "SpotTargetCapacityLimitExceed", "PayAsYouGoTargetCapacityLimitExceed"),
		a(create, 404, "InvalidResourcePoolOptionsPrivatePoolIds.NotFound"),

		a(modify, 400, "MissingParameter", "InvalidLaunchTemplateConfigs.SizeExceed", "OperationDenied"),
		no(modify, 400, "NoPermission", noRoles), no(modify, 400, "QuotaExceed.LaunchTemplateConfigs", sizeExceed),
		a(modify, 403, "Forbidden.RAM", "InvalidName.Malformed", "AutoProvisioningGroup.IncorrectStatus", "InvalidParameter.TargetCapacity"),
		no(modify, 403, "AutoProvisioningGroup.Unauthorized", noOwners),
		a(modify, 404, "InvalidAutoProvisioningGroupId.NotFound", "InvalidParameter.MaxPrice"),

		a(remove, 400, "MissingParameter.InstanceType", "MissingParameter"),
		no(remove, 400, "NoPermission", noRoles),
		a(remove, 403, "Forbidden.RAM", "AutoProvisioningGroup.IncorrectStatus"),
		no(remove, 403, "AutoProvisioningGroup.Unauthorized", noOwners),
		a(remove, 404, "InvalidAutoProvisioningGroupId.NotFound"),

		a("DescribeAutoProvisioningGroups", 400, "MissingParamter.RegionId"),
		each(func(operation string) []Code {
			return slices.Concat(a(operation, 400, "MissingParameter", "MissingParamter.RegionId"), a(operation, 403, "Forbidden.RAM"),
				a(operation, 404, "InvalidAutoProvisioningGroupId.NotFound"))
		}, instances, history),
		a(history, 400, "InvalidParameter.periodTime"),
	)
}

func launches() []Code {
	const run = "RunInstances"
	return slices.Concat(
		a(run, 400, "InvalidInstanceType.ValueNotSupported", "InvalidSpotStrategy", "InvalidSpotPriceLimit", "InvalidSpotDuration",
			"InvalidSpotPrepaid", "InvalidSpotInterruptionBehavior", "InvalidSpotPriceLimit.LowerThanPublicPrice",
			"InvalidMinAmount.Malformed", "MissingParameter", "InvalidParameter.Mismatch", "InvalidClientToken.ValueNotSupported",
			"IdempotentParameterMismatch", "Duplicate.TagKey", "InvalidUserData.SizeExceeded", "DryRunOperation"),
		a(run, 403, "OperationDenied.NoStock", "Zone.NotOnSale", "InvalidInstanceType.ZoneNotSupported", "QuotaExceed.ElasticQuota",
			"InvalidParam.Amount", "CategoryNotSupported", "InvalidDiskCategory.NotSupported", "InsufficientBalance"),
		a(run, 404, "InvalidVSwitchId.NotFound", "InvalidZoneId.NotFound", "InvalidLaunchTemplate.NotFound", "InvalidLaunchTemplateVersion.NotFound"),
		a(run, 500, "InternalError"),
		no(run, 403, "Zone.NotOpen", notOnSale), no(run, 403, "InstanceType.Offline", neverOffline),
		no(run, 400, "InvalidSpotAuthorized", noAuthorization), no(run, 400, "InvalidSpotAliUid", noAuthorization),
		no(run, 403, "InvalidSpotInterruptionBehavior.LocalDiskNotSupport", noLocalDisks),
		no(run, 403, "InvalidSpotInterruptionBehavior.ClassicNetworkNotSupport", noClassic),
		no(run, 400, "QuotaExceed.AfterpayInstance", vcpuQuota), no(run, 400, "InvalidMaxAmount.Malformed", oneAmount),
		no(run, 404, "InvalidImageId.NotFound", anyImage), no(run, 404, "InvalidSecurityGroupId.NotFound", anyGroup),
		no(run, 404, "InvalidSecurityGroupId", anyGroup), no(run, 400, "QuotaExceeded.PrivateIpAddress", anyAddress),
		no(run, 403, "InvalidAccountStatus.NotEnoughBalance", "`InsufficientBalance` tells of the same; only launch results of groups have it"), no(run, 400, "Account.Arrearage", oneBalance),
	)
}

func instances() []Code {
	const full = "DescribeInstancesFullStatus"
	return slices.Concat(
		a("DescribeInstances", 403, "Forbidden.RAM"),
		a("DescribeInstances", 404, "InvalidStatus.NotFound", "InvalidLockReason.NotFound", "InvalidInstanceChargeType.NotFound",
			"InvalidNetworkType.NotFound", "InvalidFilterKey.NotFound"),
		each(func(operation string) []Code {
			return slices.Concat(a(operation, 400, "DRYRUN.SUCCESS"), a(operation, 404, "InvalidInstanceId.NotFound"),
				a(operation, 403, "IncorrectInstanceStatus", "OperationDenied.NoStock",
					"OperationDenied.SpotPriceLowerThanPublicPrice", "InsufficientBalance", "InstanceLockedForSecurity"),
				no(operation, 403, "InstanceNotReady", notReady))
		}, "StartInstance", "StartInstances"),
		each(func(operation string) []Code {
			return slices.Concat(a(operation, 400, "DRYRUN.SUCCESS"), a(operation, 404, "InvalidInstanceId.NotFound"), a(operation, 403, "IncorrectInstanceStatus"))
		}, "StopInstance", "StopInstances", "RebootInstance", "RebootInstances"),
		each(func(operation string) []Code {
			return slices.Concat(a(operation, 400, "DRYRUN.SUCCESS"), a(operation, 404, "InvalidInstanceId.NotFound"),
				a(operation, 403, "IncorrectInstanceStatus", "IncorrectInstanceStatus.Initializing", "InvalidOperation.DeletionProtection"),
				no(operation, 403, "ChargeTypeViolation", noSubscription), no(operation, 400, "DependencyViolation.*", noDependants))
		}, "DeleteInstance", "DeleteInstances"),
		a(full, 403, "InstanceIdLimitExceeded", "EventIdLimitExceeded", "InvalidParameter", "InvalidParameter.TimeEndBeforeStart"),
		a(full, 404, "MissingParameter"),
	)
}

// market has codes of the tables of prices, the first of which the reference
// names by their beginning alone: InvalidParams.
func market() []Code {
	return slices.Concat(
		a("DescribeSpotPriceHistory", 400, "InvalidParams.Time", "InvalidParams.NetworkType"),
		a("DescribeSpotAdvice", 403, "InvalidParam.TypeAndCpuMem.Conflict"),
	)
}

func templates() []Code {
	const create, version = "CreateLaunchTemplate", "CreateLaunchTemplateVersion"
	return slices.Concat(
		a(create, 400, "InvalidRegion.NotExist", "InvalidLaunchTemplateName.Malformed", "InvalidUserData.Base64FormatInvalid"),
		a(create, 403, "LaunchTemplateLimitExceed", "LaunchTemplateName.Duplicated"),
		a(version, 400, "InvalidUserData.Base64FormatInvalid"),
		a(version, 403, "LaunchTemplateVersionLimitExceed"),
		each(func(operation string) []Code { return no(operation, 403, "InnerServiceFailed", unavailable) }, create, version),
		each(func(operation string) []Code {
			return slices.Concat(a(operation, 400, "InvalidRegion.NotExist"), a(operation, 404, "InvalidLaunchTemplate.NotFound"))
		}, version, "DescribeLaunchTemplateVersions", "ModifyLaunchTemplateDefaultVersion", "DeleteLaunchTemplateVersion", "DeleteLaunchTemplate"),
		a("DescribeLaunchTemplates", 400, "InvalidRegion.NotExist"),
	)
}

func tags() []Code {
	const set, remove, list = "TagResources", "UntagResources", "ListTagResources"
	return slices.Concat(
		each(func(operation string) []Code {
			return slices.Concat(a(operation, 400, "NumberExceed.ResourceIds"),
				a(operation, 404, "MissingParameter.RegionId", "MissingParameter.ResourceType", "InvalidResourceType.NotFound"))
		}, set, remove, list),
		each(func(operation string) []Code {
			return slices.Concat(a(operation, 400, "NumberExceed.Tags"), a(operation, 404, "MissingParameter.Tags", "InvalidResourceId.NotFound"))
		}, set, remove),
		a(set, 400, "Duplicate.TagKey"),
		a(set, 403, "QuotaExceed.Tags"),
	)
}
