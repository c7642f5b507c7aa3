#include "audit/tree.hpp"

#include <bit>

#include "base/error.hpp"
#include "platform/crypto/hash.hpp"
#include "platform/crypto/sign.hpp"

namespace modelops::audit {
namespace {

/// The largest power of two smaller than `count`, as its exponent; count > 1.
int split_level(std::uint64_t count) { return static_cast<int>(std::bit_width(count - 1)) - 1; }

/// The hash of the leaves [begin, begin + count), count > 0. `begin` is a multiple of a power of two that is
/// at least `count`, as it is for every subtree of RFC 9162.
std::string subtree_hash(const NodeSource& nodes, std::uint64_t begin, std::uint64_t count) {
  if (std::has_single_bit(count)) {
    const int level = std::countr_zero(count);
    return nodes.hash(level, begin >> level);
  }
  const std::uint64_t left = std::uint64_t{1} << split_level(count);
  return node_hash(subtree_hash(nodes, begin, left), subtree_hash(nodes, begin + left, count - left));
}

}  // namespace

std::string leaf_hash(std::string_view leaf) {
  crypto::Sha256 hash;
  hash.update(std::string_view("\0", 1));
  hash.update(leaf);
  return hash.finish();
}

std::string node_hash(std::string_view left, std::string_view right) {
  std::string both("\1");
  return crypto::sha256(both.append(left).append(right));
}

Frontier::Frontier(const NodeSource& nodes, std::uint64_t size) : size_(size) {
  for (int level = 63; level >= 0; --level)
    if ((size >> level & 1) != 0) peaks_.push_back(nodes.hash(level, (size >> level) - 1));
}

std::vector<Node> Frontier::append(std::string_view hash_of_leaf) {
  std::vector<Node> complete{{0, size_, std::string(hash_of_leaf)}};
  for (int level = 0; (size_ >> level & 1) != 0; ++level) {
    complete.push_back({level + 1, size_ >> (level + 1), node_hash(peaks_.back(), complete.back().hash)});
    peaks_.pop_back();
  }
  peaks_.push_back(complete.back().hash);
  ++size_;
  return complete;
}

std::string Frontier::root() const {
  if (peaks_.empty()) return crypto::sha256("");
  std::string root = peaks_.back();
  for (auto peak = peaks_.rbegin() + 1; peak != peaks_.rend(); ++peak) root = node_hash(*peak, root);
  return root;
}

std::string root_hash(const NodeSource& nodes, std::uint64_t size) { return Frontier(nodes, size).root(); }

std::vector<std::string> inclusion_proof(const NodeSource& nodes, std::uint64_t index, std::uint64_t size) {
  if (index >= size) fail(ErrorCode::invalid, "the record is not in a tree of this size");
  // From the root down to the leaf, noting each sibling; the proof lists them from the leaf up.
  std::vector<std::string> proof;
  std::uint64_t begin = 0, count = size;
  while (count > 1) {
    const std::uint64_t left = std::uint64_t{1} << split_level(count);
    if (index < begin + left) {
      proof.push_back(subtree_hash(nodes, begin + left, count - left));
      count = left;
    } else {
      proof.push_back(subtree_hash(nodes, begin, left));
      begin += left;
      count -= left;
    }
  }
  return {proof.rbegin(), proof.rend()};
}

std::vector<std::string> consistency_proof(const NodeSource& nodes, std::uint64_t old_size, std::uint64_t size) {
  if (old_size > size) fail(ErrorCode::invalid, "the older tree cannot be larger than the newer one");
  if (old_size == 0 || old_size == size) return {};
  // Down to the last complete subtree of the old tree, noting each sibling.
  std::vector<std::string> proof;
  std::uint64_t begin = 0, count = size, old = old_size;  // `old` of the `count` leaves are in the old tree
  while (old != count) {
    const std::uint64_t left = std::uint64_t{1} << split_level(count);
    if (old <= left) {
      proof.push_back(subtree_hash(nodes, begin + left, count - left));
      count = left;
    } else {
      proof.push_back(subtree_hash(nodes, begin, left));
      begin += left;
      count -= left;
      old -= left;
    }
  }
  if (begin != 0) proof.push_back(subtree_hash(nodes, begin, count));  // otherwise it is the old root itself
  return {proof.rbegin(), proof.rend()};
}

// RFC 9162, section 2.1.3.2.
bool verify_inclusion(std::string_view hash_of_leaf, std::uint64_t index, std::uint64_t size,
                      const std::vector<std::string>& proof, std::string_view root) {
  if (index >= size) return false;
  std::uint64_t node = index, last = size - 1;
  std::string hash(hash_of_leaf);
  for (const std::string& sibling : proof) {
    if (last == 0 || sibling.size() != 32) return false;
    if ((node & 1) != 0 || node == last) {
      hash = node_hash(sibling, hash);
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      hash = node_hash(hash, sibling);
    }
    node >>= 1;
    last >>= 1;
  }
  return last == 0 && hash == root;
}

// RFC 9162, section 2.1.4.2.
bool verify_consistency(std::uint64_t old_size, std::uint64_t size, std::string_view old_root, std::string_view root,
                        const std::vector<std::string>& proof) {
  if (old_size > size) return false;
  if (old_size == size) return proof.empty() && old_root == root;
  if (old_size == 0) return proof.empty() && old_root == crypto::sha256("");
  std::vector<std::string> path = proof;
  if (std::has_single_bit(old_size)) path.insert(path.begin(), std::string(old_root));
  if (path.empty()) return false;
  std::uint64_t node = old_size - 1, last = size - 1;
  while ((node & 1) != 0) {
    node >>= 1;
    last >>= 1;
  }
  std::string old_hash = path.front(), hash = path.front();
  for (std::size_t i = 1; i < path.size(); ++i) {
    const std::string& sibling = path[i];
    if (last == 0 || sibling.size() != 32) return false;
    if ((node & 1) != 0 || node == last) {
      old_hash = node_hash(sibling, old_hash);
      hash = node_hash(sibling, hash);
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      hash = node_hash(hash, sibling);
    }
    node >>= 1;
    last >>= 1;
  }
  return last == 0 && old_hash == old_root && hash == root;
}

std::string head_bytes(const TreeHead& head) {
  return crypto::join_fields({"modelops-tree-head-v1", head.organisation, crypto::big_endian(head.tree_size),
                              head.root_hash, crypto::big_endian(static_cast<std::uint64_t>(head.time.us)),
                              head.key_id});
}

SignedTreeHead sign_head(TreeHead head, const Secret& private_key) {
  std::string signature = crypto::sign(private_key, head_bytes(head));
  return {std::move(head), std::move(signature)};
}

bool verify_head(const SignedTreeHead& head, std::string_view public_key) {
  return crypto::verify(public_key, head_bytes(head.head), head.signature);
}

}  // namespace modelops::audit
