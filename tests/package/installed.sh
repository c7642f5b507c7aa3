#!/usr/bin/env bash
# Unpacks the Debian package of build/packages and uses what is in it. Fails with the first thing that is not as it
# should be.
set -euo pipefail
cd "$(dirname "$0")/../.."
package=$(ls build/packages/*.deb)
root=$(mktemp -d)
finish() {
  [ -z "${running:-}" ] || kill "$running" 2>/dev/null || true
  wait
  rm -rf "$root"
}
trap finish EXIT
dpkg-deb --extract "$package" "$root"
dpkg-deb --control "$package" "$root/DEBIAN"

echo "what it depends on is named"
dpkg-deb --field "$package" Depends | grep -q libpq5
dpkg-deb --field "$package" Depends | grep -q adduser
echo "the program is stripped and says its version"
[ "$("$root/usr/bin/modelops" --version)" = "$(dpkg-deb --field "$package" Version)" ]
! readelf --sections "$root/usr/bin/modelops" | grep -q '\.debug_info'
echo "what runs at installation is complete"
for script in postinst prerm; do
  [ -x "$root/DEBIAN/$script" ]
  sh -n "$root/DEBIAN/$script"
done
grep -qx /etc/modelops/modelops.yaml "$root/DEBIAN/conffiles"
echo "the units name what is there"
for unit in "$root"/usr/lib/systemd/system/modelops-*.service; do
  program=$(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' "$unit")
  [ -x "$root$program" ]
done

echo "the socket units name what the program takes, for services that there are"
for unit in "$root"/usr/lib/systemd/system/modelops-*.socket; do
  grep -qE '^FileDescriptorName=(api|web|gateway)$' "$unit"
  [ -e "$(dirname "$unit")/$(sed -n 's/^Service=//p' "$unit")" ]
done
[ "$(ls "$root"/usr/lib/systemd/system/modelops-*.socket | wc -l)" = 3 ]

echo "systemd has nothing to say against the units"
cp --no-clobber /usr/lib/systemd/system/*.{target,slice,mount,socket} "$root/usr/lib/systemd/system"
said=$(cd "$root" && systemd-analyze verify --man=no --root="$root" usr/lib/systemd/system/modelops-* 2>&1) || true
[ -z "$said" ] || { echo "$said" >&2; exit 1; }

# listening <log> <words>: the number after these words, once the program has printed them
listening() {
  local found
  until found=$(sed -n "s/.*$2\([0-9]*\).*/\1/p" "$1" | head -n 1) && [ -n "$found" ]; do
    kill -0 "$running" 2>/dev/null || { cat "$1" >&2; return 1; }
    sleep 0.1
  done
  echo "$found"
}

echo "the control plane starts with the configuration that is installed"
"$root/usr/bin/modelops" serve --config "$root/etc/modelops/modelops.yaml" --api.port=0 --web.port=0 \
  --data.folder="$root/data" --data.key_file="$root/master.key" >"$root/serve.log" 2>&1 &
running=$!
port=$(listening "$root/serve.log" "the API listens on port ")
curl --silent --show-error --fail "http://127.0.0.1:$port/readyz" >/dev/null
kill "$running"
wait "$running"

echo "the engine that comes along answers"
"$root/usr/bin/modelops" runtime --port 0 --model digits=examples/digits/digits.onnx \
  --library "$root/usr/lib/modelops/engines/onnxruntime/current/lib/libonnxruntime.so" >"$root/runtime.log" 2>&1 &
running=$!
port=$(listening "$root/runtime.log" "port[\": ]*")
sed -n '2s/.*\[\(.*\)\].*/{"inputs":[{"name":"pixels","shape":[1,64],"datatype":"FP32","data":[\1]}]}/p' \
  examples/digits/test_set.json >"$root/request.json"
curl --silent --show-error --fail --data "@$root/request.json" --header 'Content-Type: application/json' \
  "http://127.0.0.1:$port/v2/models/digits/infer" | grep -q '"outputs"'
echo "all of it is there and works"
