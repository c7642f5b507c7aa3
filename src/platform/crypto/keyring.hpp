#pragma once
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.hpp"

namespace modelops::crypto {

/// Whose data a data key seals: an organisation's, or within it one person's when `subject` is set.
struct KeyOwner {
  std::string organisation;
  std::string subject = {};
  auto operator<=>(const KeyOwner&) const = default;
};

/// The master keys of an installation, in a file that only its owner may read and that lies outside the
/// data folder, so that a copy of the data is worthless without it. The newest key wraps, all unwrap.
/// Thread-safe; several processes may use one file.
///
/// The file: the line "modelops-master-keys-v1", then per key, oldest first, "<key id> <base64url>".
class Keyring {
 public:
  /// Reads `file`, or creates it with a first key when it does not exist: never half of it, even when the
  /// machine stops meanwhile. Throws `invalid` with what to do when the file can be read by group or others,
  /// belongs to somebody else, lies in `data_folder`, or is not a key file.
  Keyring(std::filesystem::path file, const std::filesystem::path& data_folder);

  /// Adds a key and makes it the active one: on disk before it is used. Returns its id.
  std::string rotate();
  std::string active_key_id() const;
  bool has_key(std::string_view id) const { return find(id).has_value(); }

  /// "v1.<master key id>.<base64url>": a data key sealed with the active master key and bound to `owner`.
  std::string wrap(const KeyOwner& owner, const Secret& data_key) const;
  /// Throws `internal` when the master key is missing or the text was not made by `wrap` for `owner`.
  Secret unwrap(const KeyOwner& owner, std::string_view wrapped) const;
  /// The id of the master key that made `wrapped`.
  static std::string_view master_key_id(std::string_view wrapped);
  /// True when `wrapped` names another master key than the active one.
  bool is_outdated(std::string_view wrapped) const;

 private:
  struct Key {
    std::string id;
    Secret key;
  };
  static std::vector<Key> read(const std::filesystem::path& file);
  static void write(const std::filesystem::path& file, const std::vector<Key>& keys);
  static Key make_key();
  std::optional<Key> find(std::string_view id) const;

  const std::filesystem::path file_;
  mutable std::mutex mutex_;
  mutable std::vector<Key> keys_;  ///< oldest first; read again when another process has rotated
};

/// Where wrapped data keys are kept: one row per owner. Answered by a store.
class DataKeys {
 public:
  virtual ~DataKeys() = default;
  virtual std::optional<std::string> find(const KeyOwner& owner) = 0;
  /// Keeps what is already there: returns the row that stands afterwards.
  virtual std::string insert(const KeyOwner& owner, const std::string& wrapped) = 0;
  virtual void replace(const KeyOwner& owner, const std::string& wrapped) = 0;
  /// Nothing happens when there is no row.
  virtual void erase(const KeyOwner& owner) = 0;
};

/// Seals values for storage under their owner's data key. Keeps no key in memory between calls, so that an
/// erased key is gone everywhere at once; cheap to construct, one per transaction.
class SecretBox {
 public:
  SecretBox(const Keyring& keyring, DataKeys& data_keys) : keyring_(keyring), data_keys_(data_keys) {}

  /// "v1.<data key id>.<base64url>". Bound to the owner and to `object_id`, the row and column it is for
  /// ("con_019a…/token"): moved elsewhere it does not open. Makes the owner's key at first use.
  std::string seal(const KeyOwner& owner, std::string_view object_id, std::string_view plaintext);
  /// Throws `gone` when the owner's key was erased, `internal` when the text is not what `seal` returned.
  Secret open(const KeyOwner& owner, std::string_view object_id, std::string_view sealed);

  /// Wraps the owner's data key with the active master key if another one wraps it now; true when it did.
  /// Once done for every owner, older master keys are no longer needed.
  bool rewrap(const KeyOwner& owner);
  /// Deletes the owner's key: nothing sealed with it opens again (crypto-shredding).
  void erase(const KeyOwner& owner) { data_keys_.erase(owner); }

 private:
  const Keyring& keyring_;
  DataKeys& data_keys_;
};

}  // namespace modelops::crypto
