#include "gateway/service.hpp"

#include "gateway/store.hpp"
#include "reflect/json.hpp"

namespace modelops::gateway {

bool Service::serves_all(db::Tx& tx, const targets::Machine& machine) const {
  return runs_installation(tx, machine.org_id);
}

bool Service::runs_installation(db::Tx& tx, const std::string& org_id) const {
  return org_id == store::first_organization(tx);
}

std::string Service::organization_name(db::Tx& tx, const std::string& org_id) const {
  return store::organization_name(tx, org_id);
}

Snapshot Service::snapshot_for(db::Tx& tx, const targets::Machine& machine) const {
  const auto row = store::find_snapshot(tx);
  if (!row) return {};
  Snapshot snapshot = reflect::from_stored_json<Snapshot>(row->document);
  if (!serves_all(tx, machine)) {
    const std::string own = store::organization_name(tx, machine.org_id);
    std::erase_if(snapshot.routes, [&](const Route& route) { return route.organization != own; });
    std::erase_if(snapshot.keys, [&](const Key& key) { return key.organization != own; });
  }
  return snapshot;
}

http::Answer Service::snapshot(const Context&, const PollSnapshot& request, const http::Request& raw) {
  const targets::Machine machine = access_.identify(raw);
  http::LongPoll poll;
  poll.topic = snapshot_topic;
  poll.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(request.wait_s.number());
  poll.poll = [this, machine, after = request.after, id = raw.request_id](bool last) -> std::optional<http::Response> {
    bool nothing_new = false;
    http::Response response = access_.signed_answer(machine, id, [&] {
      http::Response made;
      made.headers.set("Content-Type", "application/json");
      made.body = database_.read([&](db::Tx& tx) {
        access_.check(tx, machine, targets::MachineKind::gateway);
        nothing_new = store::version(tx) == after && !last;
        return nothing_new ? std::string() : reflect::to_json(snapshot_for(tx, machine));
      });
      return made;
    });
    if (nothing_new) return std::nullopt;
    return response;
  };
  return poll;
}

}  // namespace modelops::gateway
