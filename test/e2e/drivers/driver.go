// Asks each node by its host id which node it is: driver ADDRESS PORT CA HOST_ID... (login as JSON on stdin).
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"
)

type dialer struct {
	gateway string
	hostIDs []string
	ca      *x509.CertPool
}

// DialHost sends the host id as SNI and verifies the certificate against it.
func (d *dialer) DialHost(ctx context.Context, host *gocql.HostInfo) (*gocql.DialedHost, error) {
	id := host.HostID()
	if id == "" { // the contact point 0.0.0.N
		id = d.hostIDs[int(host.ConnectAddress().To4()[3])-1]
	}
	config := &tls.Config{RootCAs: d.ca, ServerName: id, MinVersion: tls.VersionTLS12}
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
	d := &dialer{net.JoinHostPort(os.Args[1], os.Args[2]), os.Args[4:], x509.NewCertPool()}
	d.ca.AppendCertsFromPEM(pem)
	cluster := gocql.NewCluster()
	for i := range d.hostIDs {
		cluster.Hosts = append(cluster.Hosts, fmt.Sprintf("0.0.0.%d", i+1))
	}
	cluster.HostDialer = d
	cluster.Authenticator = gocql.PasswordAuthenticator{Username: login.Username, Password: login.Password}
	session, err := cluster.CreateSession()
	must(err)
	defer session.Close()
	answers := []map[string]string{}
	for _, host := range session.GetHosts() {
		var answered gocql.UUID
		query := session.Query("SELECT host_id FROM system.local").SetHostID(host.HostID()).Consistency(gocql.One)
		must(query.Scan(&answered))
		answers = append(answers, map[string]string{"asked": host.HostID(), "answered": answered.String()})
	}
	must(json.NewEncoder(os.Stdout).Encode(answers))
}
