#!/usr/bin/env bash
# Makes images under the names that deploy/compose asks for, out of Debian's
# packages and our own builds, where no registry can be reached: the very same
# Dockerfile and compose file then work offline. An image that is there already
# is left as it is.
#
# Where a registry answers, nothing is made, and compose pulls the official ones.
#
# They stand in for the official ones in tests. They are not for production.
set -euo pipefail
cd "$(dirname "$0")/../.."

# Whether an image is neither here nor to be had.
missing() {
  ! docker image inspect "$1" >/dev/null 2>&1 && ! timeout 300 docker pull --quiet "$1" >/dev/null 2>&1
}

packages=()
type -P busybox >/dev/null || packages+=(busybox-static)
type -P redis-server >/dev/null || packages+=(redis-server)
[[ -e /etc/ssl/certs/ca-certificates.crt ]] || packages+=(ca-certificates)
type -P docker-compose >/dev/null || docker compose version >/dev/null 2>&1 || packages+=(docker-compose)
if ((${#packages[@]})); then
  apt-get update -qq
  apt-get install -y --no-install-recommends "${packages[@]}"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The shell of the stand-ins. Debian's is static.
shell_for() {
  install -D -m 755 "$(type -P busybox)" "$1/bin/busybox"
  for name in sh wget mkdir cat ls; do ln -sf busybox "$1/bin/$name"; done
  mkdir -p "$1/tmp" "$1/etc"
  chmod 1777 "$1/tmp"
}

# golang: this machine's Go, and the modules that it has, in place of the proxy. It
# is made anew once other modules are needed.
modules=$(find . -name vendor -prune -o \( -name 'go.mod' -o -name 'go.sum' -o -name 'go.work*' \) -not -path './tools/*' -print0 |
  sort -z | xargs -0 cat | sha256sum | cut -c 1-16)
if [[ $(docker image inspect --format '{{index .Config.Labels "muster.modules"}}' golang:1.26.10 2>/dev/null) =~ ^[0-9a-f]{16}$ &&
  ${BASH_REMATCH[0]} != "$modules" ]]; then
  docker image rm golang:1.26.10
fi
if missing golang:1.26.10; then
  cp go.work.sum "$work"
  go mod download
  cp "$work/go.work.sum" . # it has grown by what no build needs
  root=$work/golang
  shell_for "$root"
  mkdir -p "$root/usr/local/go" "$root/modules"
  cp -r "$(go env GOROOT)/." "$root/usr/local/go"
  cp -r "$(go env GOMODCACHE)/cache/download" "$root/modules/download"
  install -D -m 644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
  tar -C "$root" -c . | docker import \
    -c "LABEL muster.modules=$modules" \
    -c 'ENV PATH=/usr/local/go/bin:/bin' -c 'ENV GOTOOLCHAIN=local' -c 'ENV GOPROXY=file:///modules/download' \
    -c 'ENV GONOSUMDB=*' -c 'ENV GOFLAGS=-modcacherw' -c 'ENV HOME=/tmp' - golang:1.26.10
fi

if missing redis:7.0.15; then
  root=$work/redis
  shell_for "$root"
  for program in redis-server redis-cli; do
    path=$(command -v "$program")
    install -D -m 755 "$path" "$root/usr/bin/$program"
    # Each library under the path at which it is looked for.
    ldd "$path" | grep -o '/[^ ]*' | while read -r library; do install -D -m 755 "$library" "$root$library"; done
  done
  mkdir -p "$root/data"
  tar -C "$root" -c . | docker import -c 'ENV PATH=/usr/bin:/bin' -c 'WORKDIR /data' -c 'CMD ["redis-server"]' - redis:7.0.15
fi

if missing nats:2.15.2-alpine; then
  root=$work/nats
  shell_for "$root"
  CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$root/nats-server" github.com/nats-io/nats-server/v2
  tar -C "$root" -c . | docker import -c 'ENV PATH=/bin' -c 'ENTRYPOINT ["/nats-server"]' - nats:2.15.2-alpine
fi

# Prometheus: Debian's, which is older than the official one; what the tests ask
# of it both can do.
if missing prom/prometheus:v2.53.5; then
  root=$work/prometheus
  shell_for "$root"
  # Not installed: that would start it.
  (cd "$work" && apt-get download -qq prometheus && dpkg-deb -x prometheus_*.deb "$work/debian")
  for program in prometheus promtool; do
    path=$work/debian/usr/bin/$program
    install -D -m 755 "$path" "$root/bin/$program"
    ldd "$path" | grep -o '/[^ ]*' | while read -r library; do install -D -m 755 "$library" "$root$library"; done
  done
  mkdir -p "$root/prometheus"
  tar -C "$root" -c . | docker import -c 'ENV PATH=/bin' -c 'ENTRYPOINT ["/bin/prometheus"]' - prom/prometheus:v2.53.5
fi

# Jaeger, built by `make standin-jaeger`, which takes minutes. It is made of the
# parts of the OpenTelemetry collector, and reads its configuration.
for image in jaegertracing/jaeger:2.13.0 otel/opentelemetry-collector:0.141.0; do
  if missing "$image" && [[ -x .bin/jaeger ]]; then
    root=$work/${image%%/*}
    mkdir -p "$root/tmp"
    install -D -m 755 .bin/jaeger "$root/jaeger"
    tar -C "$root" -c . | docker import -c 'ENTRYPOINT ["/jaeger"]' - "$image"
  fi
done
# There is no Grafana in Debian. Where it can not be had, the test of the overlay
# does without and says so; its files are read by a test of their own.
missing grafana/grafana:11.6.0 || true
