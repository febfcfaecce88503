package secure

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/seed-198b1370/muster/pkg/reload"
)

// ServerFiles are the files, in PEM, of a server's side of TLS.
type ServerFiles struct {
	// Cert holds the server's certificate and those between it and the
	// authority; Key its private key.
	Cert, Key string
	// ClientCA holds the certificates that a client's must be signed by. Empty:
	// clients need none.
	ClientCA string
}

// Used tells whether any file is named.
func (f ServerFiles) Used() bool { return f != ServerFiles{} }

// Check tells what is missing among the files that are named.
func (f ServerFiles) Check() error {
	if f.Used() && (f.Cert == "" || f.Key == "") {
		return errors.New("a TLS server needs a certificate and its private key, each in a file")
	}
	return nil
}

// ClientFiles are the files, in PEM, of a client's side of TLS, and what else it
// needs to know.
type ClientFiles struct {
	// System makes TLS spoken also when nothing else here is set: the server's
	// certificate must then be signed by an authority that the system trusts.
	System bool
	// CA holds the certificates that the server's must be signed by. Empty:
	// those of the system.
	CA string
	// Cert holds the client's certificate, Key its private key. Empty: the
	// client shows none.
	Cert, Key string
	// ServerName is the name that the server's certificate must be for. Empty:
	// the host that is called.
	ServerName string
}

// Used tells whether TLS is spoken at all.
func (f ClientFiles) Used() bool { return f != ClientFiles{} }

// Check tells what is missing among the files that are named.
func (f ClientFiles) Check() error {
	if (f.Cert == "") != (f.Key == "") {
		return errors.New("a TLS client's certificate and private key are named both or neither")
	}
	return nil
}

// ServerConfig makes the TLS configuration of the files as they are now.
func ServerConfig(files ServerFiles) (*tls.Config, error) {
	if err := files.Check(); err != nil {
		return nil, err
	}
	own, err := pair(files.Cert, files.Key)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{own}}
	if files.ClientCA == "" {
		return config, nil
	}
	config.ClientAuth = tls.RequireAndVerifyClientCert
	config.ClientCAs, err = authorities(files.ClientCA)
	return config, err
}

// ClientConfig makes the TLS configuration of the files as they are now.
func ClientConfig(files ClientFiles) (*tls.Config, error) {
	if err := files.Check(); err != nil {
		return nil, err
	}
	config := &tls.Config{MinVersion: tls.VersionTLS13, ServerName: files.ServerName}
	var err error
	if files.CA != "" {
		if config.RootCAs, err = authorities(files.CA); err != nil {
			return nil, err
		}
	}
	if files.Cert != "" {
		own, err := pair(files.Cert, files.Key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{own}
	}
	return config, nil
}

// A ClientSource is a client's TLS configuration, read again when its files
// change.
type ClientSource struct{ *reload.Reloaded[*tls.Config] }

// NewClientSource reads the files of a client's side of TLS.
func NewClientSource(files ClientFiles, log *slog.Logger) (ClientSource, error) {
	source, err := reload.New(log, "certificates", func() (*tls.Config, error) { return ClientConfig(files) }, files.CA, files.Cert, files.Key)
	return ClientSource{source}, err
}

// Config is what the files say now. It must not be changed.
func (s ClientSource) Config() *tls.Config { return s.Current() }

func pair(certFile, keyFile string) (tls.Certificate, error) {
	own, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return own, fmt.Errorf("read certificate %s and key %s: %w", certFile, keyFile, err)
	}
	return own, nil
}

func authorities(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read certificates to trust: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("read certificates to trust: %s has no certificate in PEM", file)
	}
	return pool, nil
}
