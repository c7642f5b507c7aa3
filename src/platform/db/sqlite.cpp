#include "platform/db/backends.hpp"

#include <soci/sqlite3/soci-sqlite3.h>

#include <condition_variable>
#include <thread>

#include "platform/db/pool.hpp"
#include "platform/db/session.hpp"

namespace modelops::db {
namespace {

constexpr std::size_t batch_max = 256;

/// A connection is used by one thread at a time, so SQLite need not lock it, nor count its memory under a lock. When
/// something used SQLite before, this is refused, and everything only a little slower.
void configure_once() {
  static const bool tried = [] {
    sqlite_api::sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
    sqlite_api::sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    return true;
  }();
  (void)tried;
}

std::unique_ptr<Session> open_session(const std::string& path, bool reader) {
  configure_once();
  auto session = std::make_unique<Session>(Dialect::sqlite, "db=" + path + " timeout=10");
  soci::session& sql = session->soci();
  sql << "PRAGMA journal_mode=WAL";
  sql << "PRAGMA synchronous=FULL";
  sql << "PRAGMA foreign_keys=ON";
  sql << "PRAGMA case_sensitive_like=ON";
  sql << "PRAGMA cache_size=-8192";
  if (reader) sql << "PRAGMA query_only=ON";
  return session;
}

bool in_transaction(Session& session) {
  auto* backend = static_cast<soci::sqlite3_session_backend*>(session.soci().get_backend());
  return sqlite_api::sqlite3_get_autocommit(backend->conn_) == 0;
}

/// One writer thread runs what is queued as savepoints of one transaction, so that many writers share one fsync.
class Sqlite final : public Database {
 public:
  Sqlite(std::string path, const Options& options)
      : path_(std::move(path)),
        queue_max_(options.write_queue_max),
        writer_session_(open_session(path_, false)),
        readers_(static_cast<std::size_t>(options.readers), [this] { return open_session(path_, true); }),
        writer_([this] { write_loop(); }) {}

  ~Sqlite() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    writer_.join();
  }

  Dialect dialect() const override { return Dialect::sqlite; }
  bool reads_at_once() const override { return readers_.has_idle(); }

  void run_read(const std::function<void(Tx&)>& body) override {
    auto lease = readers_.take();
    try {
      lease->execute("BEGIN", {});
      body(*lease);
      lease->execute("COMMIT", {});
    } catch (...) {
      if (in_transaction(*lease)) lease->soci() << "ROLLBACK";
      rethrow_translated();
    }
  }

  void run_write(const std::function<void(Tx&)>& body) override {
    Job job{&body};
    {
      std::unique_lock lock(mutex_);
      if (stopping_) fail(ErrorCode::unavailable, "The server is shutting down.");
      if (queue_.size() >= queue_max_) {
        Error error(ErrorCode::unavailable, "Too many changes are waiting. Try again.");
        error.retry_after_seconds = 1;
        throw error;
      }
      queue_.push_back(&job);
      if (queue_.size() == 1) wake_.notify_one();
      done_.wait(lock, [&] { return job.done; });
    }
    if (job.error) std::rethrow_exception(job.error);
    for (const auto& hook : job.hooks) hook();
  }

 protected:
  void forget_statements() override {
    run_write([](Tx& tx) { static_cast<Session&>(tx).forget_statements(); });
    readers_.clear();
  }

 private:
  struct Job {
    const std::function<void(Tx&)>* body;
    bool done = false;
    std::exception_ptr error = nullptr;
    std::vector<std::function<void()>> hooks = {};
  };

  void write_loop() {
    std::vector<Job*> batch;
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
        if (queue_.empty()) return;
        const auto count = static_cast<std::ptrdiff_t>(std::min(queue_.size(), batch_max));
        batch.assign(queue_.begin(), queue_.begin() + count);
        queue_.erase(queue_.begin(), queue_.begin() + count);
      }
      if (!commit_together(batch)) {
        // SQLite gave the whole transaction up (full disk, I/O error): each gets its own chance and its own error.
        for (Job* job : batch) {
          job->error = nullptr;
          commit_together({job});
        }
      }
      {
        std::lock_guard lock(mutex_);
        for (Job* job : batch) job->done = true;
      }
      done_.notify_all();
    }
  }

  /// False when the transaction as a whole failed and the jobs should be tried alone.
  bool commit_together(const std::vector<Job*>& batch) {
    Session& session = *writer_session_;
    std::exception_ptr failure;
    try {
      session.soci() << "BEGIN IMMEDIATE";
      for (Job* job : batch) {
        job->hooks.clear();
        session.soci() << "SAVEPOINT job";
        try {
          (*job->body)(session);
          job->hooks = session.take_hooks();
          session.soci() << "RELEASE job";
        } catch (...) {
          job->error = translated();
          session.take_hooks();
          if (!in_transaction(session)) {
            failure = job->error;
            break;
          }
          session.soci() << "ROLLBACK TO job";
          session.soci() << "RELEASE job";
        }
      }
      if (!failure) session.soci() << "COMMIT";
    } catch (...) {
      failure = translated();
    }
    if (!failure) return true;
    session.take_hooks();
    try {
      if (in_transaction(session)) session.soci() << "ROLLBACK";
    } catch (...) {
      // Nothing is kept in any case: an open transaction dies with the session.
      writer_session_ = open_session(path_, false);
    }
    for (Job* job : batch)
      if (!job->error) job->error = failure;
    return batch.size() == 1;
  }

  static std::exception_ptr translated() {
    try {
      rethrow_translated();
    } catch (...) {
      return std::current_exception();
    }
  }

  std::string path_;
  std::size_t queue_max_;
  std::unique_ptr<Session> writer_session_;
  Pool<Session> readers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  std::deque<Job*> queue_;
  bool stopping_ = false;
  std::thread writer_;
};

}  // namespace

std::unique_ptr<Database> open_sqlite(const std::string& path, const Options& options) {
  try {
    return std::make_unique<Sqlite>(path, options);
  } catch (const soci::soci_error& error) {
    std::throw_with_nested(
        Error(ErrorCode::unavailable, fmt::format("The database {} cannot be opened.", path), error.what()));
  }
}

}  // namespace modelops::db
