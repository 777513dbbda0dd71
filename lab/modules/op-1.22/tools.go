//go:build tools

package tools

import _ "github.com/k8ssandra/cass-operator/cmd"
