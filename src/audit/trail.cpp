#include "audit/trail.hpp"

#include <arpa/inet.h>

#include "base/text.hpp"
#include "platform/db/data_keys.hpp"

namespace modelops::audit {
namespace {

constexpr std::chrono::seconds write_interval{1};
constexpr std::int64_t hour_us = 3'600'000'000;

Time window_of(Time time) { return {time.us - time.us % std::chrono::microseconds(denials_window).count()}; }

/// Never empty: an empty subject would be the organisation's own key.
std::string actor_id(const Context& ctx) {
  return ctx.actor.id.empty() ? std::string(reflect::enum_name(ctx.actor.kind)) : ctx.actor.id;
}

}  // namespace

std::string address_prefix(std::string_view address) {
  const std::string text(address);
  unsigned char bytes[16] = {};
  if (inet_pton(AF_INET, text.c_str(), bytes) == 1) return fmt::format("{}.{}.{}.0/24", bytes[0], bytes[1], bytes[2]);
  if (inet_pton(AF_INET6, text.c_str(), bytes) != 1) return "unknown";
  constexpr unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(std::begin(mapped), std::end(mapped), bytes))
    return fmt::format("{}.{}.{}.0/24", bytes[12], bytes[13], bytes[14]);
  std::fill(bytes + 6, bytes + 16, static_cast<unsigned char>(0));
  char out[INET6_ADDRSTRLEN] = {};
  inet_ntop(AF_INET6, bytes, out, sizeof out);
  return fmt::format("{}/48", out);
}

void Trail::insert(db::Tx& tx, const Context& ctx, const identity::Act& act, Outcome outcome) {
  if (ctx.org_id.empty()) fail(ErrorCode::internal, "An act cannot be recorded.", "it belongs to no organisation");
  RecordRow row;
  row.org_id = ctx.org_id;
  row.id = RecordId::make();
  row.time = clock_.now();
  row.actor_kind = ctx.actor.kind;
  row.actor_id = actor_id(ctx);
  row.action = act.action;
  row.subject_kind = act.subject_kind;
  row.subject_id = act.subject_id;
  row.outcome = outcome;
  row.request_id = ctx.request_id;

  const std::string payload_salt = make_salt();
  row.payload = reflect::to_json(RecordedAct{row.actor_kind, row.actor_id, row.action, row.subject_kind, row.subject_id,
                                             row.outcome, row.request_id, act.data});
  if (row.payload->size() > act_bytes_max)
    fail(ErrorCode::too_large, "This change is too large to be recorded in the audit trail. Make it in smaller parts.");
  row.payload_salt = to_hex(payload_salt);
  row.payload_hash = to_hex(salted_hash(payload_salt, *row.payload));

  if (!ctx.actor.name.empty() || !ctx.remote_address.empty()) {
    const std::string personal_salt = make_salt();
    const std::string personal = reflect::to_json(RecordedPerson{ctx.actor.name, ctx.remote_address});
    row.personal_hash = to_hex(salted_hash(personal_salt, personal));
    db::TxDataKeys keys(tx);
    row.personal = crypto::SecretBox(keyring_, keys)
                       .seal({row.org_id, row.actor_id}, personal_object(row.id), personal_salt + personal);
  }
  tx.insert("audit_records", row);
}

void Trail::record(db::Tx& tx, const Context& ctx, const identity::Act& act) {
  insert(tx, ctx, act, Outcome::succeeded);
}

void Trail::denied(const Context& ctx, std::string_view permission, std::string_view reason) {
  if (ctx.org_id.empty()) {
    unknown_failure("denied", ctx.remote_address);
    return;
  }
  const Time now = clock_.now();
  bool due = false;
  {
    const std::lock_guard lock(mutex_);
    const Time window = window_of(now);
    Denials& denials = denials_[{window, ctx.org_id, actor_id(ctx), std::string(permission)}];
    if (denials.recorded >= denials_recorded_singly) {
      count({ctx.org_id, ctx.actor.kind, actor_id(ctx), std::string(permission), window, 1, std::string(reason), now,
             now});
      if (!is_due(now)) return;
      due = true;
    } else {
      ++denials.recorded;
    }
  }
  if (due) return flush();
  const identity::Act act{"access.denied", "permission", std::string(permission), {{"reason", reason}}};
  database_.write([&](db::Tx& tx) { insert(tx, ctx, act, Outcome::denied); });
}

