package cli

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/seed-198b1370/muster/pkg/secure/devca"
)

type certsCommand struct {
	Init certsInit `cmd:"" help:"Make an authority, and certificates for servers and for clients, for development. What is there already is made anew, but for the authority."`
	Show certsShow `cmd:"" help:"Show for whom certificates are, and how long."`
}

type certsInit struct {
	Dir   string        `required:"" help:"Folder of the files; it is made if it does not exist." placeholder:"DIR"`
	Host  []string      `help:"Names and addresses, beside localhost, by which servers are called." placeholder:"NAME,..."`
	Valid time.Duration `help:"For how long the certificates are valid; the authority is for four times as long." default:"2160h"`
}

// shortestCertificate is shorter than which no certificate is of use.
const shortestCertificate = time.Minute

// Run makes the certificates.
func (c *certsInit) Run(on console) error {
	if c.Valid < shortestCertificate {
		return misuse("--valid must be at least %v, got %v", shortestCertificate, c.Valid)
	}
	for _, host := range c.Host {
		if strings.TrimSpace(host) == "" || strings.ContainsAny(host, "/: ") && !strings.Contains(host, "::") {
			return misuse("--host must be the name or address of a host, without a port, got %q", host)
		}
	}
	files, err := devca.Init(c.Dir, devca.Names{Hosts: c.Host, Service: "muster"}, time.Now(), c.Valid)
	if err != nil {
		return err
	}
	for _, file := range files {
		_, _ = fmt.Fprintln(on.out, file)
	}
	return nil
}

type certsShow struct {
	Dir   string   `help:"Folder that \"certs init\" made." placeholder:"DIR"`
	Files []string `arg:"" optional:"" help:"Files with certificates, in PEM." name:"file"`
}

// Run shows certificates.
func (c *certsShow) Run(on console) error {
	files := c.Files
	if c.Dir != "" {
		for _, name := range []string{devca.CAFile, devca.ServerFile, devca.ClientFile} {
			files = append(files, filepath.Join(c.Dir, name))
		}
	}
	if len(files) == 0 {
		return misuse("name files with certificates, or their folder with --dir")
	}
	now := time.Now()
	for i, file := range files {
		cert, err := devca.ReadCertificate(file)
		if err != nil {
			return err
		}
		if i > 0 {
			_, _ = fmt.Fprintln(on.out)
		}
		showCertificate(on, file, cert, now)
	}
	return nil
}

func showCertificate(on console, file string, cert *x509.Certificate, now time.Time) {
	sum := sha256.Sum256(cert.Raw)
	state := "valid"
	switch {
	case now.After(cert.NotAfter):
		state = "expired"
	case now.Before(cert.NotBefore):
		state = "not yet valid"
	}
	_, _ = fmt.Fprintf(on.out, "%s\n  subject      %s\n  issuer       %s\n", file, cert.Subject.CommonName, cert.Issuer.CommonName)
	if hosts := hostsOf(cert); len(hosts) > 0 {
		_, _ = fmt.Fprintf(on.out, "  hosts        %s\n", strings.Join(hosts, ", "))
	}
	for _, id := range cert.URIs {
		_, _ = fmt.Fprintf(on.out, "  identity     %s\n", id)
	}
	_, _ = fmt.Fprintf(on.out, "  valid        %s to %s: %s\n  fingerprint  sha256:%s\n",
		cert.NotBefore.UTC().Format(time.RFC3339), cert.NotAfter.UTC().Format(time.RFC3339), state, hex.EncodeToString(sum[:]))
}

func hostsOf(cert *x509.Certificate) []string {
	hosts := append([]string(nil), cert.DNSNames...)
	for _, ip := range cert.IPAddresses {
		hosts = append(hosts, ip.String())
	}
	return hosts
}
