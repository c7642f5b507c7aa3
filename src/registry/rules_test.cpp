#include "registry/rules.hpp"

#include <gtest/gtest.h>

#include "base/code_of_test.hpp"
#include "base/error.hpp"
#include "platform/crypto/hash.hpp"

namespace modelops::registry {
namespace {

FileEntry file(std::string_view path, std::string_view content) {
  return {*RelativePath::parse(path), static_cast<std::int64_t>(content.size()),
          *Sha256Text::parse(crypto::sha256_hex(content))};
}

// Frozen: all evidence ever given binds to these digests. They can be checked with
//   printf 'modelops-manifest-v1\n<sha256> <size> <path>\n…' | sha256sum
TEST(Manifest, Vectors) {
  EXPECT_EQ(canonical_manifest({file("model.onnx", "abc")}),
            "modelops-manifest-v1\n"
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad 3 model.onnx\n");
  EXPECT_EQ(manifest_digest({file("model.onnx", "abc")}).str(),
            "7cf7617472d6a85a607b2241b63c5477659751fa88e8adf1566ac0c82b3a8ec2");
  EXPECT_EQ(canonical_manifest({file("b/é ü.txt", ""), file("b.txt", "x"), file("Z", "abc")}),
            "modelops-manifest-v1\n"
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad 3 Z\n"
            "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881 1 b.txt\n"
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 b/é ü.txt\n");
  EXPECT_EQ(manifest_digest({file("b/é ü.txt", ""), file("b.txt", "x"), file("Z", "abc")}).str(),
            "4ed59a3ec52a237f8022f128ebeea800c41d3b1f922d315ee49571ff68a1b152");
  EXPECT_EQ(manifest_digest({}).str(), "b648eb7ea23af138b87d94f0ff498c0722b57982378eee64c876e90eb78803c5");
}

TEST(Manifest, TheOrderOfFilesDoesNotMatterTheirNamesAndContentsDo) {
  const auto digest = manifest_digest({file("a", "1"), file("b", "2")});
  EXPECT_EQ(digest, manifest_digest({file("b", "2"), file("a", "1")}));
  EXPECT_NE(digest, manifest_digest({file("a", "2"), file("b", "1")}));
  EXPECT_NE(digest, manifest_digest({file("a", "1"), file("c", "2")}));
}

TEST(Manifest, AFileIsNoFolder) {
  EXPECT_NO_THROW(check_tree({file("a/b", ""), file("a-b", ""), file("a/c/d", "")}));
  EXPECT_EQ(code_of([] { check_tree({}); }), ErrorCode::unprocessable);
  EXPECT_EQ(code_of([] { check_tree({file("a", ""), file("a-b", ""), file("a/b", "")}); }), ErrorCode::unprocessable);
  EXPECT_EQ(code_of([] { check_tree({file("a/b/c/d", ""), file("a/b", "")}); }), ErrorCode::unprocessable);
}

TEST(Aliases, Names) {
  for (const std::string& good :
       std::vector<std::string>{"production", "v", "v1a", "V2", "latest-approved", "a_b-C", "1", std::string(255, 'a')})
    EXPECT_TRUE(AliasName::parse(good)) << good;
  for (const std::string& bad :
       std::vector<std::string>{"", "latest", "v1", "v00", "a b", "a.b", "a/b", "é", "a\n", std::string(256, 'a')})
    EXPECT_FALSE(AliasName::parse(bad)) << bad;
}

TEST(Selectors, WhatTheyName) {
  EXPECT_EQ(parse_selector("digits@production")->model, "digits");
  EXPECT_EQ(parse_selector("digits@production")->alias, "production");
  EXPECT_EQ(parse_selector("digits@latest")->alias, "latest");
  EXPECT_EQ(parse_selector("digits:v12")->number, 12);
  const auto version = ModelVersionId::make();
  EXPECT_EQ(parse_selector(version.str())->id, version);
  for (const char* bad : {"", "digits", "digits@", "@x", "digits:v", "digits:vx", ":v1", "digits:v99999999999999999999",
                          "digits@v1", "digits@a b", "mdv_1"})
    EXPECT_FALSE(parse_selector(bad)) << bad;
}

}  // namespace
}  // namespace modelops::registry
