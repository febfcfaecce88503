package memstore_test

import (
	"testing"

	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store/memstore"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store/storetest"
)

func TestMemstore(t *testing.T) {
	storetest.Run(t, false, func(*testing.T) func() store.Store {
		opened := false
		return func() store.Store {
			if opened {
				return nil // it forgets
			}
			opened = true
			return memstore.New()
		}
	})
}
