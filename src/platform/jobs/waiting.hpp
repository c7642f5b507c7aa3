#pragma once
// How threads wait for work, and how work wakes them.
#include <chrono>
#include <stop_token>
#include <string>
#include <string_view>

#include "platform/db/database.hpp"
#include "platform/events/topics.hpp"

namespace modelops::jobs {

/// Blocks until `topic` was notified beyond `seen`, `timeout` has passed, or `stop` is requested.
void wait_for(events::Topics& topics, std::string_view topic, std::uint64_t seen, std::chrono::milliseconds timeout,
              const std::stop_token& stop);
/// Blocks for `timeout`, or until `stop` is requested.
void pause_for(std::chrono::milliseconds timeout, const std::stop_token& stop);

/// Wakes who waits for `topic` when this transaction has been committed: in this process, and on PostgreSQL in every
/// replica that listens (listener.hpp). A wake-up may get lost with a connection: whoever waits has a timer too.
void announce(db::Tx& tx, events::Topics& topics, std::string topic);

/// `first`, doubled with each further failure up to `longest`; less a random part of up to a half, so that those
/// who failed together do not come back together.
std::chrono::milliseconds back_off(int failures, std::chrono::milliseconds first, std::chrono::milliseconds longest);

}  // namespace modelops::jobs
