#include "targets/machines.hpp"

#include "base/text.hpp"
#include "platform/crypto/token.hpp"
#include "platform/jobs/waiting.hpp"
#include "platform/storage/download.hpp"
#include "targets/store.hpp"

namespace modelops::targets {
namespace {

constexpr std::size_t inventory_bytes_max = 64 * 1024;

void check_protocol(int protocol) {
  if (protocol < 1 || protocol > protocol_version)
    fail_field("/protocol",
               fmt::format("must be 1 to {}: use an agent and a server of the same release", protocol_version));
}

std::string checked_key(std::string_view pointer, const std::string& key) {
  const auto raw = from_base64url(key);
  if (!raw || raw->size() != 32) fail_field(std::string(pointer), "must be 32 bytes in base64url");
  return key;
}

Inventory checked(const Inventory& inventory) {
  if (reflect::to_json(inventory).size() > inventory_bytes_max)
    fail_field("/inventory", fmt::format("must not be larger than {} bytes", inventory_bytes_max));
  return inventory;
}

}  // namespace

std::string printable(std::string_view text, std::size_t bytes_max) {
  std::size_t size = std::min(text.size(), bytes_max);
  // Never through the middle of a character.
  while (size < text.size() && size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  std::string out(text.substr(0, size));
  for (char& c : out)
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7f) c = ' ';
  return out;
}

Enrolled Machines::enrolled(db::Tx& tx, const std::string& org_id, const std::string& machine_id,
                            const ServerKeys::Key& key) const {
  const auto machine = store::find_machine(tx, machine_id);
  const auto target = store::find_target_of(tx, org_id, machine_id);
  return {machine_id, target ? target->id.str() : "",    org_id,
          key.id,     to_base64url(key.pair.public_key), machine->expires_at.value()};
}

Enrolled Machines::enroll(const Context& ctx, const EnrollMachine& request) {
  check_protocol(request.protocol);
  const ServerKeys::Key key = keys_.active();
  const std::string& token = *request.token;
  guesses_.require_left(ctx.remote_address);
  const auto refuse = [&] {
    guesses_.take(ctx.remote_address);
    audit_.unknown_failure("enrollment_token", ctx.remote_address);
    fail(ErrorCode::unauthenticated,
         "The enrollment token is unknown, used or expired. Make a new one: each works once, for 15 minutes.");
  };
  if (!crypto::is_token(token, "enroll")) refuse();
  MachineRow changed;
  changed.public_key = checked_key("/public_key", request.public_key);
  changed.sealing_key = checked_key("/sealing_key", request.sealing_key);
  changed.program_version = printable(request.version, 64);
  changed.inventory = checked(request.inventory);
  const Time now = clock_.now();
  auto out = database_.write([&](db::Tx& tx) -> std::optional<Enrolled> {
    const auto found = store::take_token(tx, crypto::token_digest(token));
    if (!found || found->expires_at <= now) return std::nullopt;
    MachineRow machine = *store::find_machine(tx, found->machine_id.str());
    machine.public_key = changed.public_key;
    machine.sealing_key = changed.sealing_key;
    machine.program_version = changed.program_version;
    machine.inventory = changed.inventory;
    machine.server_key_id = key.id;
    machine.state = MachineState::online;
    machine.last_seen_at = now;
    machine.expires_at = now + machine_key_age_max;
    machine.log_batch = 0;
    machine.row_version += 1;
    store::update_machine(tx, machine, machine.row_version - 1);
    const Machine actor{machine.org_id, machine.id.str(), machine.kind, {}, {}, {}, {}};
    audit_.record(tx, machine_context(actor),
                  {"machine.enroll", "machine", machine.id.str(), {{"name", machine.name}}});
    jobs::announce(tx, topics_, machines_topic);
    return enrolled(tx, machine.org_id, machine.id.str(), key);
  });
  if (!out) refuse();
  return *out;
}

http::Answer Machines::renew(const Context&, const RenewMachine& request, const http::Request& raw) {
  return access_.answer(raw, std::nullopt, [&](const Machine& machine) {
    check_protocol(request.protocol);
    const ServerKeys::Key key = keys_.active();
    http::Response response;
    response.headers.set("Content-Type", "application/json");
    response.body = reflect::to_json(database_.write([&](db::Tx& tx) {
      MachineRow row = *store::find_machine(tx, machine.id);
      if (request.public_key) row.public_key = checked_key("/public_key", *request.public_key);
      if (request.sealing_key) row.sealing_key = checked_key("/sealing_key", *request.sealing_key);
      if (!request.version.empty()) row.program_version = printable(request.version, 64);
      row.server_key_id = key.id;
      row.expires_at = clock_.now() + machine_key_age_max;
      row.row_version += 1;
      store::update_machine(tx, row, row.row_version - 1);
      audit_.record(tx, machine_context(machine), {"machine.renew", "machine", machine.id});
      return enrolled(tx, machine.org_id, machine.id, key);
    }));
    return response;
  });
}

http::Answer Machines::desired(const Context&, const PollDesired& request, const http::Request& raw) {
  const Machine machine = access_.identify(raw);
  http::LongPoll poll;
  poll.topic = machine_topic(machine.id);
  poll.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(request.wait_s.number());
  poll.poll = [this, machine, after = request.after, id = raw.request_id](bool last) -> std::optional<http::Response> {
    bool nothing_new = false;
    http::Response response = access_.signed_answer(machine, id, [&] {
      DesiredState state;
      database_.read([&](db::Tx& tx) {
        access_.check(tx, machine, MachineKind::agent);
        state = {};
        state.generation = store::find_target_of(tx, machine.org_id, machine.id).value().generation;
        nothing_new = state.generation == after && !last;
        if (!nothing_new) state.replicas = desired_.desired(tx, machine);
      });
      http::Response made;
      made.headers.set("Content-Type", "application/json");
      if (!nothing_new) made.body = reflect::to_json(state);
      return made;
    });
    if (nothing_new) return std::nullopt;
    return response;
  };
  return poll;
}

http::Answer Machines::observed(const Context&, const ReportObserved& request, const http::Request& raw) {
  return access_.answer(raw, MachineKind::agent, [&](const Machine& machine) {
    check_protocol(request.protocol);
    if (request.replicas.size() > replicas_per_report_max)
      fail_field("/replicas", fmt::format("must not have more than {} entries", replicas_per_report_max));
    ReportObserved report = request;
    for (ObservedReplica& replica : report.replicas) {
      replica.replica_id = printable(replica.replica_id, 64);
      replica.reason = printable(replica.reason, 64);
      replica.message = printable(replica.message, 4096);
      replica.address = printable(replica.address, 256);
    }
    database_.write([&](db::Tx& tx) {
      if (report.inventory) {
        MachineRow row = *store::find_machine(tx, machine.id);
        if (reflect::to_json(row.inventory) != reflect::to_json(*report.inventory)) {
          row.inventory = checked(*report.inventory);
          row.row_version += 1;
          store::update_machine(tx, row, row.row_version - 1);
        }
      }
      sink_.observed(tx, machine, report);
    });
    return http::Response{204, {}, {}};
  });
}

http::Answer Machines::logs(const Context&, const ReportLogs& request, const http::Request& raw) {
  return access_.answer(raw, MachineKind::agent, [&](const Machine& machine) {
    if (request.lines.size() > log_lines_per_batch_max)
      fail_field("/lines", fmt::format("must not have more than {} entries", log_lines_per_batch_max));
    std::vector<ReplicaLogLine> lines = request.lines;
    for (ReplicaLogLine& line : lines) {
      line.replica_id = printable(line.replica_id, 64);
      line.stream = printable(line.stream, 16);
      line.line = printable(line.line, log_line_bytes_max);
    }
    database_.write([&](db::Tx& tx) {
      if (store::advance_log_batch(tx, machine.org_id, machine.id, request.batch)) sink_.logged(tx, machine, lines);
    });
    return http::Response{204, {}, {}};
  });
}

http::Answer Machines::artifact(const Context&, const ArtifactReference& request, const http::Request& raw) {
  const Machine machine = access_.authenticate(raw, MachineKind::agent);
  const std::string& sha256 = request.sha256.str();
  const auto owner = database_.read([&](db::Tx& tx) { return desired_.artifact_owner(tx, machine, sha256); });
  auto blob = owner ? artifacts_.open(*owner, sha256) : nullptr;
  if (!blob) fail(ErrorCode::not_found, "Nothing that should run here needs this file.");
  return storage::download(std::move(blob), sha256, raw.headers.get("Range"));
}

}  // namespace modelops::targets
