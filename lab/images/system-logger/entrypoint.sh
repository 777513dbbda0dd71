#!/bin/sh
# Follows Cassandra's log. The trap matters: without a handler PID 1 ignores SIGTERM and the pod hangs for its whole grace period.
trap "exit 0" TERM
touch /var/log/cassandra/system.log
tail -F /var/log/cassandra/system.log &
wait
