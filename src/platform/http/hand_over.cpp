#include "platform/http/hand_over.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/text.hpp"

namespace modelops::http {
namespace {

constexpr std::size_t sockets_max = 16;
constexpr std::string_view finish = "finish";
constexpr std::string_view stop = "stop";
constexpr int patience_s = 20;

/// The address of a socket in `folder`, which is open. By way of /proc, since a path may be longer than an address.
sockaddr_un address_of(const Descriptor& folder, const std::string& name) {
  sockaddr_un out{};
  out.sun_family = AF_UNIX;
  const std::string path = fmt::format("/proc/self/fd/{}/{}", folder.get(), name);
  std::memcpy(out.sun_path, path.c_str(), std::min(path.size(), sizeof out.sun_path - 1));
  return out;
}

Descriptor new_socket() { return Descriptor(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)); }

Descriptor open_folder(const std::filesystem::path& path) {
  return Descriptor(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

/// A connection to who listens at `path`; nothing when nobody does.
std::optional<Descriptor> connect_to(const std::filesystem::path& path) {
  const Descriptor folder = open_folder(path.parent_path());
  Descriptor socket = new_socket();
  if (folder.get() < 0 || socket.get() < 0) return std::nullopt;
  const timeval patience{patience_s, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);  // of connect too
  const sockaddr_un address = address_of(folder, path.filename().string());
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return std::nullopt;
  return socket;
}

ucred other_side(int connection) {
  ucred out{};
  socklen_t length = sizeof out;
  if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &out, &length) != 0) out.uid = static_cast<uid_t>(-1);
  return out;
}

/// A message with descriptors, as sendmsg and recvmsg want it.
struct Message {
  Message(char* bytes, std::size_t size) : part{bytes, size} {
    head.msg_iov = &part;
    head.msg_iovlen = 1;
    head.msg_control = control.data();
    head.msg_controllen = control.size();
  }
  iovec part;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * sockets_max)> control{};
  msghdr head{};
};

}  // namespace

// ---- the next process --------------------------------------------------------------------------------------------

std::optional<Predecessor> Predecessor::find(const std::filesystem::path& path) {
  auto connection = connect_to(path);
  if (!connection) return std::nullopt;
  std::array<char, 1024> names{};
  Message message(names.data(), names.size());
  const auto received = ::recvmsg(connection->get(), &message.head, MSG_CMSG_CLOEXEC);
  if (received == 0) return std::nullopt;  // it is just ending
  std::vector<Descriptor> sockets;
  const cmsghdr* control = received > 0 ? CMSG_FIRSTHDR(&message.head) : nullptr;
  if (control != nullptr && control->cmsg_type == SCM_RIGHTS) {
    for (std::size_t i = 0; i < (control->cmsg_len - CMSG_LEN(0)) / sizeof(int); ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(control) + i * sizeof(int), sizeof fd);
      sockets.emplace_back(fd);
    }
  }
  const auto each =
      split(std::string_view(names.data(), static_cast<std::size_t>(std::max<ssize_t>(received, 0))), '\n');
  if (received < 0 || each.size() != sockets.size()) {
    fail(ErrorCode::conflict,
         fmt::format("The ModelOps that runs on {} (process {}) does not hand over: stop it first.",
                     path.parent_path().string(), other_side(connection->get()).pid));
  }
  Listeners listeners;
  for (std::size_t i = 0; i < each.size(); ++i) listeners.give(std::string(each[i]), std::move(sockets[i]));
  return Predecessor(std::move(*connection), std::move(listeners));
}

void Predecessor::say(Farewell farewell) {
  const std::string_view word = farewell == Farewell::finish ? finish : stop;
  // When it has ended meanwhile there is nobody to tell.
  [[maybe_unused]] const auto sent = ::send(connection_.get(), word.data(), word.size(), MSG_NOSIGNAL);
}

bool Predecessor::await_end(std::chrono::milliseconds timeout) const {
  pollfd end{connection_.get(), POLLIN, 0};
  return ::poll(&end, 1, static_cast<int>(timeout.count())) > 0;
}

