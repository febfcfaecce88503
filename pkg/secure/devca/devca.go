// Package devca owns the making of a certificate authority for development, and
// of the certificates that a whole system needs from it. It must not know how
// they are used. It is no authority for production: its private key lies in a
// file beside what it has signed.
package devca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/seed-198b1370/muster/pkg/secure"
)

// Names of the files that [Init] makes.
const (
	CAFile        = "ca.pem"
	CAKeyFile     = "ca-key.pem"
	ServerFile    = "server.pem"
	ServerKeyFile = "server-key.pem"
	ClientFile    = "client.pem"
	ClientKeyFile = "client-key.pem"
)

// backdated is how long before now certificates begin to be valid, for clocks
// that are not quite alike.
const backdated = 5 * time.Minute

// caLifetimes is how many times as long as what it signs the authority lasts.
const caLifetimes = 4

// Names are whom the certificates are for.
type Names struct {
	// Hosts are the names and addresses by which servers are called. localhost
	// and the loopback addresses are always among them.
	Hosts []string
	// Service is the name under which the server's certificate calls other
	// services; see [secure.ServiceID].
	Service string
}

// Init makes an authority, a certificate for servers and one for clients in a
// folder, which is made if it does not exist, and tells the files' names. An
// authority that is there is used again, so that what trusts it goes on to; other
// files are made anew. Certificates are valid from now for lifetime.
func Init(dir string, names Names, now time.Time, lifetime time.Duration) ([]string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make folder of certificates: %w", err)
	}
	authority, err := openAuthority(dir, now, lifetime)
	if err != nil {
		return nil, err
	}
	server := template("muster server", now, lifetime)
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	server.URIs = []*url.URL{secure.ServiceID(names.Service)}
	for _, host := range append([]string{"localhost", "127.0.0.1", "::1"}, names.Hosts...) {
		if ip := net.ParseIP(host); ip != nil {
			server.IPAddresses = append(server.IPAddresses, ip)
		} else {
			server.DNSNames = append(server.DNSNames, host)
		}
	}
	client := template("muster client", now, lifetime)
	client.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	err = errors.Join(
		authority.issue(server, filepath.Join(dir, ServerFile), filepath.Join(dir, ServerKeyFile)),
		authority.issue(client, filepath.Join(dir, ClientFile), filepath.Join(dir, ClientKeyFile)),
	)
	files := []string{CAFile, CAKeyFile, ServerFile, ServerKeyFile, ClientFile, ClientKeyFile}
	for i, name := range files {
		files[i] = filepath.Join(dir, name)
	}
	return files, err
}

// An authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// openAuthority reads the authority of a folder, or makes it.
func openAuthority(dir string, now time.Time, lifetime time.Duration) (*authority, error) {
	certFile, keyFile := filepath.Join(dir, CAFile), filepath.Join(dir, CAKeyFile)
	if _, err := os.Stat(certFile); err == nil {
		return readAuthority(certFile, keyFile, now)
	}
	made := template("muster development CA", now, caLifetimes*lifetime)
	made.IsCA, made.BasicConstraintsValid = true, true
	made.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	a := &authority{cert: made, key: key}
	if err := a.write(made, key, certFile, keyFile); err != nil {
		return nil, err
	}
	return readAuthority(certFile, keyFile, now)
}

func readAuthority(certFile, keyFile string, now time.Time) (*authority, error) {
	cert, err := ReadCertificate(certFile)
	if err != nil {
		return nil, err
	}
	if !cert.IsCA || now.After(cert.NotAfter) {
		return nil, fmt.Errorf("%s is no authority that is valid now; remove it, or name another folder", certFile)
	}
	text, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, fmt.Errorf("read key of the authority: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("read key of the authority: %s has no key in PEM", keyFile)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read key of the authority %s: %w", keyFile, err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || !key.PublicKey.Equal(cert.PublicKey) {
		return nil, fmt.Errorf("%s is not the key of %s", keyFile, certFile)
	}
	return &authority{cert: cert, key: key}, nil
}

// issue makes a key and a certificate for it, each in a file.
func (a *authority) issue(cert *x509.Certificate, certFile, keyFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make key: %w", err)
	}
	cert.KeyUsage = x509.KeyUsageDigitalSignature
	return a.write(cert, key, certFile, keyFile)
}

func (a *authority) write(cert *x509.Certificate, key *ecdsa.PrivateKey, certFile, keyFile string) error {
	signed, err := x509.CreateCertificate(rand.Reader, cert, a.cert, key.Public(), a.key)
	if err != nil {
		return fmt.Errorf("sign %s: %w", certFile, err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("write %s: %w", keyFile, err)
	}
	// The key first: whoever waits for the certificate finds both.
	return errors.Join(
		replace(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600),
		replace(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}), 0o644),
	)
}

// replace writes a file whole or not at all, with these permissions whatever it
// had before.
func replace(name string, content []byte, mode os.FileMode) error {
	made, err := os.CreateTemp(filepath.Dir(name), ".new-*") // 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	_, err = made.Write(content)
	err = errors.Join(err, made.Chmod(mode), made.Close())
	if err == nil {
		err = os.Rename(made.Name(), name)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", name, err), os.Remove(made.Name()))
	}
	return nil
}

func template(name string, now time.Time, lifetime time.Duration) *x509.Certificate {
	return &x509.Certificate{
		Subject:   pkix.Name{CommonName: name, Organization: []string{"Muster development"}},
		NotBefore: now.Add(-backdated), NotAfter: now.Add(lifetime),
	}
}

// ReadCertificate reads the first certificate of a file in PEM.
func ReadCertificate(file string) (*x509.Certificate, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("read certificate: %s has no certificate in PEM", file)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read certificate %s: %w", file, err)
	}
	return cert, nil
}
