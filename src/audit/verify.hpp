#pragma once
// The export of an organisation's audit trail, and its check by anyone, offline. JSON Lines, in this order:
//
//   {"format":"modelops-audit-v1","organisation":"org_…","keys":[{"key_id":"…","public_key":"<base64>"}]}
//   {"index":0,"record":"aud_…","leaf":"<base64>","payload":"<text>","salt":"<base64>",
//    "personal":"<text>","personal_salt":"<base64>"}       one per record, from index 0 without a gap
//   {"tree_size":1,"root_hash":"<hex>","time":"<RFC 3339>","key_id":"…","signature":"<base64>"}
//                                                          a head, where the tree has its size
//   {"end":true,"tree_size":1}                             last, after a head of the whole tree
//
// An erased payload is left out together with its salt, erased personal fields likewise: the leaf still counts.
#include <cstdint>
#include <istream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "audit/leaf.hpp"
#include "audit/tree.hpp"

namespace modelops::audit {

/// Longer lines are refused.
inline constexpr std::size_t export_line_bytes_max = 1 << 20;

/// Text and the salt of its hash: both are kept, or both erased.
struct Salted {
  std::string text;  ///< UTF-8
  std::string salt;  ///< 32 bytes
};

struct ExportedRecord {
  Leaf leaf;
  std::optional<Salted> payload;   ///< absent: erased
  std::optional<Salted> personal;  ///< absent: erased, or the record has none
};

/// The lines of an export, each with its line feed. `public_keys` maps key ids to raw Ed25519 keys.
std::string export_header(const std::string& organisation, const std::map<std::string, std::string>& public_keys);
std::string export_record(std::uint64_t index, const ExportedRecord& record);
std::string export_head(const SignedTreeHead& head);
std::string export_end(std::uint64_t tree_size);

struct VerifyOptions {
  /// The keys that may sign heads, by id, as the verifier knows them from elsewhere. When empty, those that the export
  /// itself names are believed, and the report says so: whoever can rewrite all of it can then also sign it.
  std::map<std::string, std::string> trusted_keys;
  /// A head kept from before: the export must contain that very tree, or it was changed or cut off.
  std::optional<TreeHead> expected;
};

struct VerifyProblem {
  std::uint64_t line = 0;              ///< 1-based
  std::optional<std::uint64_t> index;  ///< of the record, when it is about one
  std::string record_id;               ///< empty when it is not about one
  std::string message;
};

/// What the check of an export found. Its texts can be shown to people, whatever the export holds.
struct VerifyReport {
  bool ok = false;  ///< no problem at all
  bool keys_from_export = false;
  std::string organisation;
  std::uint64_t records = 0;
  std::uint64_t payloads_erased = 0;
  std::uint64_t personal_erased = 0;
  std::uint64_t heads = 0;              ///< whose signature and root are right
  std::string root_hash;                ///< of all records read, hexadecimal
  std::vector<VerifyProblem> problems;  ///< the first 100, in the order of the lines
};

/// Recomputes every hash, root and signature. Needs memory for one line only; never throws for what it reads.
VerifyReport verify_export(std::istream& lines, const VerifyOptions& options = {});

}  // namespace modelops::audit
