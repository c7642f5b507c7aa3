#include <gtest/gtest.h>

#include <regex>
#include <set>

#include "base/error.hpp"
#include "base/id.hpp"
#include "base/text.hpp"
#include "platform/crypto/aead.hpp"
#include "platform/crypto/hash.hpp"
#include "platform/crypto/password.hpp"
#include "platform/crypto/seal.hpp"
#include "platform/crypto/sign.hpp"
#include "platform/crypto/token.hpp"

namespace modelops::crypto {
namespace {

std::string hex(std::string_view text) { return from_hex(text).value(); }

template <class F>
std::optional<ErrorCode> error_of(F f) {
  try {
    f();
  } catch (const Error& error) {
    return error.code;
  }
  return std::nullopt;
}

TEST(Hash, AnswersThePublishedVectors) {
  // FIPS 180-4 examples.
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  // RFC 4231, case 1.
  EXPECT_EQ(to_hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  // RFC 5869, cases 1 and 3.
  EXPECT_EQ(
      to_hex(hkdf_sha256(std::string(22, '\x0b'), hex("000102030405060708090a0b0c"), hex("f0f1f2f3f4f5f6f7f8f9"), 42)),
      "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  EXPECT_EQ(to_hex(hkdf_sha256(std::string(22, '\x0b'), "", "", 42)),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

TEST(Hash, InPiecesIsTheSameAndStartsAnew) {
  Sha256 hash;
  for (int round = 0; round < 2; ++round) {
    hash.update("a");
    hash.update("");
    hash.update("bc");
    EXPECT_EQ(hash.finish(), sha256("abc"));
  }
}

TEST(Hash, JoinedFieldsKeepTheirBorders) {
  EXPECT_NE(join_fields({"ab", "c"}), join_fields({"a", "bc"}));
  EXPECT_NE(join_fields({"a", ""}), join_fields({"a"}));
  EXPECT_EQ(to_hex(join_fields({"ab"})), "00000000000000026162");
  EXPECT_EQ(to_hex(big_endian(0x0102030405060708)), "0102030405060708");
}

TEST(Aead, OpensThePublishedVector) {
  // McGrew and Viega, "The Galois/Counter Mode of Operation" (submitted to NIST), test case 16.
  const Secret key(hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"));
  const std::string sealed = hex(
      "cafebabefacedbaddecaf888"
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0a"
      "bcc9f66276fc6ece0f4e1768cddf8853bb2d551b");
  EXPECT_EQ(
      to_hex(aead_open(key, sealed, hex("feedfacedeadbeeffeedfacedeadbeefabaddad2")).reveal()),
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de6"
      "57ba637b39");
}

TEST(Aead, OpensOnlyWhatItSealed) {
  const Secret key(random_bytes(32));
  for (const std::string& plaintext : {std::string(), std::string("x"), std::string(100'000, 'y')}) {
    const std::string sealed = aead_seal(key, plaintext, "context");
    EXPECT_EQ(sealed.size(), plaintext.size() + aead_overhead_bytes);
    EXPECT_EQ(aead_open(key, sealed, "context").reveal(), plaintext);
    EXPECT_NE(aead_seal(key, plaintext, "context"), sealed);  // another nonce
    EXPECT_EQ(aead_open(key, aead_seal(key, plaintext, ""), "").reveal(), plaintext);
    EXPECT_EQ(error_of([&] { aead_open(key, sealed, "other"); }), ErrorCode::unprocessable);
    EXPECT_EQ(error_of([&] { aead_open(key, sealed, ""); }), ErrorCode::unprocessable);
    EXPECT_EQ(error_of([&] { aead_open(Secret(random_bytes(32)), sealed, "context"); }), ErrorCode::unprocessable);
    EXPECT_EQ(error_of([&] { aead_open(key, sealed + "x", "context"); }), ErrorCode::unprocessable);
  }
  const std::string sealed = aead_seal(key, "secret", "context");
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_EQ(error_of([&] { aead_open(key, changed, "context"); }), ErrorCode::unprocessable) << i;
    EXPECT_EQ(error_of([&] { aead_open(key, sealed.substr(0, i), "context"); }), ErrorCode::unprocessable) << i;
  }
  EXPECT_EQ(error_of([] { aead_seal(Secret("short"), "", ""); }), ErrorCode::internal);
}

TEST(Sign, AnswersThePublishedVectors) {
  struct Vector {
    const char *private_key, *public_key, *message, *signature;
  };
  // RFC 8032, section 7.1, tests 1 and 2.
  for (const Vector& v : {Vector{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                                 "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
                                 "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e3"
                                 "9701cf9b46bd25bf5f0595b"
                                 "be24655141438e7a100b"},
                          Vector{"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                                 "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
                                 "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3"
                                 "613d0f11d8c387b2eaeb430"
                                 "2aeeb00d291612bb0c00"}}) {
    const KeyPair pair = signing_key_from(Secret(hex(v.private_key)));
    EXPECT_EQ(to_hex(pair.public_key), v.public_key);
    EXPECT_EQ(to_hex(sign(pair.private_key, hex(v.message))), v.signature);
    EXPECT_TRUE(verify(pair.public_key, hex(v.message), hex(v.signature)));
  }
}

TEST(Sign, RefusesEverythingElse) {
  const KeyPair pair = make_signing_key();
  const std::string signature = sign(pair.private_key, "message");
  EXPECT_TRUE(verify(pair.public_key, "message", signature));
  EXPECT_FALSE(verify(pair.public_key, "massage", signature));
  EXPECT_FALSE(verify(make_signing_key().public_key, "message", signature));
  EXPECT_FALSE(verify("", "message", signature));
  EXPECT_FALSE(verify(std::string(32, '\xff'), "message", signature));
  EXPECT_FALSE(verify(pair.public_key, "message", ""));
  EXPECT_FALSE(verify(pair.public_key, "message", signature + "x"));
  for (std::size_t i = 0; i < signature.size(); ++i) {
    std::string changed = signature;
    changed[i] = static_cast<char>(changed[i] ^ 0x20);
    EXPECT_FALSE(verify(pair.public_key, "message", changed)) << i;
  }
  EXPECT_EQ(error_of([] { signing_key_from(Secret("short")); }), ErrorCode::invalid);
}

TEST(Seal, OnlyTheRecipientOpens) {
  const KeyPair agent = make_sealing_key();
  const std::string sealed = seal_to(agent.public_key, "postgres://…", "agent 1");
  EXPECT_EQ(open_sealed(agent, sealed, "agent 1").reveal(), "postgres://…");
  EXPECT_NE(seal_to(agent.public_key, "postgres://…", "agent 1"), sealed);
  EXPECT_EQ(open_sealed(agent, seal_to(agent.public_key, "", ""), "").reveal(), "");
  EXPECT_EQ(error_of([&] { open_sealed(make_sealing_key(), sealed, "agent 1"); }), ErrorCode::unprocessable);
  EXPECT_EQ(error_of([&] { open_sealed(agent, sealed, "agent 2"); }), ErrorCode::unprocessable);
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_EQ(error_of([&] { open_sealed(agent, changed, "agent 1"); }), ErrorCode::unprocessable) << i;
    EXPECT_EQ(error_of([&] { open_sealed(agent, sealed.substr(0, i), "agent 1"); }), ErrorCode::unprocessable) << i;
  }
}

TEST(Seal, RefusesKeysThatAreNone) {
  EXPECT_EQ(error_of([] { seal_to(std::string(32, '\0'), "x", ""); }), ErrorCode::invalid);  // small order
  EXPECT_EQ(error_of([] { seal_to("short", "x", ""); }), ErrorCode::invalid);
  const KeyPair agent = make_sealing_key();
  EXPECT_EQ(error_of([&] { open_sealed(agent, std::string(80, '\0'), ""); }), ErrorCode::unprocessable);
}

TEST(Seal, FormatIsFrozen) {
  // Bob's key pair of RFC 7748, section 6.1.
  const KeyPair bob = sealing_key_from(Secret(hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")));
  EXPECT_EQ(to_hex(bob.public_key), "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
  const std::string sealed =
      hex("4d8ae9961cb244dd5914ba7b97567879ab30a6621bd69998370c30bd9648ff76a7eac499fd883d5c7a88e707a6bb24767a43"
          "318e15b8f76a696d226c7467992a1b3b1bb8fe");
  EXPECT_EQ(open_sealed(bob, sealed, "context").reveal(), "plaintext");
}

TEST(Password, RoundTrips) {
  const std::string phc = hash_password(Secret("correct horse"));
  EXPECT_TRUE(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$")) << phc;
  EXPECT_TRUE(verify_password(Secret("correct horse"), phc));
  EXPECT_FALSE(verify_password(Secret("correct house"), phc));
  EXPECT_FALSE(verify_password(Secret(""), phc));
  EXPECT_FALSE(needs_rehash(phc));
  EXPECT_NE(hash_password(Secret("correct horse")), phc);
}

TEST(Password, VerifiesOlderParametersAndAsksForANewHash) {
  // From the test programme of the reference implementation.
  const char* const phc = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
  EXPECT_TRUE(verify_password(Secret("password"), phc));
  EXPECT_FALSE(verify_password(Secret("differentpassword"), phc));
  EXPECT_TRUE(needs_rehash(phc));
}

TEST(Password, RefusesWhatIsNoneAndWhatWouldExhaustTheMachine) {
  EXPECT_EQ(error_of([] { hash_password(Secret("")); }), ErrorCode::unprocessable);
  EXPECT_EQ(error_of([] { hash_password(Secret(std::string(1025, 'x'))); }), ErrorCode::unprocessable);
  for (const char* phc :
       {"", "password", "$argon2id$", "$argon2id$v=19$", "$argon2id$v=19$m=19456,t=2,p=1$",
        "$argon2id$v=19$m=4294967295,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=65536,t=4000000000,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"})
    EXPECT_FALSE(verify_password(Secret("password"), phc)) << phc;
  EXPECT_FALSE(verify_password(Secret("password"), nobodys_password_hash()));
  EXPECT_FALSE(needs_rehash(nobodys_password_hash()));  // as slow as a real one
}

TEST(Token, HasTheFixedForm) {
  const std::string token = make_token("api").reveal();
  EXPECT_TRUE(std::regex_match(token, std::regex("mo_api_[0-9A-Za-z]{49}"))) << token;
  EXPECT_TRUE(is_token(token, "api"));
  EXPECT_FALSE(is_token(token, "session"));
  EXPECT_EQ(token_display(token), token.substr(0, 11));
  EXPECT_EQ(token_digest(token), sha256_hex(token));
  EXPECT_EQ(token_display("x"), "");
}

TEST(Token, ChecksumFindsEveryChangedCharacter) {
  const std::string token = make_token("session").reveal();
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'a' ? 'b' : 'a';
    if (changed == token) continue;
    EXPECT_FALSE(is_token(changed, "session")) << i;
    EXPECT_FALSE(is_token(token.substr(0, i), "session")) << i;
  }
  EXPECT_FALSE(is_token(token + "0", "session"));
  EXPECT_FALSE(is_token("", ""));
  EXPECT_EQ(error_of([] { make_token("Bad_kind"); }), ErrorCode::internal);
}

TEST(Token, NeverRepeatsAndUsesEveryLetter) {
  std::set<std::string> tokens;
  std::set<char> seen;
  for (int i = 0; i < 200; ++i) {
    const std::string token = make_token("api").reveal();
    tokens.insert(token);
    seen.insert(token.begin() + 7, token.end());
  }
  EXPECT_EQ(tokens.size(), 200U);
  EXPECT_EQ(seen.size(), 62U);
}

}  // namespace
}  // namespace modelops::crypto
