#include <libpq-fe.h>
#include <soci/postgresql/soci-postgresql.h>

#include <chrono>
#include <thread>

#include "base/id.hpp"
#include "platform/db/backends.hpp"
#include "platform/db/pool.hpp"
#include "platform/db/session.hpp"
#include "platform/db/watchdog.hpp"

namespace modelops::db {
namespace {

constexpr int attempts_max = 12;
constexpr std::chrono::milliseconds silence_max{5000};  // of a server whose statements have a time-out

/// libpq's key='value' form of a URL: the library in between reads only that one.
std::string connection_words(const std::string& url) {
  char* problem = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(PQconninfoParse(url.c_str(), &problem),
                                                                             &PQconninfoFree);
  const std::unique_ptr<char, decltype(&PQfreemem)> message(problem, &PQfreemem);
  if (!options)
    fail(ErrorCode::invalid, "The database URL is not one of PostgreSQL.", problem != nullptr ? problem : "");
  // What the URL says itself comes later, and the last one counts.
  std::string out = "connect_timeout='10'";
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    out += std::string(" ") + option->keyword + "='";
    for (const char* c = option->val; *c != 0; ++c) {
      if (*c == '\'' || *c == '\\') out += '\\';
      out += *c;
    }
    out += '\'';
  }
  return out;
}

class Postgres final : public Database {
 public:
  Postgres(const std::string& url, const Options& options)
      : connection_(connection_words(url)),
        statement_timeout_(options.statement_timeout),
        watchdog_(statement_timeout_ + std::min(statement_timeout_, silence_max)),
        sessions_(static_cast<std::size_t>(options.readers), [this] { return open_session(); }) {
    sessions_.take();  // a wrong URL is told at the start
  }

  Dialect dialect() const override { return Dialect::postgres; }

  void run_read(const std::function<void(Tx&)>& body) override {
    run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", body);
  }
  void run_write(const std::function<void(Tx&)>& body) override { run("BEGIN ISOLATION LEVEL SERIALIZABLE", body); }

 protected:
  void forget_statements() override { sessions_.clear(); }
  void run_migration(const std::function<void(Tx&)>& body) override {
    run("BEGIN ISOLATION LEVEL SERIALIZABLE; SET LOCAL statement_timeout = 0", body, false);
  }

 private:
  std::unique_ptr<Session> open_session() {
    std::unique_ptr<Session> session;
    try {
      session = std::make_unique<Session>(Dialect::postgres, connection_);
    } catch (const soci::soci_error& error) {
      // The library does not tell these from refused statements.
      fail(ErrorCode::unavailable, "The database cannot be reached. Try again.", error.what());
    }
    session->soci() << "SET application_name = 'modelops'";
    session->soci() << "SET client_min_messages = 'warning'";
    session->soci() << fmt::format("SET statement_timeout = {}", statement_timeout_.count());
    session->soci() << "SET idle_in_transaction_session_timeout = '60s'";
    return session;
  }

  static int socket_of(Session& session) {
    return PQsocket(static_cast<soci::postgresql_session_backend*>(session.soci().get_backend())->conn_);
  }

  void run(const char* begin, const std::function<void(Tx&)>& body, bool watched = true) {
    for (int attempt = 1;; ++attempt) {
      try {
        auto lease = sessions_.take();
        bool committing = false;
        try {
          std::optional<Watchdog::Guard> guard;
          if (watched) guard.emplace(watchdog_, socket_of(*lease));
          lease->soci() << begin;
          body(*lease);
          committing = true;
          lease->soci() << "COMMIT";
          guard.reset();
          for (const auto& hook : lease->take_hooks()) hook();
          return;
        } catch (const std::exception& error) {
          lease->take_hooks();
          if (is_disconnected(error)) {
            lease.discard();
            // Nobody knows whether a commit that was cut off took place; before it, the work may be repeated.
            if (committing || attempt > 1) throw;
            continue;
          }
          roll_back(lease);
          if (!is_retryable(error) || attempt >= attempts_max) throw;
        } catch (...) {
          lease->take_hooks();
          roll_back(lease);
          throw;
        }
      } catch (...) {
        rethrow_translated();
      }
      back_off(attempt);
    }
  }

  static void roll_back(Pool<Session>::Lease& lease) {
    try {
      lease->soci() << "ROLLBACK";
    } catch (...) {
      lease.discard();
    }
  }

  /// Two transactions that collide must not collide again in step.
  static void back_off(int attempt) {
    const auto jitter = static_cast<unsigned char>(random_bytes(1)[0]);
    std::this_thread::sleep_for(std::chrono::microseconds((200LL << std::min(attempt, 8)) * (128 + jitter) / 256));
  }

  const std::string connection_;
  const std::chrono::milliseconds statement_timeout_;
  Watchdog watchdog_;
  Pool<Session> sessions_;
};

}  // namespace

std::unique_ptr<Database> open_postgres(const std::string& url, const Options& options) {
  try {
    return std::make_unique<Postgres>(url, options);
  } catch (const soci::soci_error&) {
    rethrow_translated();
  }
}

}  // namespace modelops::db
