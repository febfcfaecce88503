package groupsvc

import (
	"context"
	"fmt"

	"github.com/seed-198b1370/muster/services/groupsvc/internal/ids"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// followTemplates makes the ids of new launch templates sort after all that are
// stored, whatever the clock says.
func followTemplates(ctx context.Context, account string, names *ids.Source, templates store.Templates) error {
	const page = 10 // a template can be large
	after := ""
	for {
		read, err := templates.ListTemplates(ctx, account, after, page)
		if err != nil {
			return fmt.Errorf("read the ids of launch templates: %w", err)
		}
		for _, stored := range read {
			after = stored.GetTemplate().GetLaunchTemplateId()
			names.Follow(after)
		}
		if len(read) < page {
			return nil
		}
	}
}
