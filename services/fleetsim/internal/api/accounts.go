package api

import (
	"context"
	"errors"
	"slices"

	"google.golang.org/grpc/codes"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/wire"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// SetAccount implements the contract.
func (s *simulation) SetAccount(ctx context.Context, req *fleetv1.SetAccountRequest) (*fleetv1.SetAccountResponse, error) {
	_, err := s.Engine.Apply(ctx, world.SetAccount{AccountID: req.GetAccountId(), Settings: wire.FromSettings(req.GetSettings())})
	if err != nil {
		return nil, s.refuse(err, subject{account: req.GetAccountId()})
	}
	account, err := s.account(ctx, req.GetAccountId())
	if err != nil {
		return nil, err
	}
	return &fleetv1.SetAccountResponse{Account: account}, nil
}

// Deposit implements the contract.
func (s *simulation) Deposit(ctx context.Context, req *fleetv1.DepositRequest) (*fleetv1.DepositResponse, error) {
	_, err := s.Engine.Apply(ctx, world.Deposit{
		AccountID: req.GetAccountId(), RequestID: req.GetRequestId(), Micros: req.GetAmountMicros(),
	})
	var unknown *world.AccountError
	switch {
	case errors.As(err, &unknown):
		return nil, noAccount(codes.NotFound, req.GetAccountId())
	case err != nil:
		return nil, s.refuse(err, subject{account: req.GetAccountId(), requestID: req.GetRequestId()})
	}
	account, err := s.account(ctx, req.GetAccountId())
	if err != nil {
		return nil, err
	}
	return &fleetv1.DepositResponse{Account: account}, nil
}

// ListAccounts implements the contract.
func (s *simulation) ListAccounts(ctx context.Context, _ *fleetv1.ListAccountsRequest) (*fleetv1.ListAccountsResponse, error) {
	type answer struct {
		accounts []world.AccountState
		keys     []string
	}
	found, err := look(ctx, s.Engine, func(w *world.World) answer { return answer{w.Accounts(), w.Facts().CostTagKeys} })
	if err != nil {
		return nil, err
	}
	resp := &fleetv1.ListAccountsResponse{}
	for i := range found.accounts {
		resp.Accounts = append(resp.Accounts, toAccount(&found.accounts[i], found.keys))
	}
	return resp, nil
}

// account tells about an account.
func (d *Deps) account(ctx context.Context, id string) (*fleetv1.Account, error) {
	account, err := look(ctx, d.Engine, func(w *world.World) *fleetv1.Account {
		if state, ok := w.AccountOf(id); ok {
			return toAccount(&state, w.Facts().CostTagKeys)
		}
		return nil
	})
	if err == nil && account == nil { // a restore has taken it away
		err = noAccount(codes.Unauthenticated, id)
	}
	return account, err
}

// noAccount refuses a call that names an account that is not there.
func noAccount(code codes.Code, id string) error {
	id = rpc.Cut(id)
	return rpc.Error(code, fleetv1.ErrorReason_ERROR_REASON_ACCOUNT_NOT_FOUND, map[string]string{"account_id": id},
		"there is no account "+rpc.Quote(id)+"; SetAccount makes one")
}

func toAccount(a *world.AccountState, costTagKeys []string) *fleetv1.Account {
	account := &fleetv1.Account{
		AccountId: a.ID, Settings: wire.ToSettings(a.Settings), Overdue: a.Overdue, ChargedMicros: a.ChargedMicros,
		PayAsYouGoVcpus: a.PayAsYouGoVCPUs, SpotVcpus: a.SpotVCPUs, Instances: a.Instances, CostTagKeys: slices.Clone(costTagKeys),
	}
	if a.HasBalance {
		account.BalanceMicros = &a.BalanceMicros
	}
	return account
}
