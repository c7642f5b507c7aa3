#pragma once
// The routing snapshot: all that a gateway knows. Long-polled by GET
// /api/v1/gateway/snapshot?after=<version>&wait_s=55, signed like every answer to a machine (targets/wire.hpp), kept on
// disk, and good while the server is away.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "reflect/describe.hpp"

namespace modelops::gateway {

struct Replica {
  std::string id;
  std::string address;  ///< "127.0.0.1:41234"
};
MODELOPS_DESCRIBE(Replica, id, address);

/// One deployment as an endpoint: /serve/{organization}/{deployment}/… and its names in the OpenAI-compatible API.
struct Route {
  std::string organization;
  std::string deployment;
  std::string deployment_id;
  std::string environment;
  std::string engine;
  std::string interface;                 ///< chat, completion, embedding or custom
  std::string engine_model;              ///< what the engine calls the model: "model" is rewritten to it
  std::vector<std::string> model_names;  ///< "digits", "digits@production": what callers may name
  std::vector<Replica> replicas;         ///< ready ones only
  std::string unavailable_reason;        ///< why there is none, for the 503
  std::int64_t timeout_ms = 300'000;
  std::int64_t concurrency_max = 64;  ///< per replica; more wait
  std::int64_t queue_max = 256;       ///< waiting requests; more get 429
  std::int64_t queue_wait_ms_max = 30'000;
};
MODELOPS_DESCRIBE(Route, organization, deployment, deployment_id, environment, engine, interface, engine_model,
                  model_names, replicas, unavailable_reason, timeout_ms, concurrency_max, queue_max, queue_wait_ms_max);

/// An API key that may call endpoints of its organisation (permission inference:call).
struct Key {
  std::string digest;  ///< SHA-256 of the token, as stored
  std::string id;
  std::string organization;
  std::optional<Time> expires_at;
  double requests_per_second = 100;
  double burst = 200;
};
MODELOPS_DESCRIBE(Key, digest, id, organization, expires_at, requests_per_second, burst);

struct Snapshot {
  int protocol = 1;
  std::int64_t version = 0;
  Time issued_at;
  std::vector<Route> routes;
  std::vector<Key> keys;
  std::vector<std::string> cors_origins;  ///< "https://models.example.org": whose pages may call from a browser
};
MODELOPS_DESCRIBE(Snapshot, protocol, version, issued_at, routes, keys, cors_origins);

}  // namespace modelops::gateway
