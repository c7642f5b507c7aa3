#include "gateway/snapshots.hpp"

#include <tuple>

#include "gateway/store.hpp"
#include "gateway/types.hpp"
#include "platform/crypto/hash.hpp"
#include "platform/jobs/waiting.hpp"
#include "reflect/json.hpp"

namespace modelops::gateway {

void Snapshots::reconcile(const jobs::Fence& fence) {
  const Time now = clock_.now();
  std::int64_t version = 0;
  std::string known_digest;
  Snapshot snapshot = database_.read([&](db::Tx& tx) {
    version = 0;
    known_digest.clear();
    if (const auto row = store::find_snapshot(tx)) {
      version = row->version;
      known_digest = row->digest;
    }
    Snapshot made;
    made.routes = source_.routes(tx);
    made.keys = store::callers(tx, now);
    made.cors_origins = cors_origins_;
    return made;
  });
  std::ranges::sort(snapshot.routes, [](const Route& a, const Route& b) {
    return std::tie(a.organization, a.deployment) < std::tie(b.organization, b.deployment);
  });
  // Without version and time, so that only the content counts.
  const std::string digest = crypto::sha256_hex(reflect::to_json(snapshot));
  if (digest == known_digest) return;
  snapshot.version = version + 1;
  snapshot.issued_at = now;
  const SnapshotRow row{.version = snapshot.version, .digest = digest, .document = reflect::to_json(snapshot)};
  database_.write([&](db::Tx& tx) {
    // Nobody else can have stored one since: the fence is ours.
    fence.check(tx);
    store::put_snapshot(tx, row);
    jobs::announce(tx, topics_, snapshot_topic);
  });
}

}  // namespace modelops::gateway
