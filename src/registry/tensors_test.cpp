#include "registry/tensors.hpp"

#include "registry/fixture_test.hpp"

namespace modelops::registry {
namespace {

using namespace fixture;  // NOLINT: a test's own vocabulary
using ::testing::ElementsAre;
using ::testing::SizeIs;

/// A file "3" has three tensors; one that says "text" has none.
struct FakeReader final : TensorReader {
  std::vector<Tensor> read(const SourceFile& file) override {
    ++reads;
    std::string bytes(file.size_bytes, '\0');
    file.open()->read_at(0, bytes);
    if (bytes == "broken") fail(ErrorCode::unprocessable, file.path + " is malformed at byte 6.");
    std::vector<Tensor> out;
    const int count = bytes.size() == 1 ? bytes[0] - '0' : 0;
    for (int i = 0; i < count; ++i) out.push_back({fmt::format("t{}", i), "BF16", {2, 3}, 12});
    return out;
  }
  int reads = 0;
};

class TensorsTest : public RegistryFixture {
 protected:
  TensorsTest() {
    service.create_model(ada, model_named("chat"));
    version_of({{"a.safetensors", "3"}, {"b/c.safetensors", "2"}, {"README.md", "text"}});
  }
  void version_of(const std::vector<std::pair<std::string, std::string>>& files) {
    const UploadId id = uploads.create(ada, {}).id;
    for (const auto& [path, bytes] : files) put(ada, id, path, bytes);
    service.create_version(ada, {named("chat"), id, std::nullopt, *Description::parse("")});
  }
  static ListTensors request(std::int64_t page_size, std::int64_t version = 1) {
    ListTensors out;
    out.model = named("chat");
    out.version = number(version);
    out.page_size = *query::PageSize::parse(page_size);
    return out;
  }
  std::vector<std::string> all(const Context& ctx, ListTensors wanted) {
    std::vector<std::string> out;
    for (;;) {
      const TensorPage page = tensors.list(ctx, wanted);
      EXPECT_LE(std::ssize(page.items), wanted.page_size.number());
      for (const VersionTensor& tensor : page.items) out.push_back(tensor.file + " " + tensor.name);
      if (!page.next_page_token) return out;
      wanted.page_token = *page.next_page_token;
    }
  }

  FakeReader reader;
  Tensors tensors{*database, service, reader};
};

TEST_P(TensorsTest, AreListedPageByPageThroughAllFiles) {
  const auto wanted = ElementsAre("a.safetensors t0", "a.safetensors t1", "a.safetensors t2", "b/c.safetensors t0",
                                  "b/c.safetensors t1");
  for (const std::int64_t page_size : {1, 2, 3, 4, 5, 1000}) EXPECT_THAT(all(ada, request(page_size)), wanted);
  EXPECT_EQ(reader.reads, 2 + 6);  // what has tensors is read once; a text is looked at each time
  ListTensors one = request(10);
  one.file = *RelativePath::parse("b/c.safetensors");
  EXPECT_THAT(all(ada, one), ElementsAre("b/c.safetensors t0", "b/c.safetensors t1"));
  const VersionTensor first = tensors.list(ada, request(1)).items.at(0);
  EXPECT_EQ(first.dtype, "BF16");
  EXPECT_THAT(first.shape, ElementsAre(2, 3));
  EXPECT_EQ(first.size_bytes, 12);
}

TEST_P(TensorsTest, WhatIsNotThereOrMalformedIsSaid) {
  ListTensors missing = request(10);
  missing.file = *RelativePath::parse("none");
  EXPECT_EQ(code_of([&] { tensors.list(ada, missing); }), ErrorCode::not_found);
  EXPECT_EQ(code_of([&] { tensors.list(ada, request(10, 9)); }), ErrorCode::not_found);
  EXPECT_EQ(code_of([&] { tensors.list(stranger, request(10)); }), ErrorCode::not_found);
  ListTensors bad = request(10);
  const std::string good = *tensors.list(ada, request(1)).next_page_token;
  for (const std::string& token : {std::string("x"), std::string("e30"), good + "A"}) {
    bad.page_token = token;
    EXPECT_EQ(code_of([&] { tensors.list(ada, bad); }), ErrorCode::invalid) << token;
  }
  version_of({{"a.safetensors", "broken"}, {"b.safetensors", "2"}});
  EXPECT_EQ(code_of([&] { tensors.list(ada, request(10, 2)); }), ErrorCode::unprocessable);
  ListTensors sound = request(10, 2);
  sound.page_token = good;  // of the other version
  EXPECT_EQ(code_of([&] { tensors.list(ada, sound); }), ErrorCode::invalid);
  sound.page_token.clear();
  sound.file = *RelativePath::parse("b.safetensors");
  EXPECT_THAT(all(ada, sound), SizeIs(2));
}

MODELOPS_ON_BOTH_DATABASES(TensorsTest);

}  // namespace
}  // namespace modelops::registry
