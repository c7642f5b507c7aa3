#include "audit/leaf.hpp"

#include <gtest/gtest.h>

#include "audit/tree.hpp"
#include "base/error.hpp"
#include "base/text.hpp"

namespace modelops::audit {
namespace {

// These vectors must never change: see leaf.hpp.
const std::string salt(32, '\x5a');
const Leaf plain{"aud_1", "org_1", {1'800'000'000'000'000}, salted_hash(salt, R"({"action":"model.create"})"), {}};
const Leaf personal{"aud_1", "org_1", {1'800'000'000'000'000}, plain.payload_hash, salted_hash(salt, "{}")};

TEST(Leaf, FormatVersion1IsFrozen) {
  EXPECT_EQ(to_hex(plain.payload_hash), "8dd71ce7583aeee1cdea76893b5dd93d98b0f0efb31d9e81e5875785cd3dc322");
  EXPECT_EQ(to_hex(encode_leaf(plain)),
            "01"
            "0005"
            "6175645f31"
            "0005"
            "6f72675f31"
            "0006651728988000"
            "8dd71ce7583aeee1cdea76893b5dd93d98b0f0efb31d9e81e5875785cd3dc322"
            "00");
  EXPECT_EQ(to_hex(encode_leaf(personal)),
            "01"
            "0005"
            "6175645f31"
            "0005"
            "6f72675f31"
            "0006651728988000"
            "8dd71ce7583aeee1cdea76893b5dd93d98b0f0efb31d9e81e5875785cd3dc322"
            "01"
            "c71f74e9f9cb71d43846281d185d1310c9f7ead02e0429243ab60167b075a699");
  EXPECT_EQ(to_hex(leaf_hash(encode_leaf(plain))), "ca329d45acff888d80a1ae1fbba32c7846afdc50d858cedbaefb16df1536496a");
}

TEST(Leaf, DecodesExactlyWhatItEncodes) {
  for (const Leaf& leaf : {plain, personal}) {
    const std::string bytes = encode_leaf(leaf);
    EXPECT_EQ(decode_leaf(bytes), leaf);
    for (std::size_t i = 0; i < bytes.size(); ++i) EXPECT_FALSE(decode_leaf(bytes.substr(0, i))) << i;
    EXPECT_FALSE(decode_leaf(bytes + '\0'));
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      std::string changed = bytes;
      changed[i] = static_cast<char>(changed[i] ^ 1);
      EXPECT_NE(decode_leaf(changed), leaf) << i;
    }
  }
  EXPECT_FALSE(decode_leaf("\2" + encode_leaf(plain).substr(1)));
  Leaf early = plain;
  early.time.us = -1;
  EXPECT_EQ(decode_leaf(encode_leaf(early)), early);
}

TEST(Leaf, DifferentRecordsHaveDifferentBytes) {
  Leaf a = plain, b = plain;
  a.record_id = "ab", a.organisation = "c";
  b.record_id = "a", b.organisation = "bc";
  EXPECT_NE(encode_leaf(a), encode_leaf(b));
}

TEST(Leaf, RefusesWhatTheFormatCannotHold) {
  const auto with = [](auto change) {
    Leaf leaf = personal;
    change(leaf);
    return encode_leaf(leaf);
  };
  EXPECT_THROW(with([](Leaf& l) { l.record_id = ""; }), Error);
  EXPECT_THROW(with([](Leaf& l) { l.organisation = std::string(70'000, 'x'); }), Error);
  EXPECT_THROW(with([](Leaf& l) { l.payload_hash = "short"; }), Error);
  EXPECT_THROW(with([](Leaf& l) { l.personal_hash = ""; }), Error);
  EXPECT_THROW(salted_hash("short", ""), Error);
}

TEST(Leaf, TheSaltHidesThePayload) {
  EXPECT_EQ(make_salt().size(), 32U);
  EXPECT_NE(make_salt(), make_salt());
  EXPECT_NE(salted_hash(make_salt(), "payload"), salted_hash(make_salt(), "payload"));
}

}  // namespace
}  // namespace modelops::audit
