#!/bin/sh
# Renders the chart with each set of values into infra/helm/rendered, as the tests compare it. HELM: another helm than PATH's.
set -eu
cd "$(dirname "$0")"
for values in values/*.yaml; do
  "${HELM:-helm}" template tessera tessera --namespace lab --values "$values" >"rendered/$(basename "$values")" 2>/dev/null
done
