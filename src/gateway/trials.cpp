#include "gateway/trials.hpp"

#include "deployments/types.hpp"

namespace modelops::gateway {
namespace {

constexpr std::chrono::minutes lifetime{10};

}  // namespace

Trial Trials::begin(const Context& ctx, const TryDeployment& request) {
  if (!ctx.may(deployments::deployments_read))
    fail(ErrorCode::forbidden, fmt::format("This needs the permission {} too. Ask an administrator for a role that "
                                           "has it.",
                                           deployments::deployments_read.name));
  return database_.write(ctx, [&](db::Tx& tx) {
    Callable found = source_.find(tx, ctx, request.deployment);
    // A public one can be looked at from everywhere; who calls it needs a key of its organisation.
    if (found.org_id != ctx.org_id)
      fail(ErrorCode::forbidden, "This deployment belongs to another organization: you may only read it.");
    const identity::NewApiKey key =
        identity_.make_temporary_key(tx, ctx, "try deployment " + found.name, inference_call, lifetime);
    Trial out;
    out.id = key.id;
    out.token = key.token;
    out.expires_at = key.expires_at.value();
    out.gateway_url = gateway_url_;
    out.serve_path = fmt::format("/serve/{}/{}", found.organization, found.name);
    out.model = found.name;
    out.engine = std::move(found.engine);
    out.engine_model = std::move(found.engine_model);
    out.interface = std::move(found.interface);
    out.inputs = std::move(found.inputs);
    out.outputs = std::move(found.outputs);
    return out;
  });
}

}  // namespace modelops::gateway