std::optional<int> pid_at(const std::filesystem::path& path) {
  const auto connection = connect_to(path);
  if (!connection) return std::nullopt;
  return other_side(connection->get()).pid;
}

// ---- the running process -----------------------------------------------------------------------------------------

HandOver::HandOver(const std::filesystem::path& path, const Listeners& listeners, std::function<void()> changed)
    : changed_(std::move(changed)), stop_(::eventfd(0, EFD_CLOEXEC)), socket_(new_socket()) {
  for (const auto& [name, socket] : listeners.all()) listeners_.emplace(name, copy_of(socket));
  std::filesystem::create_directories(path.parent_path());
  std::filesystem::permissions(path.parent_path(), std::filesystem::perms::owner_all);
  const Descriptor folder = open_folder(path.parent_path());
  // Under a name of its own first: who looks for `path` always finds one that listens.
  const std::string temporary = fmt::format("{}.{}", path.filename().string(), ::getpid());
  const sockaddr_un address = address_of(folder, temporary);
  ::unlinkat(folder.get(), temporary.c_str(), 0);
  const bool listens = stop_.get() >= 0 && socket_.get() >= 0 && folder.get() >= 0 &&
                       ::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                       ::listen(socket_.get(), 128) == 0 &&
                       ::renameat(folder.get(), temporary.c_str(), folder.get(), path.filename().c_str()) == 0;
  if (!listens)
    fail(ErrorCode::unavailable, fmt::format("Cannot make the socket {}: {}.", path.string(), std::strerror(errno)));
  thread_ = std::thread([this] { run(); });
}

HandOver::~HandOver() {
  ::eventfd_write(stop_.get(), 1);
  thread_.join();
  // The file stays: by now it may be the next process's.
}

/// False when this ends. A negative descriptor is not waited for.
bool HandOver::wait_for(int fd) const {
  std::array<pollfd, 2> fds{{{fd, POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
  while (::poll(fds.data(), fds.size(), -1) < 0 && errno == EINTR) {}
  return fds[1].revents == 0;
}

void HandOver::run() {
  // One at a time: two that start together follow each other.
  while (wait_for(socket_.get())) {
    const Descriptor connection(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const auto farewell = connection.get() < 0 ? std::nullopt : serve(connection.get());
    if (!farewell) continue;
    listeners_.clear();
    socket_.close();
    {
      std::lock_guard lock(mutex_);
      farewell_ = farewell;
    }
    changed_();
    if (wait_for(connection.get())) changed_();
    wait_for(-1);
    return;
  }
}

std::optional<Farewell> HandOver::farewell() const {
  std::lock_guard lock(mutex_);
  return farewell_;
}

std::optional<Farewell> HandOver::serve(int connection) const {
  const ucred who = other_side(connection);
  if (who.uid != ::geteuid() && who.uid != 0) {
    Log().warning("another user asked for the listening sockets", {{"uid", std::to_string(who.uid)}});
    return std::nullopt;
  }
  std::string names;
  std::vector<int> sockets;
  for (const auto& [name, socket] : listeners_) {
    names += (names.empty() ? "" : "\n") + name;
    sockets.push_back(socket.get());
  }
  Message message(names.data(), names.size());
  cmsghdr* control = CMSG_FIRSTHDR(&message.head);
  control->cmsg_level = SOL_SOCKET;
  control->cmsg_type = SCM_RIGHTS;
  control->cmsg_len = CMSG_LEN(sizeof(int) * sockets.size());
  std::memcpy(CMSG_DATA(control), sockets.data(), sizeof(int) * sockets.size());
  message.head.msg_controllen = CMSG_SPACE(sizeof(int) * sockets.size());
  if (::sendmsg(connection, &message.head, MSG_NOSIGNAL) < 0 || !wait_for(connection)) return std::nullopt;
  std::array<char, 16> word{};
  const auto count = ::recv(connection, word.data(), word.size(), 0);
  if (count <= 0) return std::nullopt;  // it did not become ready
  const bool at_once = std::string_view(word.data(), static_cast<std::size_t>(count)) == stop;
  Log().info("another process takes over", {{"pid", std::to_string(who.pid)}});
  return at_once ? Farewell::stop : Farewell::finish;
}

}  // namespace modelops::http