void Trail::count(const DenialRow& denial) {
  auto& sum = denials_[{denial.window_start, denial.org_id, denial.actor_id, denial.permission}].uncounted;
  if (!sum) {
    sum = denial;
    return;
  }
  sum->denials += denial.denials;
  sum->first_at = std::min(sum->first_at, denial.first_at);
  if (denial.last_at >= sum->last_at) sum->reason = denial.reason;
  sum->last_at = std::max(sum->last_at, denial.last_at);
}

void Trail::count(Source source, const Failures& failures) {
  if (counted_.size() >= security_events_per_hour_max && !counted_.contains(source)) source.second = "other";
  Failures& sum = counted_[std::move(source)];
  if (sum.count == 0 || failures.first < sum.first) sum.first = failures.first;
  sum.last = std::max(sum.last, failures.last);
  sum.count += failures.count;
}

bool Trail::is_due(Time now) {
  if (now >= last_write_ && now - last_write_ < write_interval) return false;
  last_write_ = now;
  return true;
}

void Trail::unknown_failure(std::string_view kind, std::string_view remote_address) {
  const Time now = clock_.now();
  {
    const std::lock_guard lock(mutex_);
    count({std::string(kind), address_prefix(remote_address)}, {1, now, now});
    if (!is_due(now)) return;
  }
  flush();
}

void Trail::flush() noexcept {
  Counted failures;
  std::vector<DenialRow> denials;
  try {
    const Time window = window_of(clock_.now());
    bool window_ended = false;
    {
      const std::lock_guard lock(mutex_);
      failures.swap(counted_);
      for (auto entry = denials_.begin(); entry != denials_.end();) {
        if (auto& row = entry->second.uncounted) denials.push_back(std::move(*row));
        entry->second.uncounted.reset();
        entry = entry->first.window < window ? denials_.erase(entry) : std::next(entry);
      }
      window_ended = recorded_before_ != window;
    }
    if (!failures.empty()) write_failures(failures);
    failures.clear();
    if (!denials.empty()) write_denials(denials);
    denials.clear();
    if (window_ended) record_ended_windows(window);
  } catch (...) {
    Log().warning("audit counts were not written yet", {{"error", describe_current_exception()}});
    const std::lock_guard lock(mutex_);
    for (const auto& [source, sum] : failures) count(source, sum);
    for (const DenialRow& row : denials) count(row);
  }
}

void Trail::write_failures(const Counted& counted) {
  database_.write([&](db::Tx& tx) {
    store::remove_security_events(tx, clock_.now() - security_events_kept);
    for (const auto& [source, failures] : counted) {
      const Time hour{failures.last.us - failures.last.us % hour_us};
      store::add_failures(
          tx,
          {SecurityEventId::make(), source.first, source.second, hour, failures.count, failures.first, failures.last},
          security_events_per_hour_max);
    }
  });
}

void Trail::write_denials(const std::vector<DenialRow>& denials) {
  database_.write([&](db::Tx& tx) {
    for (const DenialRow& row : denials) store::add_denials(tx, row);
  });
}

void Trail::record_ended_windows(Time window) {
  database_.write([&](db::Tx& tx) {
    for (const DenialRow& row : store::take_denials(tx, window)) {
      Context ctx;
      ctx.org_id = row.org_id;
      ctx.actor.kind = row.actor_kind;
      ctx.actor.id = row.actor_id;
      insert(tx, ctx,
             {"access.denied",
              "permission",
              row.permission,
              {{"reason", row.reason},
               {"further_denials", row.denials},
               {"first_at", format_rfc3339(row.first_at)},
               {"last_at", format_rfc3339(row.last_at)}}},
             Outcome::denied);
    }
  });
  const std::lock_guard lock(mutex_);
  recorded_before_ = window;
}

}  // namespace modelops::audit
