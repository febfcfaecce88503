package access

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/seed-198b1370/muster/pkg/reload"
)

// Bounds of a file of tokens.
const (
	maxTokensBytes = 8 << 20
	maxTokens      = 10_000
	maxTokenLength = 256
)

// What a token and its hash begin with, so that either is known when it is found
// where it should not be.
const (
	tokenPrefix = "mst_"
	hashPrefix  = "sha256:"
)

// A Token is a line in a file of tokens: whom a token is of. The token itself is
// not in it.
type Token struct {
	// Name tells tokens apart, in the record and in the log: 1 to 64 letters,
	// digits, `.`, `_` and `-`.
	Name string `yaml:"name"`
	// Hash is `sha256:` and the SHA-256 of the token in hexadecimal.
	Hash string `yaml:"hash"`
	// Account that it acts for. Services and administrators need none.
	Account string `yaml:"account"`
	// Role is the name of a [Role].
	Role string `yaml:"role"`
	// Expires is when it ends to be of use; the zero value for never.
	Expires time.Time `yaml:"expires"`
}

// NewToken makes a token of 256 random bits.
func NewToken() (string, error) {
	random := make([]byte, 32)
	if _, err := rand.Read(random); err != nil {
		return "", fmt.Errorf("make token: %w", err)
	}
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(random), nil
}

// HashOf is what a file of tokens holds in place of a token. A token is random
// and long: its hash needs no salt, and tells nothing of it.
func HashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hashPrefix + hex.EncodeToString(sum[:])
}

var (
	goodName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	goodHash = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// Check tells all that is wrong with a line.
func (t Token) Check() error {
	role, err := ParseRole(t.Role)
	wrong := []error{err}
	if !goodName.MatchString(t.Name) {
		wrong = append(wrong, fmt.Errorf("name must be 1 to 64 letters, digits, . _ and -, got %.70q", t.Name))
	}
	if !goodHash.MatchString(t.Hash) {
		wrong = append(wrong, errors.New("hash must be sha256: and 64 hexadecimal digits in small letters")) // it may be a token by mistake
	}
	if t.Account == "" && err == nil && !role.AnyAccount() {
		wrong = append(wrong, fmt.Errorf("account must be given for role %s", role))
	}
	if t.Account != "" && !goodName.MatchString(t.Account) {
		wrong = append(wrong, fmt.Errorf("account must be 1 to 64 letters, digits, . _ and -, got %.70q", t.Account))
	}
	return errors.Join(wrong...)
}

// ParseTokens reads a file of tokens, in YAML or JSON: a list `tokens`. Every name
// and every hash is in it once.
func ParseTokens(text []byte) ([]Token, error) {
	var file struct {
		Tokens []Token `yaml:"tokens"`
	}
	reader := yaml.NewDecoder(bytes.NewReader(text))
	reader.KnownFields(true)
	if err := reader.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read tokens: %s", firstLine(err))
	}
	if len(file.Tokens) > maxTokens {
		return nil, fmt.Errorf("there must be at most %d tokens, got %d", maxTokens, len(file.Tokens))
	}
	names, hashes := map[string]bool{}, map[string]bool{}
	for i, token := range file.Tokens {
		err := token.Check()
		if names[token.Name] || hashes[token.Hash] {
			err = errors.Join(err, errors.New("its name or its hash is that of an earlier one"))
		}
		if err != nil {
			return nil, fmt.Errorf("token %d, %.70q: %w", i+1, token.Name, err)
		}
		names[token.Name], hashes[token.Hash] = true, true
	}
	return file.Tokens, nil
}

// firstLine is what a parser says without the values that it repeats after it.
func firstLine(err error) string {
	text, _, _ := strings.Cut(err.Error(), "`")
	return strings.TrimSpace(strings.ReplaceAll(text, "\n", " "))
}

// Tokens are those that are of use, by their hashes, as a file tells them. They
// are safe for use by several goroutines.
type Tokens struct {
	file *reload.Reloaded[map[string]Token]
}

// OpenTokens reads a file of tokens. It is read again within a
// second after it has changed.
func OpenTokens(name string, log *slog.Logger) (*Tokens, error) {
	file, err := reload.New(log, "tokens", func() (map[string]Token, error) { return readTokens(name) }, name)
	if err != nil {
		return nil, err
	}
	return &Tokens{file: file}, nil
}

func readTokens(name string) (map[string]Token, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	defer func() { _ = file.Close() }() // only read from
	text, err := io.ReadAll(io.LimitReader(file, maxTokensBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	if len(text) > maxTokensBytes {
		return nil, fmt.Errorf("read tokens: %s has more than %d bytes", name, maxTokensBytes)
	}
	list, err := ParseTokens(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	byHash := make(map[string]Token, len(list))
	for _, token := range list {
		byHash[token.Hash] = token
	}
	return byHash, nil
}

// find tells whom a token is of, at a time.
func (t *Tokens) find(token string, now time.Time) (Caller, error) {
	if len(token) > maxTokenLength {
		return Caller{}, errUnknown()
	}
	held, ok := t.file.Recent(now)[HashOf(token)]
	if !ok {
		return Caller{}, errUnknown()
	}
	if !held.Expires.IsZero() && !now.Before(held.Expires) {
		return Caller{Name: held.Name}, errExpired(held)
	}
	role, err := ParseRole(held.Role)
	return Caller{Name: held.Name, Account: held.Account, Role: role}, err
}
