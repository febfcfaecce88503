package access

import (
	"fmt"

	"google.golang.org/grpc/codes"

	"github.com/seed-198b1370/muster/pkg/rpc"
	accessv1 "github.com/seed-198b1370/muster/proto/gen/muster/access/v1"
)

// A Caller is who makes a call, as it was proved.
type Caller struct {
	// Name is what the record calls it.
	Name string
	// Account that it is bound to; empty for one that acts for any and names
	// none.
	Account string
	// Role is what it may do.
	Role Role
}

// Decide tells for which account a call is made, or refuses it. Named is the
// account that the call names; empty for none.
func Decide(caller Caller, rule Rule, method, named string) (account string, err error) {
	if caller.Role < rule.Role {
		return "", rpc.Error(codes.PermissionDenied, accessv1.ErrorReason_ERROR_REASON_ROLE_TOO_LOW,
			map[string]string{"method": method, "role": caller.Role.String(), "needed_role": rule.Role.String()},
			fmt.Sprintf("%s takes the role %s, and this token has %s", method, rule.Role, caller.Role))
	}
	switch {
	case named == "" && caller.Account == "":
		return rpc.DefaultAccount, nil
	case named == "" || named == caller.Account:
		return caller.Account, nil
	case caller.Role.AnyAccount():
		return named, nil
	}
	// Whether there is such an account is not told.
	return "", rpc.Error(codes.PermissionDenied, accessv1.ErrorReason_ERROR_REASON_ACCOUNT_NOT_YOURS,
		map[string]string{"account": caller.Account},
		fmt.Sprintf("this token is of account %s: metadata %s must name that or nothing, got %s", caller.Account, rpc.AccountMetadata, rpc.Quote(named)))
}

// DecideAll refuses a request that asks for what all accounts have from one who
// may see its own only.
func DecideAll(caller Caller, request any) error {
	asked, ok := request.(interface{ GetAllAccounts() bool })
	if !ok || !asked.GetAllAccounts() || caller.Role.AnyAccount() {
		return nil
	}
	return rpc.Error(codes.PermissionDenied, accessv1.ErrorReason_ERROR_REASON_ACCOUNT_NOT_YOURS,
		map[string]string{"account": caller.Account},
		fmt.Sprintf("all_accounts must be false: this token is of account %s", caller.Account))
}
