#include "dataplane/agent/artifacts.hpp"

#include <gmock/gmock.h>

#include "dataplane/machine/control_plane_test.hpp"

namespace modelops::agent {
namespace {

using testing::eventually;
using Kind = ArtifactCache::Status::Kind;

class ArtifactCacheTest : public ::testing::Test {
 protected:
  ~ArtifactCacheTest() override {
    thread.request_stop();
    if (thread.joinable()) thread.join();
  }

  targets::DesiredReplica replica(std::string digest, std::vector<std::pair<std::string, std::string>> files) {
    targets::DesiredReplica out;
    out.artifact_digest = std::move(digest);
    for (auto& [path, bytes] : files) {
      std::string sha256 = crypto::sha256_hex(bytes);
      out.artifact.push_back({path, static_cast<std::int64_t>(bytes.size()), sha256});
      std::lock_guard lock(mutex);
      contents[sha256] = std::move(bytes);
    }
    return out;
  }
  void serve(const std::string& sha256, std::string bytes) {
    std::lock_guard lock(mutex);
    contents[sha256] = std::move(bytes);
  }
  ArtifactCache::Status await(const targets::DesiredReplica& wanted) {
    ArtifactCache::Status status;
    EXPECT_TRUE(eventually([&] {
      status = cache.want(wanted);
      return status.kind != Kind::fetching;
    }));
    return status;
  }
  static std::string text(const std::filesystem::path& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  void fetch(const std::string& sha256, std::uint64_t offset, const auto& begin, const auto& receive) {
    std::string bytes;
    {
      std::lock_guard lock(mutex);
      offsets.push_back(offset);
      if (error) throw Error(*std::exchange(error, std::nullopt));
      bytes = contents.at(sha256);
    }
    begin(offset);
    for (std::string_view rest = std::string_view(bytes).substr(offset); !rest.empty(); rest.remove_prefix(1)) {
      {
        std::lock_guard lock(mutex);
        if (bytes_until_cut-- == 0) fail(ErrorCode::bad_gateway, "cut");
      }
      receive(rest.substr(0, 1));
    }
  }

  std::mutex mutex;
  std::map<std::string, std::string> contents;
  std::vector<std::uint64_t> offsets;
  std::optional<Error> error;
  int bytes_until_cut = -1;
  testing::TemporaryFolder folder;
  ArtifactCache cache{folder.path(), [this](const auto& sha256, auto offset, const auto& begin, const auto& receive,
                                            auto) { fetch(sha256, offset, begin, receive); }};
  std::jthread thread{[this](std::stop_token stop) { cache.run(stop); }};
};

TEST_F(ArtifactCacheTest, AssemblesAVersionOfSharedFiles) {
  const auto one = replica("v1", {{"model.onnx", "weights"}, {"a/b/labels.txt", "cat"}, {"empty", ""}});
  const auto status = await(one);
  ASSERT_EQ(status.kind, Kind::present) << status.message;
  EXPECT_EQ(status.folder, folder.path() / "versions" / "v1");
  EXPECT_EQ(text(status.folder / "model.onnx"), "weights");
  EXPECT_EQ(text(status.folder / "a/b/labels.txt"), "cat");
  EXPECT_EQ(text(status.folder / "empty"), "");
  const std::size_t fetched = offsets.size();
  const auto two = await(replica("v2", {{"renamed.onnx", "weights"}}));
  EXPECT_EQ(text(two.folder / "renamed.onnx"), "weights");
  EXPECT_EQ(offsets.size(), fetched) << "the file was there already";
}

TEST_F(ArtifactCacheTest, GoesOnWhereItWasCut) {
  bytes_until_cut = 4;
  const auto status = await(replica("v1", {{"m", "0123456789"}}));
  ASSERT_EQ(status.kind, Kind::present) << status.message;
  EXPECT_EQ(text(status.folder / "m"), "0123456789");
  EXPECT_THAT(offsets, ::testing::ElementsAre(0, 4));
}

TEST_F(ArtifactCacheTest, ADamagedRestIsFetchedAnew) {
  const auto wanted = replica("v1", {{"m", "0123456789"}});
  std::ofstream(folder.path() / "artifacts" / (wanted.artifact[0].sha256 + ".part")) << "xyz";
  const auto status = await(wanted);
  ASSERT_EQ(status.kind, Kind::present) << status.message;
  EXPECT_EQ(text(status.folder / "m"), "0123456789");
  EXPECT_THAT(offsets, ::testing::ElementsAre(3, 0));
}

TEST_F(ArtifactCacheTest, RefusesOtherBytesThanPromised) {
  const auto wanted = replica("v1", {{"m", "0123456789"}});
  for (const char* bytes : {"012345678x", "0123456789 and more"}) {
    serve(wanted.artifact[0].sha256, bytes);
    const auto status = await(wanted);
    EXPECT_EQ(status.kind, Kind::failed);
    EXPECT_EQ(status.reason, "artifact_mismatch");
    EXPECT_FALSE(std::filesystem::exists(folder.path() / "versions" / "v1"));
    EXPECT_TRUE(std::filesystem::is_empty(folder.path() / "artifacts"));
    cache.retain({"v1"});
  }
}

TEST_F(ArtifactCacheTest, AFullDiskFailsIt) {
  const auto wanted = replica("v1", {{"m", "0123456789"}});
  error = Error(ErrorCode::insufficient_storage, "The disk is full.");
  EXPECT_EQ(await(wanted).reason, "disk_full");
  auto huge = replica("v2", {{"m", "0123456789"}});
  huge.artifact[0].sha256 = std::string(64, 'a');
  huge.artifact[0].size_bytes = std::int64_t{1} << 60;
  EXPECT_EQ(await(huge).reason, "disk_full");
}

TEST_F(ArtifactCacheTest, RemovesWhatNobodyNeeds) {
  const auto one = replica("v1", {{"m", "shared"}, {"n", "only one"}});
  const auto two = replica("v2", {{"m", "shared"}});
  await(one);
  await(two);
  cache.retain({"v2"});
  EXPECT_TRUE(eventually([&] {
    return !std::filesystem::exists(folder.path() / "versions" / "v1") &&
           !std::filesystem::exists(folder.path() / "artifacts" / one.artifact[1].sha256);
  }));
  EXPECT_EQ(text(folder.path() / "versions" / "v2" / "m"), "shared");
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "artifacts" / one.artifact[0].sha256));
}

}  // namespace
}  // namespace modelops::agent
