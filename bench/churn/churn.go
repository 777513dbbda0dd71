// The same as churn.py with the Go driver.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"
)

type sniDialer struct {
	gateway string
	hostIDs []string
	trusted *x509.CertPool
}

func (d sniDialer) DialHost(ctx context.Context, host *gocql.HostInfo) (*gocql.DialedHost, error) {
	id := host.HostID()
	if id == "" {
		id = d.hostIDs[int(host.ConnectAddress().To4()[3])-1]
	}
	dialer := tls.Dialer{
		NetDialer: &net.Dialer{Timeout: 5 * time.Second},
		Config:    &tls.Config{RootCAs: d.trusted, ServerName: id, MinVersion: tls.VersionTLS12},
	}
	conn, err := dialer.DialContext(ctx, "tcp", d.gateway)
	if err != nil {
		return nil, err
	}
	return &gocql.DialedHost{Conn: conn, DisableCoalesce: true}, nil
}

func main() {
	pem, err := os.ReadFile(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	ms, err := strconv.Atoi(os.Args[4])
	if err != nil {
		log.Fatal(err)
	}
	d := sniDialer{net.JoinHostPort(os.Args[1], os.Args[2]), os.Args[5:], x509.NewCertPool()}
	d.trusted.AppendCertsFromPEM(pem)
	var ended atomic.Bool
	go func() {
		_, _ = io.ReadAll(os.Stdin)
		ended.Store(true)
	}()
	cluster := gocql.NewCluster()
	for i := range d.hostIDs {
		cluster.Hosts = append(cluster.Hosts, fmt.Sprintf("0.0.0.%d", i+1))
	}
	cluster.HostDialer = d
	cluster.Timeout = 5 * time.Second
	cluster.Authenticator = gocql.PasswordAuthenticator{Username: os.Getenv("CQL_USER"), Password: os.Getenv("CQL_PASSWORD")}
	cluster.PoolConfig.HostSelectionPolicy = gocql.TokenAwareHostPolicy(gocql.DCAwareRoundRobinPolicy("dc1"))
	cluster.ReconnectInterval = time.Duration(ms) * time.Millisecond
	session, err := cluster.CreateSession()
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()
	out := json.NewEncoder(os.Stdout)
	for !ended.Load() {
		line := map[string]any{"at": float64(time.Now().UnixMilli()) / 1000}
		var id gocql.UUID
		iter := session.Query("SELECT host_id FROM system.local").Consistency(gocql.One).Iter()
		host := iter.Host()
		iter.Scan(&id)
		if err := iter.Close(); err != nil {
			line["error"] = err.Error()
		} else {
			line["at"] = float64(time.Now().UnixMilli()) / 1000
			line["requested"], line["answered"] = host.HostID(), id.String()
		}
		_ = out.Encode(line)
		time.Sleep(25 * time.Millisecond)
	}
}
