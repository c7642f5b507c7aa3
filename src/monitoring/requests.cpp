#include "monitoring/requests.hpp"

#include "base/error.hpp"
#include "monitoring/store.hpp"

namespace modelops::monitoring {
namespace {

/// `url` with the trace's id in its place.
std::string link_of(std::string url, const std::string& trace_id) {
  constexpr std::string_view place = "{trace_id}";
  if (const auto at = url.find(place); at != url.npos) url.replace(at, place.size(), trace_id);
  return url;
}

}  // namespace

/// Who calls a public deployment is known to its organisation only.
deployments::DeploymentKey Requests::own_deployment(db::Tx& tx, const Context& ctx, const Reference& reference) {
  deployments::DeploymentKey key = deployments_.key_of(tx, ctx, reference);
  if (key.org_id != ctx.org_id)
    fail(ErrorCode::not_found, "Single requests are shown to the organization whose deployment it is.");
  return key;
}

RecentRequestPage Requests::list(const Context& ctx, const ListRecentRequests& request) {
  return database_.read([&](db::Tx& tx) {
    const deployments::DeploymentKey key = own_deployment(tx, ctx, request.deployment);
    return store::recent_requests(tx, key.org_id, key.id.str(), request);
  });
}

RecentRequestDetail Requests::get(const Context& ctx, const GetRecentRequest& request) {
  return database_.read([&](db::Tx& tx) {
    const deployments::DeploymentKey key = own_deployment(tx, ctx, request.deployment);
    auto found = store::recent_request(tx, key.org_id, key.id.str(), request.request_id.str());
    if (!found)
      fail(ErrorCode::not_found,
           fmt::format("The request {} of this deployment is not kept: those that failed are, and a share of the "
                       "others, the newest {} within a day. Gateways tell of them within a few seconds.",
                       request.request_id.str(), recent_requests_max));
    RecentRequestDetail out{key.id, std::move(found->request), std::move(found->key_id), {}, std::move(found->spans)};
    if (!trace_url_.empty()) out.trace_url = link_of(trace_url_, out.request.trace_id);
    return out;
  });
}

}  // namespace modelops::monitoring
