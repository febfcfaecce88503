package redisstore

import "context"

// Accounts implements [store.Store].
func (r *Redisstore) Accounts(ctx context.Context) ([]string, error) {
	var owners []string
	for s := range shard(shards) {
		found, err := r.client.ZRange(ctx, s.accounts(), 0, -1).Result()
		if err != nil {
			return nil, unreachable(err)
		}
		owners = append(owners, found...)
	}
	return owners, nil
}
