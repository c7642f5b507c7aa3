#include "registry/quotas.hpp"

#include "registry/transfer_store.hpp"

namespace modelops::registry {

StorageUsage Quotas::usage(const Context& ctx, const identity::Nothing&) {
  return database_.read([&](db::Tx& tx) { return usage_of(tx, ctx.org_id); });
}

StorageUsage Quotas::set(const Context& ctx, const SetStorageQuota& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    const auto org_id = store::find_organization(tx, request.organization.str());
    if (!org_id) fail(ErrorCode::not_found, fmt::format("There is no organization '{}'.", request.organization.str()));
    store::put_storage_quota(tx, {*org_id, request.bytes_max.number(), request.transfers_max.number()});
    Context of_org = ctx;
    of_org.org_id = org_id->str();
    audit_.record(tx, of_org,
                  {"storage_quota.set",
                   "organization",
                   org_id->str(),
                   {{"bytes_max", request.bytes_max.number()}, {"transfers_max", request.transfers_max.number()}}});
    return usage_of(tx, org_id->str());
  });
}

StorageUsage Quotas::usage_of(db::Tx& tx, const std::string& org_id) {
  StorageUsage out = store::storage_usage(tx, org_id);
  const auto own = store::find_storage_quota(tx, org_id);
  out.bytes_max = own ? own->bytes_max : defaults_.bytes_max;
  out.transfers_max = own ? own->transfers_max : defaults_.transfers_max;
  return out;
}

void Quotas::check(db::Tx& tx, const std::string& org_id) {
  const StorageUsage now = usage_of(tx, org_id);
  if (now.bytes_kept + now.bytes_pending > now.bytes_max)
    fail(
        ErrorCode::too_large,
        fmt::format("Your organization may keep {} bytes; with this it would keep {} and await {} more. Delete models, "
                    "versions or uploads that nobody needs, or ask whoever runs this installation for a larger quota.",
                    now.bytes_max, now.bytes_kept, now.bytes_pending));
  if (now.transfers_pending > now.transfers_max)
    fail(ErrorCode::too_many_requests,
         fmt::format("{} files of your organization may be on their way at once. Finish or delete some first.",
                     now.transfers_max));
}

}  // namespace modelops::registry
