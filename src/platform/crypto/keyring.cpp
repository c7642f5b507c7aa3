#include "platform/crypto/keyring.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/descriptor.hpp"
#include "base/error.hpp"
#include "base/id.hpp"
#include "base/text.hpp"
#include "platform/crypto/aead.hpp"
#include "platform/crypto/hash.hpp"

namespace modelops::crypto {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view file_header = "modelops-master-keys-v1";
constexpr std::size_t file_bytes_max = 64 * 1024;

[[noreturn]] void fail_file(const fs::path& file, const std::string& what, int error) {
  fail(ErrorCode::internal, fmt::format("cannot {} the master key file {}: {}", what, file.string(), strerror(error)));
}

/// Opens the folder of `file` and locks it until the descriptor is closed, so that of two processes that
/// start or rotate at once the second sees what the first wrote.
Descriptor lock_folder(const fs::path& file) {
  Descriptor folder(::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0) fail_file(file, "open the folder of", errno);
  while (::flock(folder.get(), LOCK_EX) != 0)
    if (errno != EINTR) fail_file(file, "lock the folder of", errno);
  return folder;
}

void refuse_inside(const fs::path& file, const fs::path& data_folder) {
  const fs::path inner = fs::weakly_canonical(file);
  const fs::path outer = fs::weakly_canonical(fs::absolute(data_folder));
  const fs::path folder = outer.has_filename() ? outer : outer.parent_path();  // without a slash at its end
  if (std::mismatch(folder.begin(), folder.end(), inner.begin(), inner.end()).first == folder.end())
    fail(ErrorCode::invalid, fmt::format("the master key file {} lies in the data folder {}: choose a place outside it",
                                         file.string(), data_folder.string()));
}

/// "v1.<key id>.<base64url>" in its parts.
struct Envelope {
  std::string_view key_id;
  std::string bytes;
};

std::optional<Envelope> parse_envelope(std::string_view text) {
  const auto parts = split(text, '.');
  if (parts.size() != 3 || parts[0] != "v1") return std::nullopt;
  auto bytes = from_base64url(parts[2]);
  if (!bytes) return std::nullopt;
  return Envelope{parts[1], std::move(*bytes)};
}

std::string write_envelope(std::string_view key_id, std::string_view bytes) {
  return fmt::format("v1.{}.{}", key_id, to_base64url(bytes));
}

[[noreturn]] void fail_damaged(std::string detail) {
  fail(ErrorCode::internal, "a stored secret cannot be opened", std::move(detail));
}

Secret open_stored(const Secret& key, std::string_view bytes, std::string_view context) {
  try {
    return aead_open(key, bytes, context);
  } catch (const Error& error) {
    if (error.code != ErrorCode::unprocessable) throw;
    fail_damaged("it was changed, or belongs to another owner or object");
  }
}

std::string wrap_context(const KeyOwner& owner, std::string_view key_id) {
  return join_fields({"modelops-data-key-v1", key_id, owner.organisation, owner.subject});
}

std::string seal_context(const KeyOwner& owner, std::string_view object_id, std::string_view key_id) {
  return join_fields({"modelops-secret-v1", key_id, owner.organisation, owner.subject, object_id});
}

/// A data key names itself, so that a text sealed with an erased key is told from a damaged one.
std::string data_key_id(const Secret& key) {
  return to_hex(hmac_sha256(key.reveal(), "modelops-data-key-id").substr(0, 8));
}

bool is_key_id(std::string_view text) { return text.size() == 16 && from_hex(text).has_value(); }

}  // namespace

Keyring::Keyring(fs::path file, const fs::path& data_folder) : file_(fs::absolute(file)) {
  refuse_inside(file_, data_folder);
  if (!fs::exists(file_.parent_path())) {
    fs::create_directories(file_.parent_path());
    fs::permissions(file_.parent_path(), fs::perms::owner_all);
  }
  const Descriptor folder = lock_folder(file_);
  if (!fs::exists(file_)) {
    std::vector<Key> first;
    first.push_back(make_key());
    write(file_, first);
  }
  keys_ = read(file_);
}

Keyring::Key Keyring::make_key() { return {to_hex(random_bytes(8)), Secret(random_bytes(aead_key_bytes))}; }

