#pragma once
#include <functional>
#include <string>
#include <vector>

#include "cli/api.hpp"

namespace modelops::cli {

/// What several calls make together, for the command line and for `modelops up`.

/// Follows an operation to its end with a progress line. Throws Error with its problem when it did not succeed.
boost::json::value wait_for_operation(Api& api, const std::string& operation_id, const std::string& label);
/// Follows a deployment until it is healthy (or `stopped` when that is wanted). Throws Error when it failed or when
/// `seconds_max` passed, with the reason the server gives.
boost::json::value wait_for_deployment(Api& api, const std::string& deployment, const std::string& wanted,
                                       int seconds_max);

/// One call of a chat model through the gateway, streamed.
struct ChatResult {
  std::string text;
  double first_token_ms = 0;
  double total_ms = 0;
  std::int64_t tokens = 0;
  double tokens_per_second = 0;
};
ChatResult chat(Api& api, const std::string& model, const std::string& message, std::int64_t tokens_max,
                const std::function<void(std::string_view)>& piece);

/// A request to a deployment's engine through the gateway. One that is ready may not have reached the gateway yet, so
/// "not known" and "not ready" are asked again for a moment while the control plane says that it is.
std::string call_deployment(Api& api, const std::string& deployment, const std::string& engine_path,
                            const std::string& body);

/// A member as text; empty when it is absent or null.
std::string text_member(const boost::json::value& object, std::string_view name);

}  // namespace modelops::cli
