/** A program for the Go driver (apache/cassandra-gocql-driver host_source.go, dial.go: HostDialer). Pure. */
import { commentLines, type DriverProgram, literal } from './driver-program.ts'

export const go: DriverProgram = {
  file: 'main.go',
  library: 'github.com/apache/cassandra-gocql-driver/v2@v2.1.0',
  run: ['go mod init connect', 'go get github.com/apache/cassandra-gocql-driver/v2@v2.1.0', 'go run .'],
  text: ({ host, port, caFile, hostIds, localDatacenter, comment }) => `${commentLines('//', comment)}\
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"net"
	"os"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"
)

const (
	gateway         = ${literal(host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)}
	caFile          = ${literal(caFile)}
	localDatacenter = ${literal(localDatacenter)}
)

// the driver finds further nodes itself
var hostIDs = []string{
${hostIds.map((id) => `	${literal(id)},\n`).join('')}}

// sniDialer connects to every node through the gateway, by its host ID.
type sniDialer struct{ trusted *x509.CertPool }

func (d sniDialer) DialHost(ctx context.Context, host *gocql.HostInfo) (*gocql.DialedHost, error) {
	id := host.HostID()
	if id == "" { // a contact point, 0.0.0.N: its host ID is not known to the driver yet
		id = hostIDs[int(host.ConnectAddress().To4()[3])-1]
	}
	dialer := tls.Dialer{
		NetDialer: &net.Dialer{Timeout: 5 * time.Second},
		Config:    &tls.Config{RootCAs: d.trusted, ServerName: id, MinVersion: tls.VersionTLS12},
	}
	conn, err := dialer.DialContext(ctx, "tcp", gateway)
	if err != nil {
		return nil, err
	}
	return &gocql.DialedHost{Conn: conn, DisableCoalesce: true}, nil
}

func main() {
	pem, err := os.ReadFile(caFile)
	if err != nil {
		log.Fatal(err)
	}
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(pem) {
		log.Fatalf("%s: no PEM certificate found", caFile)
	}
	cluster := gocql.NewCluster()
	for i := range hostIDs[:min(len(hostIDs), 250)] {
		cluster.Hosts = append(cluster.Hosts, fmt.Sprintf("0.0.0.%d", i+1))
	}
	cluster.HostDialer = sniDialer{trusted}
	cluster.Authenticator = gocql.PasswordAuthenticator{
		Username: os.Getenv("CQL_USER"),
		Password: os.Getenv("CQL_PASSWORD"),
	}
	cluster.PoolConfig.HostSelectionPolicy =
		gocql.TokenAwareHostPolicy(gocql.DCAwareRoundRobinPolicy(localDatacenter))
	cluster.ReconnectInterval = time.Second
	session, err := cluster.CreateSession()
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()
	for _, host := range session.GetHosts() {
		if host.DataCenter() != localDatacenter {
			continue
		}
		var id gocql.UUID
		var version string
		query := session.Query("SELECT host_id, release_version FROM system.local").SetHostID(host.HostID())
		if err := query.Consistency(gocql.One).Scan(&id, &version); err != nil {
			log.Fatal(err)
		}
		fmt.Println(id, version)
	}
}
`,
}
