#include "targets/machine_access.hpp"

#include "base/text.hpp"
#include "platform/db/data_keys.hpp"
#include "platform/jobs/waiting.hpp"
#include "targets/store.hpp"

namespace modelops::targets {
namespace {

/// The owner of the data key that seals the server's private keys.
crypto::KeyOwner installation() { return {"installation"}; }

struct ServerKeyTag {
  static constexpr std::string_view prefix = "svk";
};

/// Requests of one machine that come at the same time must not contend for its row.
constexpr std::chrono::seconds seen_precision{1};

[[noreturn]] void refuse(std::string message) { fail(ErrorCode::unauthenticated, std::move(message)); }

[[noreturn]] void refuse_signature() {
  refuse("The request is not signed by an enrolled machine. Enroll again with a new token.");
}

}  // namespace

std::string machine_topic(std::string_view machine_id) { return fmt::format("machine/{}", machine_id); }

Context machine_context(const Machine& machine) {
  Context ctx;
  ctx.org_id = machine.org_id;
  ctx.actor.kind = ActorKind::agent;
  ctx.actor.id = machine.id;
  ctx.actor.name = machine.id;
  return ctx;
}

// ------------------------------------------------------------------------------------------ server keys

std::string ServerKeys::make(db::Tx& tx) {
  const crypto::KeyPair pair = crypto::make_signing_key();
  const std::string id = Id<ServerKeyTag>::make().str();
  db::TxDataKeys data_keys(tx);
  const std::string sealed =
      crypto::SecretBox(keyring_, data_keys).seal(installation(), id + "/private_key", pair.private_key.reveal());
  tx.insert("server_keys", ServerKeyRow{id, to_base64url(pair.public_key), sealed, clock_.now()});
  return id;
}

ServerKeys::Key ServerKeys::active() {
  const auto newest = database_.read([](db::Tx& tx) { return store::newest_server_key(tx); });
  if (newest) return get(newest->id);
  return get(database_.write([&](db::Tx& tx) {
    const auto made_meanwhile = store::newest_server_key(tx);
    return made_meanwhile ? made_meanwhile->id : make(tx);
  }));
}

std::string ServerKeys::rotate() {
  return database_.write([&](db::Tx& tx) { return make(tx); });
}

bool ServerKeys::knows(const std::string& id) {
  {
    std::lock_guard lock(mutex_);
    if (keys_.contains(id)) return true;
  }
  return database_.read([&](db::Tx& tx) { return store::find_server_key(tx, id).has_value(); });
}

ServerKeys::Key ServerKeys::get(const std::string& id) {
  {
    std::lock_guard lock(mutex_);
    if (const auto found = keys_.find(id); found != keys_.end()) return found->second;
  }
  Secret private_key = database_.read([&](db::Tx& tx) {
    const auto row = store::find_server_key(tx, id);
    if (!row) fail(ErrorCode::internal, "The server has lost a signing key.", id);
    db::TxDataKeys data_keys(tx);
    return crypto::SecretBox(keyring_, data_keys).open(installation(), id + "/private_key", row->sealed_private_key);
  });
  Key key{id, crypto::signing_key_from(std::move(private_key))};
  std::lock_guard lock(mutex_);
  return keys_.emplace(id, std::move(key)).first->second;
}

// --------------------------------------------------------------------------------------- authentication

Machine MachineAccess::identify(const http::Request& request) {
  const std::string id(request.headers.get("X-ModelOps-Machine"));
  const std::string time_text(request.headers.get("X-ModelOps-Time"));
  const std::string nonce(request.headers.get("X-ModelOps-Nonce"));
  const auto signature = from_base64url(request.headers.get("X-ModelOps-Signature"));
  const auto nonce_bytes = from_base64url(nonce);
  const auto time = parse_int(time_text);
  if (id.empty() && time_text.empty()) refuse("Only enrolled machines may ask this; people use the rest of the API.");
  if (!MachineId::parse(id) || !signature || !nonce_bytes || nonce_bytes->size() != 16 || !time) refuse_signature();

  const auto row = database_.read([&](db::Tx& tx) { return store::find_machine(tx, id); });
  const std::string target = request.query.empty() ? request.path : request.path + "?" + request.query;
  const std::string signed_text =
      request_to_sign(http::method_name(request.method), target, request.body, time_text, nonce);
  if (!row || !row->public_key || !crypto::verify(from_base64url(*row->public_key).value(), signed_text, *signature)) {
    audit_.unknown_failure("machine", request.remote_address);
    refuse_signature();
  }
  const Time now = clock_.now();
  const auto skew = std::chrono::microseconds(clock_skew_max).count();
  // Compared without a subtraction that a hostile number could overflow.
  if (*time > now.us + skew || *time < now.us - skew)
    refuse(fmt::format("The request is dated more than {} minutes from the server's time {}. Set this machine's clock.",
                       clock_skew_max.count(), format_rfc3339(now)));

  return database_.write([&](db::Tx& tx) {
    auto machine = store::find_machine(tx, id);
    if (!machine || machine->public_key != row->public_key) refuse_signature();
    if (!store::add_nonce(tx, id, nonce, now)) refuse("This request was made before. Sign each one with a new nonce.");
    if (machine->state == MachineState::offline) {
      machine->state = MachineState::online;
      machine->last_seen_at = now;
      machine->row_version += 1;
      store::update_machine(tx, *machine, machine->row_version - 1);
      jobs::announce(tx, topics_, machines_topic);
    } else if (machine->state == MachineState::online && machine->last_seen_at.value() + seen_precision <= now) {
      store::touch_machine(tx, machine->org_id, id, now);
    }
    Machine out{
        machine->org_id, id, machine->kind, {}, from_base64url(machine->sealing_key.value()).value(), {}, nonce};
    if (const auto own = store::find_target_of(tx, machine->org_id, id)) out.target_id = own->id.str();
    const std::string pinned(request.headers.get("X-ModelOps-Server-Key"));
    out.server_key_id = !pinned.empty() && keys_.knows(pinned) ? pinned : machine->server_key_id.value();
    return out;
  });
}

void MachineAccess::check(db::Tx& tx, const Machine& machine, std::optional<MachineKind> kind) {
  const auto row = store::find_machine(tx, machine.id);
  if (!row || !row->sealing_key || from_base64url(*row->sealing_key).value() != machine.sealing_key) refuse_signature();
  if (row->state == MachineState::revoked)
    refuse("This machine was revoked. Make a new enrollment token and enroll again.");
  if (!row->expires_at || *row->expires_at <= clock_.now())
    refuse("This machine's key has expired. Make a new enrollment token and enroll again.");
  if (kind && machine.kind != *kind)
    fail(ErrorCode::forbidden, fmt::format("Only an enrolled {} may ask this.", reflect::enum_name(*kind)));
}

Machine MachineAccess::authenticate(const http::Request& request, std::optional<MachineKind> kind) {
  Machine machine = identify(request);
  database_.read([&](db::Tx& tx) { check(tx, machine, kind); });
  return machine;
}

http::Response MachineAccess::sign(const Machine& machine, http::Response response) {
  const ServerKeys::Key key = keys_.get(machine.server_key_id);
  const std::string text = answer_to_sign(machine.nonce, response.status, response.body);
  response.headers.set("X-ModelOps-Key", key.id);
  response.headers.set("X-ModelOps-Signature", to_base64url(crypto::sign(key.pair.private_key, text)));
  return response;
}

}  // namespace modelops::targets
