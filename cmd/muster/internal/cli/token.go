package cli

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/seed-198b1370/muster/pkg/access"
)

type tokenCommand struct {
	New tokenNew `cmd:"" help:"Make a token, and the line that makes it known to services."`
}

type tokenNew struct {
	Name    string        `required:"" help:"What the record and the log call it." placeholder:"NAME"`
	Role    string        `required:"" help:"What it may do: ${enum}." enum:"viewer,operator,service,admin" placeholder:"ROLE"`
	Account string        `help:"Account that it acts for; needed for viewer and operator." placeholder:"NAME"`
	Valid   time.Duration `help:"For how long it is valid; 0 for ever." default:"2160h"`
	Out     string        `help:"File to write the token to, which only its owner may read; it must not exist. Without it the token is shown." placeholder:"FILE"`
	Tokens  string        `name:"tokens-file" help:"File of tokens to add the line to; it is made if it does not exist. Without it the line is shown." placeholder:"FILE"`
}

// Run makes a token.
func (c *tokenNew) Run(on console) error {
	token, err := access.NewToken()
	if err != nil {
		return err
	}
	made := access.Token{Name: c.Name, Hash: access.HashOf(token), Account: c.Account, Role: c.Role}
	if c.Valid < 0 {
		return misuse("--valid must not be below 0, got %v", c.Valid)
	}
	if c.Valid > 0 {
		made.Expires = time.Now().Add(c.Valid).UTC().Truncate(time.Second)
	}
	if err := made.Check(); err != nil {
		return misuse("%v", err)
	}
	if c.Tokens != "" {
		if err := addToken(c.Tokens, made); err != nil {
			return err
		}
	} else {
		_, _ = fmt.Fprintf(on.out, "# For the list \"tokens\" in the file of --tokens-file:\n%s", lineOf(made))
	}
	if c.Out == "" {
		_, _ = fmt.Fprintf(on.out, "# The token, which is shown here only:\n%s\n", token)
		return nil
	}
	return writeNew(c.Out, token+"\n")
}

// lineOf is a token as an item of the list in a file of tokens.
func lineOf(t access.Token) string {
	account, expires := "", ""
	if t.Account != "" {
		account = fmt.Sprintf(", account: %q", t.Account)
	}
	if !t.Expires.IsZero() {
		expires = fmt.Sprintf(", expires: %s", t.Expires.Format(time.RFC3339))
	}
	return fmt.Sprintf("  - {name: %q%s, role: %s%s, hash: %q}\n", t.Name, account, t.Role, expires, t.Hash)
}

// addToken adds a line to a file of tokens, if the file is good with it.
func addToken(file string, made access.Token) error {
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if len(text) == 0 {
		text = []byte("tokens:\n")
	}
	if text[len(text)-1] != '\n' {
		text = append(text, '\n')
	}
	text = append(text, lineOf(made)...)
	if _, err := access.ParseTokens(text); err != nil {
		return fmt.Errorf("%s can not take another token: %w", file, err)
	}
	// Whole or not at all: a running service may read it at any time.
	if err := os.WriteFile(file+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// writeNew writes a secret to a file that must not exist.
func writeNew(file, secret string) error {
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = out.WriteString(secret)
	return errors.Join(err, out.Close())
}
