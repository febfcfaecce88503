package stack

import (
	"errors"
	"net/url"
	"os"
	"strings"

	"github.com/nats-io/nats.go"
)

// NATSAuth is how a process makes itself known to a NATS server, and knows it.
// Files are read for each connection. The zero value is nothing of it.
type NATSAuth struct {
	// User and PasswordFile are a name and the file with its password.
	User, PasswordFile string
	// CredsFile holds a signed identity and its key, in place of a name.
	CredsFile string
	// CAFile holds the certificates that the server's must be signed by; with it
	// TLS is spoken.
	CAFile string
}

// check tells what is missing.
func (a NATSAuth) check(server string) error {
	switch {
	case a == NATSAuth{}:
		return nil
	case server == "":
		return errors.New("credentials of NATS need its URL")
	case (a.User == "") != (a.PasswordFile == ""):
		return errors.New("a user of NATS and the file with its password are named both or neither")
	case a.User != "" && a.CredsFile != "":
		return errors.New("NATS is told a user or credentials from a file, not both")
	}
	for _, file := range []string{a.PasswordFile, a.CredsFile, a.CAFile} {
		if file == "" {
			continue
		}
		if _, err := os.Stat(file); err != nil {
			return err
		}
	}
	return nil
}

// options are what a connection is made with.
func (a NATSAuth) options(told func(error)) []nats.Option {
	var options []nats.Option
	if a.User != "" {
		options = append(options, nats.UserInfoHandler(func() (string, string) {
			password, err := os.ReadFile(a.PasswordFile)
			if err != nil {
				told(err)
			}
			return a.User, strings.TrimRight(string(password), "\r\n")
		}))
	}
	if a.CredsFile != "" {
		options = append(options, nats.UserCredentials(a.CredsFile))
	}
	if a.CAFile != "" {
		options = append(options, nats.RootCAs(a.CAFile))
	}
	return options
}

// withoutPassword is the URL of a server as it may be logged.
func withoutPassword(server string) string {
	parsed, err := url.Parse(server)
	if err != nil {
		return "a URL that can not be read"
	}
	return parsed.Redacted()
}
