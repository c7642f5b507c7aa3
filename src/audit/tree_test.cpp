#include "audit/tree.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <map>

#include "base/error.hpp"
#include "base/text.hpp"
#include "platform/crypto/hash.hpp"
#include "platform/crypto/sign.hpp"

namespace modelops::audit {
namespace {

using Proof = std::vector<std::string>;

std::string hex(std::string_view text) { return from_hex(text).value(); }

/// Keeps the nodes as a store would: each written once.
class MemoryNodes final : public NodeSource {
 public:
  std::string hash(int level, std::uint64_t index) const override {
    ++reads;
    return nodes_.at({level, index});
  }
  void insert(const std::vector<Node>& nodes) {
    for (const Node& node : nodes) ASSERT_TRUE(nodes_.emplace(std::pair(node.level, node.index), node.hash).second);
  }
  mutable int reads = 0;

 private:
  std::map<std::pair<int, std::uint64_t>, std::string> nodes_;
};

using Leaves = std::vector<std::string>;

/// The definitions of RFC 9162, section 2.1, word for word: MTH, PATH and SUBPROOF of the leaves [from, to).
class Definition {
 public:
  explicit Definition(const Leaves& d) : d_(d) {}

  std::string mth(std::size_t from, std::size_t to) {
    if (from == to) return crypto::sha256("");
    std::string& hash = known_[{from, to}];  // leaves are only ever appended
    if (!hash.empty()) return hash;
    if (to - from == 1) return hash = leaf_hash(d_[from]);
    const std::size_t middle = split(from, to);
    return hash = node_hash(mth(from, middle), mth(middle, to));
  }
  Proof path(std::size_t m, std::size_t from, std::size_t to) {
    if (to - from == 1) return {};
    const std::size_t middle = split(from, to);
    Proof proof = m < middle ? path(m, from, middle) : path(m, middle, to);
    proof.push_back(m < middle ? mth(middle, to) : mth(from, middle));
    return proof;
  }
  Proof subproof(std::size_t m, std::size_t from, std::size_t to, bool whole) {
    if (m == to) return whole ? Proof{} : Proof{mth(from, to)};
    const std::size_t middle = split(from, to);
    Proof proof = m <= middle ? subproof(m, from, middle, whole) : subproof(m, middle, to, false);
    proof.push_back(m <= middle ? mth(middle, to) : mth(from, middle));
    return proof;
  }

