// Loaded into a server before the C library: makes the disk below one folder fail as a file says, for tests.
//   MODELOPS_BROKEN_FOLDER    the folder
//   MODELOPS_BROKEN_CONTROL   a file with "sync" (nothing reaches the disk: EIO) or "write" (read-only: EROFS)
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace {

template <class F>
F* next(const char* name) {
  return reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name));
}

bool is_below(int fd) {
  const char* folder = ::getenv("MODELOPS_BROKEN_FOLDER");  // NOLINT(concurrency-mt-unsafe)
  std::array<char, 4096> path{};
  char link[64] = "/proc/self/fd/";
  char digits[16];
  int count = 0;
  for (int rest = fd; count == 0 || rest > 0; rest /= 10) digits[count++] = static_cast<char>('0' + rest % 10);
  char* end = link + std::strlen(link);
  while (count > 0) *end++ = digits[--count];
  *end = 0;
  const ssize_t length = ::readlink(link, path.data(), path.size());
  return folder != nullptr && length > 0 &&
         std::string_view(path.data(), static_cast<std::size_t>(length)).starts_with(folder);
}

bool is_broken(int fd, std::string_view how) {
  const char* control = ::getenv("MODELOPS_BROKEN_CONTROL");  // NOLINT(concurrency-mt-unsafe)
  if (control == nullptr) return false;
  const int file = ::open(control, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  std::array<char, 16> text{};
  const ssize_t length = ::read(file, text.data(), text.size());
  ::close(file);
  return length > 0 && std::string_view(text.data(), static_cast<std::size_t>(length)).starts_with(how) && is_below(fd);
}

template <class R>
R refuse(int error) {
  errno = error;
  return static_cast<R>(-1);
}

}  // namespace

extern "C" {

int fsync(int fd) {
  if (is_broken(fd, "sync")) return refuse<int>(EIO);
  return next<int(int)>("fsync")(fd);
}
int fdatasync(int fd) {
  if (is_broken(fd, "sync")) return refuse<int>(EIO);
  return next<int(int)>("fdatasync")(fd);
}
ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  if (is_broken(fd, "write")) return refuse<ssize_t>(EROFS);
  return next<ssize_t(int, const void*, size_t, off_t)>("pwrite")(fd, bytes, size, offset);
}
ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t offset) {
  if (is_broken(fd, "write")) return refuse<ssize_t>(EROFS);
  return next<ssize_t(int, const void*, size_t, off64_t)>("pwrite64")(fd, bytes, size, offset);
}
}
