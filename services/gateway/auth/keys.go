package auth

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"go.yaml.in/yaml/v3"
)

// Bounds of the file with keys.
const (
	maxKeys     = 10_000
	maxFile     = 8 << 20
	maxSecret   = 256
	maxAccessID = 128
	maxActions  = 100
)

var wellFormedAction = regexp.MustCompile(`^([A-Za-z]{1,64}\*?|\*)$`)

var wellFormedID = regexp.MustCompile(`^[!-+\--~]+$`) // printable, no comma: ids stand in headers

// A Key is an access key.
type Key struct {
	// ID names the key in requests.
	ID string `yaml:"id"`
	// Secret proves requests. Either it or SecretFile must be given.
	Secret string `yaml:"secret"`
	// SecretFile is a file that holds the secret alone; relative to the file with
	// keys.
	SecretFile string `yaml:"secret_file"`
	// AccountID is the account that calls are made for.
	AccountID string `yaml:"account"`
	// SecurityToken makes it a temporary key: requests must bring this token.
	SecurityToken string `yaml:"security_token"`
	// ExpireTime is when the key ends; the zero time means never.
	ExpireTime time.Time `yaml:"expire_time"`
	// Actions are the operations that the key may call, such as
	// DescribeInstances, or Describe* for all that begin so. Empty: all.
	Actions []string `yaml:"actions"`
}

// LogValue keeps secrets out of logs. It implements [slog.LogValuer].
func (k Key) LogValue() slog.Value { return slog.StringValue(k.ID) }

// String is the id alone.
func (k Key) String() string { return k.ID }

// GoString is the id alone.
func (k Key) GoString() string { return k.ID }

// Keys are the access keys that are known.
type Keys struct{ held map[string]Key }

// NewKeys makes keys, all of which must be complete and differ in their ids.
func NewKeys(keys ...Key) (*Keys, error) {
	if len(keys) > maxKeys {
		return nil, fmt.Errorf("there can be at most %d access keys, got %d", maxKeys, len(keys))
	}
	held := make(map[string]Key, len(keys))
	for i, key := range keys {
		if err := key.check(); err != nil {
			return nil, fmt.Errorf("access key %d: %w", i+1, err)
		}
		if _, twice := held[key.ID]; twice {
			return nil, fmt.Errorf("access key %d: the id %q is there twice", i+1, key.ID)
		}
		held[key.ID] = key
	}
	return &Keys{held: held}, nil
}

func (k Key) check() error {
	switch {
	case len(k.ID) > maxAccessID || !wellFormedID.MatchString(k.ID):
		return fmt.Errorf("the id must be 1 to %d printable characters of ASCII without comma, got %q", maxAccessID, k.ID)
	case k.Secret == "" || len(k.Secret) > maxSecret:
		return fmt.Errorf("the secret of %q must have 1 to %d bytes, got %d", k.ID, maxSecret, len(k.Secret))
	case k.AccountID == "":
		return fmt.Errorf("the account of %q must be given", k.ID)
	case len(k.Actions) > maxActions:
		return fmt.Errorf("there can be at most %d actions of %q, got %d", maxActions, k.ID, len(k.Actions))
	}
	for _, action := range k.Actions {
		if !wellFormedAction.MatchString(action) {
			return fmt.Errorf("an action of %q must be the name of an operation, or how names begin and a star, as in Describe*, got %q", k.ID, action)
		}
	}
	return nil
}

func (k *Keys) find(id string) (Key, bool) {
	key, ok := k.held[id]
	return key, ok
}

// LoadKeys reads keys from a file in YAML:
//
//	keys:
//	  - id: dev
//	    secret: not-a-secret
//	    account: default
//
// A file that holds a secret must be readable by its owner alone.
func LoadKeys(path string) (*Keys, error) {
	text, open, err := readFile(path)
	if err != nil {
		return nil, err
	}
	var file struct {
		Keys []Key `yaml:"keys"`
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		// The words of the decoder could repeat a secret.
		return nil, fmt.Errorf("%s is not a list of access keys in YAML: keys: with id, secret or secret_file, account, actions, security_token, expire_time each", path)
	}
	for i := range file.Keys {
		key := &file.Keys[i]
		if (key.Secret != "" || key.SecurityToken != "") && open {
			return nil, tooOpen(path)
		}
		if key.SecretFile == "" {
			continue
		}
		if key.Secret != "" {
			return nil, fmt.Errorf("%s: access key %d has both secret and secret_file", path, i+1)
		}
		if key.Secret, err = readSecret(filepath.Dir(path), key.SecretFile); err != nil {
			return nil, fmt.Errorf("%s: access key %d: %w", path, i+1, err)
		}
	}
	keys, err := NewKeys(file.Keys...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return keys, nil
}

func readSecret(folder, path string) (string, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(folder, path)
	}
	text, open, err := readFile(path)
	if err != nil {
		return "", err
	}
	if open {
		return "", tooOpen(path)
	}
	return string(bytes.TrimSpace(text)), nil
}

func tooOpen(path string) error {
	return fmt.Errorf("%s holds a secret, so only its owner may read it: its mode must be 0600", path)
}

// readFile reads a file, and tells whether others than its owner can read it.
func readFile(path string) (text []byte, open bool, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, false, fmt.Errorf("access keys: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return nil, false, fmt.Errorf("access keys: %w", err)
	}
	if text, err = io.ReadAll(io.LimitReader(file, maxFile+1)); err != nil {
		return nil, false, fmt.Errorf("access keys: %w", err)
	}
	if len(text) > maxFile {
		return nil, false, fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	return text, info.Mode().Perm()&(fs.ModePerm^0o700) != 0, nil
}
