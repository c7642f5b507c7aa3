#pragma once
// The Merkle tree of RFC 9162, section 2.1, over SHA-256: a leaf hashes with prefix 0x00, a node with 0x01.
// Hashes are 32 raw bytes. Only complete subtrees are stored, once each and never changed: node (level, index)
// covers the leaves index * 2^level up to, not including, (index + 1) * 2^level. Everything else follows.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.hpp"
#include "base/time.hpp"

namespace modelops::audit {

std::string leaf_hash(std::string_view leaf);
std::string node_hash(std::string_view left, std::string_view right);

struct Node {
  int level = 0;
  std::uint64_t index = 0;
  std::string hash;
};

/// Where complete nodes are read from. Answered by a store.
class NodeSource {
 public:
  virtual ~NodeSource() = default;
  /// The hash of a complete subtree; throws when it is not stored.
  virtual std::string hash(int level, std::uint64_t index) const = 0;
};

/// The right edge of a tree: all that is needed to append to it, O(log n).
class Frontier {
 public:
  /// An empty tree.
  Frontier() = default;
  /// The edge of the stored tree's first `size` leaves.
  Frontier(const NodeSource& nodes, std::uint64_t size);

  /// Returns the nodes that have become complete, leaf first: store them all.
  std::vector<Node> append(std::string_view hash_of_leaf);
  std::uint64_t size() const { return size_; }
  /// The root hash; of the empty tree SHA-256 of nothing.
  std::string root() const;

 private:
  std::uint64_t size_ = 0;
  std::vector<std::string> peaks_;  ///< roots of the complete subtrees, the largest first
};

/// The root of the first `size` leaves.
std::string root_hash(const NodeSource& nodes, std::uint64_t size);
/// Proof that leaf `index` is in the tree of the first `size` leaves (2.1.3.1). Throws `invalid` unless index < size.
std::vector<std::string> inclusion_proof(const NodeSource& nodes, std::uint64_t index, std::uint64_t size);
/// Proof that the tree of `old_size` leaves is the beginning of the one of `size` (2.1.4.1); empty when they are the
/// same or the old one is empty. Throws `invalid` unless old_size <= size.
std::vector<std::string> consistency_proof(const NodeSource& nodes, std::uint64_t old_size, std::uint64_t size);

bool verify_inclusion(std::string_view hash_of_leaf, std::uint64_t index, std::uint64_t size,
                      const std::vector<std::string>& proof, std::string_view root);
bool verify_consistency(std::uint64_t old_size, std::uint64_t size, std::string_view old_root, std::string_view root,
                        const std::vector<std::string>& proof);

/// What a tree was at a time. Whoever keeps one can prove later that nothing before it was changed.
struct TreeHead {
  std::string organisation;  ///< its id
  std::uint64_t tree_size = 0;
  std::string root_hash;
  Time time;
  std::string key_id;  ///< of the Ed25519 key that signs
  bool operator==(const TreeHead&) const = default;
};

struct SignedTreeHead {
  TreeHead head;
  std::string signature;  ///< Ed25519, 64 bytes, over `head_bytes(head)`
};

/// The canonical bytes of a head, frozen by test vectors.
std::string head_bytes(const TreeHead& head);
SignedTreeHead sign_head(TreeHead head, const Secret& private_key);
bool verify_head(const SignedTreeHead& head, std::string_view public_key);

}  // namespace modelops::audit
