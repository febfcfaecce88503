package ops

import (
	"net/http"
	"regexp"

	"github.com/seed-198b1370/muster/services/gateway/internal/table"
	"github.com/seed-198b1370/muster/services/gateway/wire"
)

// groupOperations are those of auto provisioning groups.
func groupOperations() []Operation {
	return []Operation{
		createGroup(),
		modifyGroup(),
		deleteGroup(),
		describeGroups(),
		describeGroupInstances(),
		describeGroupHistory(),
	}
}

// bad is an error of HTTP status 400.
func bad(code, message string) wire.Error {
	return wire.Error{Status: http.StatusBadRequest, Code: code, Message: message}
}

// unsupported is the error for a value that is none of those of a parameter.
func unsupported(code, param string) wire.Error {
	return bad(code, `The specified parameter "`+param+`" is not supported.`)
}

// Errors of groups, spelled as in the reference, oddities included.
var (
	errGroupStatus = wire.Error{Status: http.StatusForbidden, Code: "AutoProvisioningGroup.IncorrectStatus",
		Message: "Current status of AutoProvisioningGroup does not support curren action."}
	errGroupID      = bad("MissingParameter", `The specified parameter "AutoProvisioningGroupId" should not be null.`)
	errNoRegion     = bad("MissingParamter.RegionId", "The regionId should not be null.")
	errRegion       = bad("InvalidRegion.ValueNotSupported", "The specified Region does not exist.")
	errVSwitch      = bad("InvalidVSwitchId.NotFound", "The specified VSwitchId does not exist.")
	errNoPermission = bad("NoPermission", "The account is not permitted to use auto provisioning groups: the cloud does not know it.")
)

// Names of groups, as of templates and others: 2 to 128 characters.
var (
	namePattern = regexp.MustCompile(`^\p{L}[\p{L}\p{N}:_-]{1,127}$`)
	nameRule    = "have 2 to 128 characters, begin with a letter, and contain only letters, digits, ':', '_' and '-'"

	groupOfResources = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
)

// region is the parameter RegionId, with the error for one that is absent.
func region(absent wire.Error) table.Param {
	return table.Param{Name: "RegionId", Required: true, Max: 64, Absent: absent, Note: "A region of the cloud."}
}

func groupID() table.Param {
	return table.Param{Name: "AutoProvisioningGroupId", Required: true, Max: 64, Absent: errGroupID, Note: "Id of the group."}
}

// tagParams are a list of tags, at most so many.
func tagParams(name string, limit int, note string) table.Param {
	return table.Param{
		Name: name, Kind: table.Struct, List: true, Limit: limit, Note: note,
		Of: []table.Param{
			{Name: "Key", Required: true, Min: 1, Max: 128},
			{Name: "Value", Max: 128},
		},
	}
}

// tagsOf are tags of a call as a map. A key that is there twice is refused.
func tagsOf(values table.Values, name string) (map[string]string, error) {
	items := values.Structs(name)
	if len(items) == 0 {
		return nil, nil //nolint:nilnil // there are none
	}
	tags := make(map[string]string, len(items))
	for _, item := range items {
		key := item.Text("Key")
		if _, twice := tags[key]; twice {
			return nil, errDuplicate.With("The key " + wire.Quote(key) + " is there twice.")
		}
		tags[key] = item.Text("Value")
	}
	return tags, nil
}

// pageParams are the parameters of pages by number.
func pageParams(most int) []table.Param {
	return []table.Param{
		{Name: "PageNumber", Kind: table.Integer, Min: 1, Max: 1_000_000, Note: "From 1, which is the default."},
		{Name: "PageSize", Kind: table.Integer, Min: 1, Max: float64(most), Note: "10 by default."},
	}
}

// A page is a part of a list: what of it is told, by number of item.
type page struct{ number, size, seen int }

func pageOf(values table.Values) *page {
	p := &page{number: 1, size: 10}
	if values.Has("PageNumber") {
		p.number = int(values.Integer("PageNumber"))
	}
	if values.Has("PageSize") {
		p.size = int(values.Integer("PageSize"))
	}
	return p
}

// next counts an item, and tells whether it is on the page.
func (p *page) next() bool {
	at := p.seen
	p.seen++
	return at >= (p.number-1)*p.size && at < p.number*p.size
}

// members are what the answer tells of the page.
func (p *page) members() wire.Object {
	return wire.Object{wire.M("PageNumber", p.number), wire.M("PageSize", p.size), wire.M("TotalCount", p.seen)}
}