 private:
  static std::size_t split(std::size_t from, std::size_t to) { return from + std::bit_floor(to - from - 1); }
  const Leaves& d_;
  std::map<std::pair<std::size_t, std::size_t>, std::string> known_;
};

class TreeTest : public testing::Test {
 protected:
  void grow(const Leaves& more) {
    for (const std::string& leaf : more) {
      leaves.push_back(leaf);
      nodes.insert(frontier.append(leaf_hash(leaf)));
    }
  }
  Leaves leaves;
  Definition definition{leaves};
  MemoryNodes nodes;
  Frontier frontier;
};

const Leaves published = {hex(""),
                          hex("00"),
                          hex("10"),
                          hex("2021"),
                          hex("3031"),
                          hex("40414243"),
                          hex("5051525354555657"),
                          hex("606162636465666768696a6b6c6d6e6f")};

// The reference vectors of Certificate Transparency (RFC 6962, whose tree RFC 9162 kept).
TEST_F(TreeTest, HasThePublishedRoots) {
  const char* const roots[] = {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                               "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                               "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                               "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                               "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                               "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                               "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                               "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                               "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
  EXPECT_EQ(to_hex(frontier.root()), roots[0]);
  grow(published);
  for (std::uint64_t size = 0; size <= 8; ++size) EXPECT_EQ(to_hex(root_hash(nodes, size)), roots[size]) << size;
}

TEST_F(TreeTest, HasThePublishedProofs) {
  grow(published);
  const Proof first = {hex("96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"),
                       hex("5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"),
                       hex("6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4")};
  EXPECT_EQ(inclusion_proof(nodes, 0, 8), first);
  EXPECT_EQ(consistency_proof(nodes, 1, 8), first);
  EXPECT_EQ(consistency_proof(nodes, 6, 8),
            (Proof{hex("0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"),
                   hex("ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"),
                   hex("d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7")}));
}

TEST_F(TreeTest, EverySizeUpTo130FollowsTheDefinition) {
  for (std::size_t size = 0; size <= 130; ++size) {
    const std::string root = definition.mth(0, leaves.size());
    ASSERT_EQ(frontier.root(), root) << size;
    ASSERT_EQ(root_hash(nodes, size), root) << size;
    ASSERT_EQ(Frontier(nodes, size).size(), size);
    for (std::size_t index = 0; index < size; ++index) {
      const Proof proof = inclusion_proof(nodes, index, size);
      ASSERT_EQ(proof, definition.path(index, 0, size)) << index << " of " << size;
      ASSERT_TRUE(verify_inclusion(leaf_hash(leaves[index]), index, size, proof, root)) << index << " of " << size;
    }
    for (std::size_t old = 1; old < size; ++old) {
      const Proof proof = consistency_proof(nodes, old, size);
      ASSERT_EQ(proof, definition.subproof(old, 0, size, true)) << old << " of " << size;
      ASSERT_TRUE(verify_consistency(old, size, root_hash(nodes, old), root, proof)) << old << " of " << size;
    }
    ASSERT_TRUE(verify_consistency(size, size, root, root, consistency_proof(nodes, size, size)));
    ASSERT_TRUE(verify_consistency(0, size, crypto::sha256(""), root, consistency_proof(nodes, 0, size)));
    grow({"leaf " + std::to_string(size)});
  }
}

TEST_F(TreeTest, AFrontierReadFromTheStoreGoesOn) {
  for (int i = 0; i < 70; ++i) {
    Frontier again(nodes, leaves.size());
    const std::string leaf = std::to_string(i);
    leaves.push_back(leaf);
    nodes.insert(again.append(leaf_hash(leaf)));
    ASSERT_EQ(again.root(), definition.mth(0, leaves.size())) << i;
  }
}

TEST_F(TreeTest, VerificationRefusesEverythingElse) {
  for (int i = 0; i < 21; ++i) grow({std::to_string(i)});
  for (std::uint64_t size = 1; size <= 21; ++size) {
    const std::string root = root_hash(nodes, size);
    for (std::uint64_t index = 0; index < size; ++index) {
      const std::string leaf = leaf_hash(leaves[index]);
      const Proof proof = inclusion_proof(nodes, index, size);
      for (std::uint64_t other = 0; other <= 22; ++other)
        if (other != index) ASSERT_FALSE(verify_inclusion(leaf, other, size, proof, root)) << index << other << size;
      ASSERT_FALSE(verify_inclusion(leaf_hash("forged"), index, size, proof, root));
      ASSERT_FALSE(verify_inclusion(leaf, index, size, proof, crypto::sha256("x")));
      Proof longer = proof;
      longer.push_back(root);
      ASSERT_FALSE(verify_inclusion(leaf, index, size, longer, root));
      for (std::size_t i = 0; i < proof.size(); ++i) {
        Proof changed = proof;
        changed[i][0] = static_cast<char>(changed[i][0] ^ 1);
        ASSERT_FALSE(verify_inclusion(leaf, index, size, changed, root));
        changed[i] = "short";
        ASSERT_FALSE(verify_inclusion(leaf, index, size, changed, root));
        ASSERT_FALSE(verify_inclusion(leaf, index, size,
                                      Proof(proof.begin(), proof.begin() + static_cast<std::ptrdiff_t>(i)), root));
      }
    }
    for (std::uint64_t old = 1; old < size; ++old) {
      const std::string old_root = root_hash(nodes, old);
      const Proof proof = consistency_proof(nodes, old, size);
      ASSERT_FALSE(verify_consistency(old, size, crypto::sha256("x"), root, proof));
      ASSERT_FALSE(verify_consistency(old, size, old_root, crypto::sha256("x"), proof));
      ASSERT_FALSE(verify_consistency(size, old, root, old_root, proof));
      ASSERT_FALSE(verify_consistency(old, old, old_root, root, {}));
      ASSERT_FALSE(verify_consistency(old, size, old_root, root, {}));
      Proof longer = proof;
      longer.push_back(root);
      ASSERT_FALSE(verify_consistency(old, size, old_root, root, longer));
      for (std::size_t i = 0; i < proof.size(); ++i) {
        Proof changed = proof;
        changed[i][31] = static_cast<char>(changed[i][31] ^ 1);
        ASSERT_FALSE(verify_consistency(old, size, old_root, root, changed)) << old << size << i;
      }
    }
  }
  EXPECT_THROW(inclusion_proof(nodes, 21, 21), Error);
  EXPECT_THROW(consistency_proof(nodes, 22, 21), Error);
}

TEST_F(TreeTest, ProofsOfALargeTreeReadFewNodes) {
  for (int i = 0; i < 10'000; ++i) grow({std::to_string(i)});
  for (const std::uint64_t size : {10'000U, 8'191U, 8'193U}) {
    for (const std::uint64_t index : {0U, 4'095U, 8'190U}) {
      nodes.reads = 0;
      const Proof proof = inclusion_proof(nodes, index, size);
      EXPECT_LE(nodes.reads, 28);  // 2 log2(n)
      EXPECT_TRUE(verify_inclusion(leaf_hash(leaves[index]), index, size, proof, root_hash(nodes, size)));
      nodes.reads = 0;
      EXPECT_TRUE(verify_consistency(index + 1, size, root_hash(nodes, index + 1), root_hash(nodes, size),
                                     consistency_proof(nodes, index + 1, size)));
      EXPECT_LE(nodes.reads, 28 * 3);
    }
  }
}

TEST(TreeHeadTest, BytesAreFrozen) {
  const TreeHead head{"org_1", 3, std::string(32, '\xaa'), {1'800'000'000'000'000}, "k1"};
  EXPECT_EQ(to_hex(head_bytes(head)),
            "0000000000000015"
            "6d6f64656c6f70732d747265652d686561642d7631"
            "0000000000000005"
            "6f72675f31"
            "0000000000000008"
            "0000000000000003"
            "0000000000000020"
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
            "0000000000000008"
            "0006651728988000"
            "0000000000000002"
            "6b31");
}

TEST(TreeHeadTest, EveryFieldIsSigned) {
  const crypto::KeyPair key = crypto::make_signing_key();
  const SignedTreeHead good =
      sign_head({"org_1", 3, crypto::sha256("root"), {1'800'000'000'000'000}, "k1"}, key.private_key);
  EXPECT_TRUE(verify_head(good, key.public_key));
  EXPECT_FALSE(verify_head(good, crypto::make_signing_key().public_key));
  const auto with = [&](auto change) {
    SignedTreeHead changed = good;
    change(changed);
    return verify_head(changed, key.public_key);
  };
  EXPECT_FALSE(with([](auto& h) { h.head.organisation = "org_2"; }));
  EXPECT_FALSE(with([](auto& h) { h.head.tree_size = 4; }));
  EXPECT_FALSE(with([](auto& h) { h.head.root_hash = crypto::sha256("other"); }));
  EXPECT_FALSE(with([](auto& h) { h.head.time.us += 1; }));
  EXPECT_FALSE(with([](auto& h) { h.head.key_id = "k2"; }));
  EXPECT_FALSE(with([](auto& h) { h.signature[5] = static_cast<char>(h.signature[5] ^ 1); }));
}

}  // namespace
}  // namespace modelops::audit
