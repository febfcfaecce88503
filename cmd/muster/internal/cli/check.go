package cli

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/cmd/muster/internal/cli/value"
	"github.com/seed-198b1370/muster/pkg/clock"
)

// A usageError tells what is wrong with a command line, with the name of the
// flag.
type usageError string

// Error implements error.
func (e usageError) Error() string { return string(e) }

// misuse makes a usage error.
func misuse(format string, values ...any) error { return usageError(fmt.Sprintf(format, values...)) }

// lastPort is the highest port there is.
const lastPort = 65535

// checkAddress refuses what is no address of a server.
func checkAddress(flag, address string) error {
	if port, err := portOf(address); err != nil || port == 0 {
		return misuse("%s must be host:port, got %q", flag, address)
	}
	return nil
}

// checkListen refuses what can not be listened on. Port 0 takes a free one.
func checkListen(flag, address string) error {
	if _, err := portOf(address); err != nil {
		return misuse("%s must be host:port, got %q", flag, address)
	}
	return nil
}

func portOf(address string) (int, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return 0, err
	}
	number, err := strconv.Atoi(port)
	if err == nil && (number < 0 || number > lastPort) {
		err = errors.New("no such port")
	}
	return number, err
}

// checkSpeed refuses a speed that no clock can run at.
func checkSpeed(speed float64) error {
	if clock.CheckSpeed(speed) != nil {
		return misuse("--speed must be 0.001 to 100,000, got %v", speed)
	}
	return nil
}

// maxRequestID is how many characters a client token may have.
const maxRequestID = 64

// checkRequestID refuses a client token that the service would refuse.
func checkRequestID(id string) error {
	good := len(id) <= maxRequestID
	for i := range len(id) {
		good = good && id[i] > ' ' && id[i] <= '~'
	}
	if !good {
		return misuse("--request-id must be 1 to 64 printable ASCII characters without space, got %q", id)
	}
	return nil
}

// accountID is what the id of an account looks like.
var accountID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// checkAccount refuses what can be the id of no account; none is named by the
// empty text.
func checkAccount(flag, id string) error {
	if id != "" && !accountID.MatchString(id) {
		return misuse("%s must be 1 to 64 of A-Z a-z 0-9 . _ -, got %q", flag, id)
	}
	return nil
}

// mostIDs is how many instances one call can name.
const mostIDs = 100

// checkIDs refuses a list of ids that no call takes: each once, and not too
// many.
func checkIDs(what string, ids []string) error {
	if len(ids) > mostIDs {
		return misuse("%s must be named at most %d times, got %d", what, mostIDs, len(ids))
	}
	seen := map[string]bool{}
	for _, id := range ids {
		if id == "" || seen[id] {
			return misuse("%s must be named once each and not be empty, got %q", what, id)
		}
		seen[id] = true
	}
	return nil
}

// of names the flag that an error about a value is about.
func of(flag string, err error) error {
	if err == nil {
		return nil
	}
	return misuse("%s %v", flag, err)
}

// A given tells whether a flag was given.
type given struct {
	flag string
	is   bool
}

// checkAlone refuses flags that another one leaves without meaning.
func checkAlone(flag string, others ...given) error {
	var wrong []error
	for _, other := range others {
		if other.is {
			wrong = append(wrong, misuse("%s can not be given with %s", other.flag, flag))
		}
	}
	return errors.Join(wrong...)
}

// readTime reads the time of a flag, if it was given.
func readTime(flag, text string, into **timestamppb.Timestamp) error {
	if text == "" {
		return nil
	}
	at, err := value.Time(text)
	*into = timestamppb.New(at)
	return of(flag, err)
}
