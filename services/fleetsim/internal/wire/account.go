package wire

import (
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// ToSettings writes what an account may. No limit is left out.
func ToSettings(s world.AccountSettings) *fleetv1.AccountSettings {
	settings := &fleetv1.AccountSettings{}
	if s.PayAsYouGoVCPUs >= 0 {
		settings.PayAsYouGoVcpuQuota = &s.PayAsYouGoVCPUs
	}
	if s.SpotVCPUs >= 0 {
		settings.SpotVcpuQuota = &s.SpotVCPUs
	}
	if s.CallsPerSecond > 0 {
		settings.CallsPerSecond = &s.CallsPerSecond
	}
	if s.CallBurst > 0 {
		settings.CallBurst = &s.CallBurst
	}
	return settings
}

// FromSettings reads what an account may. What is absent, all of it included,
// is not limited.
func FromSettings(settings *fleetv1.AccountSettings) world.AccountSettings {
	s := world.Unlimited()
	if settings == nil {
		return s
	}
	if settings.PayAsYouGoVcpuQuota != nil {
		s.PayAsYouGoVCPUs = settings.GetPayAsYouGoVcpuQuota()
	}
	if settings.SpotVcpuQuota != nil {
		s.SpotVCPUs = settings.GetSpotVcpuQuota()
	}
	s.CallsPerSecond, s.CallBurst = settings.GetCallsPerSecond(), settings.GetCallBurst()
	return s
}
