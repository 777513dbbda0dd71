// Asks each node which node it is, once for each kind of name: driver ADDRESS PORT CA KIND/HOST_ID/NAME... (login as JSON on
// stdin).
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"
)

type dialer struct {
	gateway string
	hostIDs []string
	names   map[string]string
	ca      *x509.CertPool
}

// DialHost sends the host ID as SNI and verifies the certificate against the name of the node.
func (d *dialer) DialHost(ctx context.Context, host *gocql.HostInfo) (*gocql.DialedHost, error) {
	id := host.HostID()
	if id == "" { // the contact point 0.0.0.N
		id = d.hostIDs[int(host.ConnectAddress().To4()[3])-1]
	}
	config := &tls.Config{RootCAs: d.ca, ServerName: id, MinVersion: tls.VersionTLS12}
	config.VerifyConnection = func(state tls.ConnectionState) error {
		return state.PeerCertificates[0].VerifyHostname(d.names[id])
	}
	connection, err := (&tls.Dialer{NetDialer: &net.Dialer{Timeout: 5 * time.Second}, Config: config}).DialContext(ctx, "tcp", d.gateway)
	if err != nil {
		return nil, err
	}
	return &gocql.DialedHost{Conn: connection, DisableCoalesce: true}, nil
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	var login struct{ Username, Password string }
	must(json.NewDecoder(os.Stdin).Decode(&login))
	pem, err := os.ReadFile(os.Args[3])
	must(err)
	ca := x509.NewCertPool()
	ca.AppendCertsFromPEM(pem)
	gateway := net.JoinHostPort(os.Args[1], os.Args[2])
	answers := []map[string]string{}
	kinds := []string{}
	dialers := map[string]*dialer{}
	for _, word := range os.Args[4:] {
		parts := strings.SplitN(word, "/", 3)
		d, known := dialers[parts[0]]
		if !known {
			d = &dialer{gateway, nil, map[string]string{}, ca}
			dialers[parts[0]] = d
			kinds = append(kinds, parts[0])
		}
		d.hostIDs = append(d.hostIDs, parts[1])
		d.names[parts[1]] = parts[2]
	}
	for _, kind := range kinds {
		cluster := gocql.NewCluster()
		for i := range dialers[kind].hostIDs {
			cluster.Hosts = append(cluster.Hosts, fmt.Sprintf("0.0.0.%d", i+1))
		}
		cluster.HostDialer = dialers[kind]
		cluster.Authenticator = gocql.PasswordAuthenticator{Username: login.Username, Password: login.Password}
		session, err := cluster.CreateSession()
		if err != nil {
			answers = append(answers, map[string]string{"kind": kind, "error": err.Error()})
			continue
		}
		for _, host := range session.GetHosts() {
			var answered gocql.UUID
			query := session.Query("SELECT host_id FROM system.local").SetHostID(host.HostID()).Consistency(gocql.One)
			must(query.Scan(&answered))
			answers = append(answers, map[string]string{"kind": kind, "asked": host.HostID(), "answered": answered.String()})
		}
		session.Close()
	}
	must(json.NewEncoder(os.Stdout).Encode(answers))
}
