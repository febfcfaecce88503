package cli

import (
	"errors"

	"github.com/seed-198b1370/muster/cmd/muster/stack"
)

// natsKnown is how commands that use a NATS server make themselves known to it.
type natsKnown struct {
	NATSUser     string `name:"nats-user" help:"Name under which NATS knows this process." placeholder:"NAME"`
	NATSPassword string `name:"nats-password-file" help:"File with the password of --nats-user." placeholder:"FILE"`
	NATSCreds    string `name:"nats-creds-file" help:"File with NATS credentials, in place of a name and a password." placeholder:"FILE"`
	NATSCA       string `name:"nats-tls-ca-file" help:"File with the certificates that the NATS server's must be signed by. With it NATS is spoken over TLS." placeholder:"FILE"`
}

// auth are the flags as what a stack is told, or what is wrong with them.
func (n natsKnown) auth() (stack.NATSAuth, error) {
	return stack.NATSAuth{User: n.NATSUser, PasswordFile: n.NATSPassword, CredsFile: n.NATSCreds, CAFile: n.NATSCA}, errors.Join(
		checkNeeds("--nats-user", n.NATSUser != "" && n.NATSPassword == "", "--nats-password-file"),
		checkNeeds("--nats-password-file", n.NATSPassword != "" && n.NATSUser == "", "--nats-user"),
	)
}
