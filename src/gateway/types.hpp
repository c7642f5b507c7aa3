#pragma once
#include "base/text.hpp"
#include "gateway/wire.hpp"
#include "identity/types.hpp"
#include "registry/analysis/types.hpp"

namespace modelops::gateway {

/// Call the endpoints of one's organisation.
inline constexpr Permission inference_call{"inference:call"};

/// Notified when there is a new snapshot.
inline constexpr const char* snapshot_topic = "gateway/snapshot";

/// "https://models.example.org" or "http://localhost:3000".
struct OriginRule {
  static bool accepts(std::string_view text) {
    const std::size_t host = text.find("://");
    return reflect::detail::is_url(text) && text.find_first_of("/?#", host + 3) == std::string_view::npos &&
           to_lower_ascii(text) == text;
  }
  static std::string says() { return "must be an origin such as https://models.example.org: no path, in lower case"; }
  static constexpr std::string_view pattern = "";
  static constexpr std::string_view format = "uri";
  static constexpr std::size_t min = 8;
  static constexpr std::size_t max = 2048;
};
using Origin = reflect::Text<OriginRule>;

struct PollSnapshot {
  std::int64_t after = 0;
  reflect::Ranged<0, 55> wait_s = reflect::Ranged<0, 55>::of<55>();
  static constexpr reflect::Doc docs[] = {{"after", "The version that the gateway follows; 0: none"},
                                          {"wait_s", "How long the answer may take when nothing has changed"}};
};
MODELOPS_DESCRIBE(PollSnapshot, after, wait_s);

// ---------------------------------------------------------------------------------------------- trying it

struct TryDeployment {
  identity::Reference deployment;
};
MODELOPS_DESCRIBE(TryDeployment, deployment);

/// All that a page needs to call a deployment by itself: inference never travels over the control plane.
struct Trial {
  identity::ApiKeyId id;
  std::string token;
  Time expires_at;
  std::string gateway_url;
  std::string serve_path;
  std::string model;
  std::string engine;
  std::string engine_model;
  std::string interface;
  std::vector<registry::TensorPort> inputs;
  std::vector<registry::TensorPort> outputs;
  std::int64_t retry_after_ms = 250;
  std::int64_t retry_for_ms = 5'000;
  static constexpr reflect::Doc docs[] = {
      {"token", "An API key of yours that may only call endpoints: \"Authorization: Bearer …\". Shown once"},
      {"expires_at", "Then the token ends by itself"},
      {"gateway_url", "Where to call: from the page, not over this API"},
      {"serve_path", "The engine's own paths follow: {serve_path}/v2/models/{engine_model}/infer"},
      {"model", "\"model\" of the OpenAI-compatible API: {gateway_url}/v1/chat/completions"},
      {"engine_model", "What the engine calls the model in its own paths"},
      {"inputs", "Tensors, as analysis found them; empty for text and where it found none"},
      {"retry_after_ms",
       "Gateways hear of the token within about two seconds. One that answers 401 has not yet: call again after this"},
      {"retry_for_ms", "After this a 401 is final"}};
};
MODELOPS_DESCRIBE(Trial, id, token, expires_at, gateway_url, serve_path, model, engine, engine_model, interface, inputs,
                  outputs, retry_after_ms, retry_for_ms);

}  // namespace modelops::gateway
