#!/usr/bin/env bash
# Builds the container image on a Debian made of its packages, with a Docker engine of its own, and uses it. Fails with
# the first thing that is not as it should be.
set -euo pipefail
cd "$(dirname "$0")/../.."
eval "$(tools/setup where)"
folder=$(mktemp -d)
# No other engine, whatever the user's settings say.
unset DOCKER_CONTEXT DOCKER_TLS_VERIFY DOCKER_CERT_PATH
export PATH=/usr/bin:$PATH:/usr/sbin DOCKER_CONFIG=$folder/config DOCKER_HOST=unix://$folder/docker.sock

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}
finish() {
  local status=$?
  docker ps --all --quiet 2>/dev/null | xargs --no-run-if-empty docker rm --force >/dev/null 2>&1 || true
  [ ! -e "$folder/docker.pid" ] || as_root kill "$(cat "$folder/docker.pid")" || true
  wait
  [ "$status" = 0 ] || tail -n 20 "$folder/docker.log" >&2
  as_root umount "$folder"/exec/netns/* 2>/dev/null || true  # the engine leaves the network that it shared
  as_root rm -rf "$folder"
  exit "$status"
}
trap finish EXIT

echo "a Docker engine starts"
# Containers share the network of the machine: a bridge would need rules in its firewall.
as_root dockerd --host "$DOCKER_HOST" --group "$(id -gn)" --data-root "$folder/data" --exec-root "$folder/exec" \
  --pidfile "$folder/docker.pid" --iptables=false --bridge=none >"$folder/docker.log" 2>&1 &
engine=$!
until docker info >/dev/null 2>&1; do
  kill -0 "$engine"
  sleep 0.1
done

echo "the image is built"
docker import "$MODELOPS_DEBIAN_IMAGE" debian-test >/dev/null
BASE=debian-test tools/package image --network host >"$folder/build.log" 2>&1 || { tail -n 40 "$folder/build.log" >&2; exit 1; }
image=$(docker images --quiet modelops)

echo "nothing in it runs as root"
[ "$(docker run --rm --network none --entrypoint id "$image" -u)" != 0 ]

# listening <container> <words>: the number after these words, once the program has printed them
listening() {
  local found
  until found=$(docker logs "$1" 2>&1 | sed -n "s/.*$2\([0-9]*\).*/\1/p" | head -n 1) && [ -n "$found" ]; do
    [ "$(docker inspect --format '{{.State.Running}}' "$1")" = true ] || { docker logs "$1" >&2; return 1; }
    sleep 0.1
  done
  echo "$found"
}

echo "the control plane is ready, and ends in order when it is told to"
docker run --detach --name plane --network host "$image" serve --config /etc/modelops/modelops.yaml \
  --api.port=0 --web.port=0 >/dev/null
port=$(listening plane "the API listens on port ")
curl --silent --show-error --fail "http://127.0.0.1:$port/readyz" >/dev/null
docker stop --time 30 plane >/dev/null
[ "$(docker inspect --format '{{.State.ExitCode}}' plane)" = 0 ]

echo "its engine answers"
docker create --name engine --network host "$image" runtime --port 0 --model digits=/tmp/digits.onnx \
  --library /usr/lib/modelops/engines/onnxruntime/current/lib/libonnxruntime.so >/dev/null
docker cp examples/digits/digits.onnx engine:/tmp/
docker start engine >/dev/null
port=$(listening engine 'port[": ]*')
sed -n '2s/.*\[\(.*\)\].*/{"inputs":[{"name":"pixels","shape":[1,64],"datatype":"FP32","data":[\1]}]}/p' \
  examples/digits/test_set.json >"$folder/request.json"
curl --silent --show-error --fail --data "@$folder/request.json" --header 'Content-Type: application/json' \
  "http://127.0.0.1:$port/v2/models/digits/infer" | grep -q '"outputs"'
echo "it works"
