package cli

import (
	"errors"

	"github.com/seed-198b1370/muster/cmd/muster/stack"
	"github.com/seed-198b1370/muster/pkg/secure"
)

// guarded is how commands that run services keep strangers out.
type guarded struct {
	TLSCert     string  `name:"tls-cert-file" help:"File with the certificate, in PEM, that this process shows to its clients, and to the services it calls. With it gRPC is served over TLS only." placeholder:"FILE"`
	TLSKey      string  `name:"tls-key-file" help:"File with the private key of --tls-cert-file." placeholder:"FILE"`
	TLSClientCA string  `name:"tls-client-ca-file" help:"File with the certificates that a client's must be signed by. With it nobody gets in without one." placeholder:"FILE"`
	TLSCA       string  `name:"tls-ca-file" help:"File with the certificates that other services' must be signed by. With it they are called over TLS." placeholder:"FILE"`
	Tokens      string  `name:"tokens-file" help:"File of who may call what (docs/security.md). With it nobody gets in without a token, and each sees its own account only. \"muster token new\" makes tokens." placeholder:"FILE"`
	RateLimit   float64 `name:"rate-limit" help:"How many calls a second an account may make, with --tokens-file; 0 for no limit." default:"1000" placeholder:"N"`
	PeerToken   string  `name:"service-token-file" help:"File with the token, of role service, with which other services are called." placeholder:"FILE"`
	Plaintext   bool    `name:"insecure-plaintext" help:"Listen for, and call, other machines without TLS. Whoever is on the way between them reads and changes everything, tokens included."`
}

// maxRateLimit is more calls than a process can answer in a second.
const maxRateLimit = 1_000_000

// guard adds to a configuration how strangers are kept out, or tells what of it
// can not be.
func (g guarded) guard(config *stack.Config) error {
	if err := errors.Join(
		checkNeeds("--tls-key-file", g.TLSKey != "" && g.TLSCert == "", "--tls-cert-file"),
		checkNeeds("--tls-cert-file", g.TLSCert != "" && g.TLSKey == "", "--tls-key-file"),
		checkNeeds("--tls-client-ca-file", g.TLSClientCA != "" && g.TLSCert == "", "--tls-cert-file"),
	); err != nil {
		return err
	}
	if g.RateLimit < 0 || g.RateLimit > maxRateLimit {
		return misuse("--rate-limit must be 0 to %d, got %v", maxRateLimit, g.RateLimit)
	}
	config.TokensFile, config.CallsPerSecond, config.PeerTokenFile = g.Tokens, g.RateLimit, g.PeerToken
	config.TLS = secure.ServerFiles{Cert: g.TLSCert, Key: g.TLSKey, ClientCA: g.TLSClientCA}
	if g.TLSCA != "" {
		config.PeerTLS = secure.ClientFiles{CA: g.TLSCA, Cert: g.TLSCert, Key: g.TLSKey}
	}
	config.Plaintext = g.Plaintext
	if g.Plaintext {
		return nil
	}
	var wrong []error
	if !config.TLS.Used() {
		wrong = append(wrong, checkLocal("--listen", config.Listen, "give --tls-cert-file and --tls-key-file to serve it over TLS"))
	}
	if !config.PeerTLS.Used() {
		const way = "give --tls-ca-file to call it over TLS"
		wrong = append(wrong, checkLocal("--fleet", config.FleetAddr, way), checkLocal("--allocator", config.AllocatorAddr, way),
			checkLocal("--health", config.HealthAddr, way), checkLocal("--group", config.GroupAddr, way))
	}
	return errors.Join(wrong...)
}

// checkLocal refuses an address beyond this machine where plain text is spoken,
// and tells the ways out.
func checkLocal(flag, address, secureWay string) error {
	if address == "" || secure.IsLoopback(address) {
		return nil
	}
	return misuse("%s %s is reached over the network: %s, or --insecure-plaintext to let whoever is on the way read and change everything",
		flag, address, secureWay)
}

// reaching is how client commands reach a server that keeps strangers out.
type reaching struct {
	TLS           bool   `name:"tls" help:"Call over TLS. Whoever the machine trusts is trusted, unless --tls-ca-file is given. Any other flag of TLS means this one, too." env:"MUSTER_TLS"`
	TLSCA         string `name:"tls-ca-file" help:"File with the certificates, in PEM, that the server's must be signed by." placeholder:"FILE" env:"MUSTER_TLS_CA_FILE"`
	TLSCert       string `name:"tls-cert-file" help:"File with the certificate to show to a server that asks for one." placeholder:"FILE" env:"MUSTER_TLS_CERT_FILE"`
	TLSKey        string `name:"tls-key-file" help:"File with the private key of --tls-cert-file." placeholder:"FILE" env:"MUSTER_TLS_KEY_FILE"`
	TLSServerName string `name:"tls-server-name" help:"Name that the server's certificate must be for; by default the host that is called." placeholder:"NAME" env:"MUSTER_TLS_SERVER_NAME"`
	Token         string `name:"token-file" help:"File with the token to call with." placeholder:"FILE" env:"MUSTER_TOKEN_FILE"`
	Plaintext     bool   `name:"insecure-plaintext" help:"Call another machine without TLS. Whoever is on the way reads and changes everything."`
}

// files are the flags as the files of a client's side of TLS, or what is wrong
// with them for a server at an address.
func (r reaching) files(server string) (secure.ClientFiles, error) {
	files := secure.ClientFiles{System: r.TLS, CA: r.TLSCA, Cert: r.TLSCert, Key: r.TLSKey, ServerName: r.TLSServerName}
	err := errors.Join(
		checkNeeds("--tls-key-file", r.TLSKey != "" && r.TLSCert == "", "--tls-cert-file"),
		checkNeeds("--tls-cert-file", r.TLSCert != "" && r.TLSKey == "", "--tls-key-file"),
	)
	if err == nil && !files.Used() && !r.Plaintext {
		err = checkLocal("--server", server, "give --tls or --tls-ca-file to call it over TLS")
	}
	return files, err
}