std::vector<Keyring::Key> Keyring::read(const fs::path& file) {
  const Descriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status{};
  if (fd.get() < 0 || ::fstat(fd.get(), &status) != 0) fail_file(file, "read", errno);
  if (!S_ISREG(status.st_mode))
    fail(ErrorCode::invalid, fmt::format("the master key file {} is not a regular file", file.string()));
  if ((status.st_mode & 077) != 0)
    fail(ErrorCode::invalid,
         fmt::format("the master key file {0} may be read or written by others: run 'chmod 600 {0}'", file.string()));
  if (status.st_uid != ::geteuid() && status.st_uid != 0)
    fail(ErrorCode::invalid, fmt::format("the master key file {} belongs to another user", file.string()));

  std::string text(file_bytes_max + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(fd.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_file(file, "read", errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  const Secret content(std::move(text));  // wiped at the end
  const std::vector<std::string_view> lines = split(std::string_view(content.reveal()).substr(0, size), '\n');
  const auto refuse = [&] {
    fail(ErrorCode::invalid, fmt::format("{} is not a master key file: restore it from your backup", file.string()));
  };
  if (size > file_bytes_max || lines.size() < 3 || lines.front() != file_header || !lines.back().empty()) refuse();
  std::vector<Key> keys;
  for (std::size_t i = 1; i + 1 < lines.size(); ++i) {
    const auto words = split(lines[i], ' ');
    auto key = words.size() == 2 ? from_base64url(words[1]) : std::nullopt;
    if (!key || key->size() != aead_key_bytes || !is_key_id(words[0])) refuse();
    keys.push_back({std::string(words[0]), Secret(std::move(*key))});
  }
  return keys;
}

// The caller holds the lock on the folder. The new file replaces the old one in one step.
void Keyring::write(const fs::path& file, const std::vector<Key>& keys) {
  std::string text(file_header);
  text += '\n';
  for (const Key& key : keys) text += key.id + ' ' + to_base64url(key.key.reveal()) + '\n';
  const Secret content(std::move(text));
  const fs::path fresh = file.string() + ".new";
  ::unlink(fresh.c_str());  // left by a process that was killed here
  {
    const Descriptor fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (fd.get() < 0) fail_file(file, "create", errno);
    std::string_view rest = content.reveal();
    while (!rest.empty()) {
      const ssize_t written = ::write(fd.get(), rest.data(), rest.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) {
        const int error = errno;
        ::unlink(fresh.c_str());
        fail_file(file, "write", error);
      }
      rest.remove_prefix(static_cast<std::size_t>(written));
    }
    if (::fsync(fd.get()) != 0) {
      const int error = errno;
      ::unlink(fresh.c_str());
      fail_file(file, "write", error);
    }
  }
  if (::rename(fresh.c_str(), file.c_str()) != 0) fail_file(file, "write", errno);
  const Descriptor folder(::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0 || ::fsync(folder.get()) != 0) fail_file(file, "write", errno);
}

std::string Keyring::rotate() {
  const std::lock_guard lock(mutex_);
  const Descriptor folder = lock_folder(file_);
  std::vector<Key> keys = read(file_);  // another process may have rotated
  keys.push_back(make_key());
  write(file_, keys);
  keys_ = std::move(keys);
  return keys_.back().id;
}

std::string Keyring::active_key_id() const {
  const std::lock_guard lock(mutex_);
  return keys_.back().id;
}

std::optional<Keyring::Key> Keyring::find(std::string_view id) const {
  const std::lock_guard lock(mutex_);
  for (int attempt = 0; attempt < 2; ++attempt) {
    for (const Key& key : keys_)
      if (key.id == id) return key;
    if (attempt == 0) keys_ = read(file_);
  }
  return std::nullopt;
}

std::string Keyring::wrap(const KeyOwner& owner, const Secret& data_key) const {
  const Key master = [&] {
    const std::lock_guard lock(mutex_);
    keys_ = read(file_);  // another process may have rotated: nothing new may need an old key
    return keys_.back();
  }();
  return write_envelope(master.id, aead_seal(master.key, data_key.reveal(), wrap_context(owner, master.id)));
}

Secret Keyring::unwrap(const KeyOwner& owner, std::string_view wrapped) const {
  const auto envelope = parse_envelope(wrapped);
  if (!envelope || !is_key_id(envelope->key_id)) fail_damaged("a wrapped data key is malformed");
  const auto master = find(envelope->key_id);
  if (!master) {
    fail_damaged(
        fmt::format("master key {} is not in {}: restore the file from your backup", envelope->key_id, file_.string()));
  }
  return open_stored(master->key, envelope->bytes, wrap_context(owner, master->id));
}

std::string_view Keyring::master_key_id(std::string_view wrapped) {
  const auto parts = split(wrapped, '.');
  return parts.size() == 3 ? parts[1] : std::string_view();
}

bool Keyring::is_outdated(std::string_view wrapped) const {
  const auto envelope = parse_envelope(wrapped);
  return !envelope || envelope->key_id != active_key_id();
}

std::string SecretBox::seal(const KeyOwner& owner, std::string_view object_id, std::string_view plaintext) {
  std::optional<std::string> wrapped = data_keys_.find(owner);
  if (!wrapped) wrapped = data_keys_.insert(owner, keyring_.wrap(owner, Secret(random_bytes(aead_key_bytes))));
  const Secret key = keyring_.unwrap(owner, *wrapped);
  const std::string id = data_key_id(key);
  return write_envelope(id, aead_seal(key, plaintext, seal_context(owner, object_id, id)));
}

Secret SecretBox::open(const KeyOwner& owner, std::string_view object_id, std::string_view sealed) {
  const auto envelope = parse_envelope(sealed);
  if (!envelope) fail_damaged("a sealed text is malformed");
  const auto refuse_erased = [] { fail(ErrorCode::gone, "this data was erased"); };
  const std::optional<std::string> wrapped = data_keys_.find(owner);
  if (!wrapped) refuse_erased();
  const Secret key = keyring_.unwrap(owner, *wrapped);
  // The owner has a new key since: the one that sealed this was erased.
  if (envelope->key_id != data_key_id(key)) refuse_erased();
  return open_stored(key, envelope->bytes, seal_context(owner, object_id, envelope->key_id));
}

bool SecretBox::rewrap(const KeyOwner& owner) {
  const std::optional<std::string> wrapped = data_keys_.find(owner);
  if (!wrapped || !keyring_.is_outdated(*wrapped)) return false;
  data_keys_.replace(owner, keyring_.wrap(owner, keyring_.unwrap(owner, *wrapped)));
  return true;
}

}  // namespace modelops::crypto
