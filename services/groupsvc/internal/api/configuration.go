package api

import (
	"encoding/base64"
	"strings"

	"github.com/seed-198b1370/muster/pkg/rpc"
	"github.com/seed-198b1370/muster/pkg/sequence"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// maxUserDataBytes is how much user data an instance can have, before encoding.
const maxUserDataBytes = 32 << 10

// configurationViolations holds a launch configuration against the rules that
// its contract can not tell.
func configurationViolations(violations *rpc.Violations, field string, configuration *groupv1.LaunchConfiguration) {
	data := configuration.GetUserData()
	if raw, err := base64.StdEncoding.DecodeString(data); err == nil && len(raw) > maxUserDataBytes {
		violations.Add(field+".user_data", data, "must be at most 32 KiB before encoding")
	}
	name := configuration.GetInstanceName()
	if _, numbered := sequence.Parse(name); !numbered && strings.ContainsAny(name, "[]") {
		violations.Add(field+".instance_name", name,
			"must be without '[' and ']', or number instances as 'name[begin,bits]suffix' with begin 0 to 999999 and bits 1 to 6")
	}
}
