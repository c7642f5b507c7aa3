#include "dataplane/machine/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/descriptor.hpp"
#include "base/error.hpp"
#include "base/id.hpp"

namespace modelops::machine {

namespace fs = std::filesystem;

void fail_file(std::string_view what, const fs::path& file, int error) {
  const bool full = error == ENOSPC || error == EDQUOT;
  fail(full ? ErrorCode::insufficient_storage : ErrorCode::internal,
       fmt::format("cannot {} {}: {}", what, file.string(), full ? "the disk is full" : std::strerror(error)));
}

void write_file(const fs::path& file, std::string_view bytes) {
  const fs::path partial = file.string() + "." + new_uuid7();
  Descriptor fd(::open(partial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (fd.get() < 0) fail_file("write", file, errno);
  const auto refuse = [&](int error) {
    ::unlink(partial.c_str());
    fail_file("write", file, error);
  };
  for (std::string_view rest = bytes; !rest.empty();) {
    const ssize_t written = ::write(fd.get(), rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) refuse(errno);
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(fd.get()) != 0 || ::rename(partial.c_str(), file.c_str()) != 0) refuse(errno);
  const Descriptor folder(::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0 || ::fsync(folder.get()) != 0) fail_file("write", file, errno);
}

std::optional<std::string> read_file(const fs::path& file, std::size_t bytes_max) {
  const Descriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0 && errno == ENOENT) return std::nullopt;
  if (fd.get() < 0) fail_file("read", file, errno);
  std::string out;
  for (;;) {
    char bytes[64 * 1024];
    const ssize_t got = ::read(fd.get(), bytes, sizeof bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_file("read", file, errno);
    if (got == 0) return out;
    out.append(bytes, static_cast<std::size_t>(got));
    if (out.size() > bytes_max) fail_file("read", file, EFBIG);
  }
}

}  // namespace modelops::machine
