package cli

import (
	"context"
	"strconv"
	"strings"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// A templateFlag names the launch template of a group.
type templateFlag struct {
	Template string `field:"spec.launch_template" placeholder:"TEMPLATE" help:"Launch template of the group, by id or name, with :VERSION for another version than the default; wins over the file's."`
}

// put puts the launch template into a spec, if one was named.
func (f templateFlag) put(ctx context.Context, c client, spec *groupv1.GroupSpec) error {
	if f.Template == "" || spec == nil { // without a spec the service says what is wrong
		return nil
	}
	named, version := f.parse()
	return c.templates(func(templates groupv1.LaunchTemplateServiceClient) error {
		id, err := templateID(ctx, templates, named)
		if err != nil {
			return err
		}
		spec.LaunchTemplate = &groupv1.LaunchTemplateReference{LaunchTemplateId: id, Version: version}
		return nil
	})
}

// parse splits the flag into template and version, 0 for the default one. Names
// can have colons: only a number after the last one is a version.
func (f templateFlag) parse() (named string, version int64) {
	at := strings.LastIndex(f.Template, ":")
	if at > 0 {
		if version, err := strconv.ParseInt(f.Template[at+1:], 10, 64); err == nil && version > 0 {
			return f.Template[:at], version
		}
	}
	return f.Template, 0
}
