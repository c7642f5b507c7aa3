#include "platform/jobs/listener.hpp"

#include <libpq-fe.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <memory>

#include "base/error.hpp"
#include "base/log.hpp"
#include "platform/jobs/waiting.hpp"

namespace modelops::jobs {
namespace {

using Connection = std::unique_ptr<PGconn, decltype(&PQfinish)>;

Connection connect(const std::string& url) {
  // The last of two equal keywords wins: a server that does not answer must not hold up the end of the program.
  const char* keywords[] = {"dbname", "connect_timeout", "application_name", nullptr};
  const char* values[] = {url.c_str(), "5", "modelops listener", nullptr};
  Connection connection(PQconnectdbParams(keywords, values, 1), &PQfinish);
  if (PQstatus(connection.get()) != CONNECTION_OK)
    fail(ErrorCode::unavailable, "The database cannot be reached.", PQerrorMessage(connection.get()));
  const std::string sql = std::string("LISTEN ") + notify_channel;
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection.get(), sql.c_str()), &PQclear);
  if (PQresultStatus(result.get()) != PGRES_COMMAND_OK)
    fail(ErrorCode::unavailable, "The database refuses to send notifications.", PQerrorMessage(connection.get()));
  return connection;
}

}  // namespace

Listener::Listener(std::string url, events::Topics& topics) : url_(std::move(url)), topics_(topics) {
  if (!url_.starts_with("postgres")) return;
  stop_fd_ = eventfd(0, EFD_CLOEXEC);
  if (stop_fd_ < 0) fail(ErrorCode::internal, "The program has no file descriptor left.");
  thread_ = std::jthread([this](const std::stop_token& stop) {
    for (int failures = 0; !stop.stop_requested();) {
      const auto began = std::chrono::steady_clock::now();
      try {
        listen(stop);
      } catch (const std::exception& error) {
        Log().warning("notifications are interrupted; timers go on", {{"error", describe_exception(error)}});
        failures = std::chrono::steady_clock::now() - began > std::chrono::minutes(1) ? 1 : failures + 1;
        pause_for(back_off(failures, std::chrono::milliseconds(200), std::chrono::seconds(10)), stop);
      }
    }
  });
}

Listener::~Listener() {
  if (stop_fd_ < 0) return;
  thread_.request_stop();
  eventfd_write(stop_fd_, 1);
  thread_.join();
  close(stop_fd_);
}

void Listener::listen(const std::stop_token& stop) {
  const Connection connection = connect(url_);
  while (!stop.stop_requested()) {
    if (PQconsumeInput(connection.get()) == 0)
      fail(ErrorCode::unavailable, "The database closed the connection.", PQerrorMessage(connection.get()));
    while (PGnotify* notice = PQnotifies(connection.get())) {
      topics_.notify(notice->extra);
      PQfreemem(notice);
    }
    pollfd fds[] = {{PQsocket(connection.get()), POLLIN, 0}, {stop_fd_, POLLIN, 0}};
    poll(fds, 2, -1);
  }
}

}  // namespace modelops::jobs
